"""Affiliate networks as they come: where each takes our click id, and what it says in a postback.

Facts about other people's products (reference/conversion-apis.md 5.8, 7.1, 7.2), typed in by hand; a network
made from one belongs to its operator, who changes what changed. Where a network fills macros into an address
that we give it, the parameters are our own and need no template; where it posts fields of its own, `mapping`
names them. docs/reference/networks.md lists all of them; a test holds it to this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from appliance.model.catalog import Duplicates, Network


class Preset(NamedTuple):
    """`name` is for programs, `title` for people.

    `param` of an offer's link takes our click id. `given` is what stands in the postback URL, in order: our
    parameter → the network's macro (or a constant); nothing where the network posts fields of its own choice,
    which `mapping` reads, or has no postback at all (`polled`). `more` are further URLs it asks for: title →
    what stands in them. `words` are Network.status_words; the other fields are those of Network.
    """

    name: str
    title: str
    param: str
    given: Mapping[str, str] = {}
    mapping: Mapping[str, tuple[str, ...]] = {}
    words: Mapping[str, str] = {}
    currency: str = ""
    reply: str = ""
    signature: Literal["", "hmac_sha256", "clickbank_ins", "digistore24"] = ""
    claim_by: tuple[Literal["event_type", "upsell"], ...] = ()
    transitions: Mapping[str, tuple[str, ...]] = {}
    duplicates: Duplicates = "edit"
    more: Mapping[str, Mapping[str, str]] = {}
    polled: bool = False
    note: str = ""

    def network(self, *, name: str = "", slug: str = "", secret: str = "", currency: str = "") -> Network:
        """A network as it is made from this; what is left empty is the preset's own."""
        return Network(
            name=name or self.title,
            slug=slug or self.name.replace("_", "-"),
            secret=secret,
            currency=currency or self.currency,
            signature=self.signature,
            reply=self.reply,
            status_words=dict(self.words),
            duplicates=self.duplicates,
            claim_by=self.claim_by,
            transitions=dict(self.transitions),
            preset=self.name,
        )

    @property
    def paste(self) -> str:
        """What to add to an offer's URL, so that our click id comes back."""
        return f"{self.param}={{click_id}}" if self.param else ""

    @property
    def query(self) -> str:
        """What follows /pb/{slug}? in the postback URL; "" where nothing does."""
        return query_of(self.given)


def query_of(given: Mapping[str, str]) -> str:
    """Macros stand as they are: it is the network that fills them in, and encodes what it puts there."""
    return "&".join(f"{name}={macro}" for name, macro in given.items())


_CHECK = "Not documented in public: check the macros in your account before you spend money."
_FIRES = (
    "It can report to ad platforms by itself: let one of the two do it, or conversions count twice there."
)
_POLLED = "It sends no postbacks: enter its conversions (conversions.enter, conversions.import)."
_PRODUCER = "A webhook of the product's owner: an affiliate needs his consent."
_FINAL = {"sale": ("refund", "chargeback"), "refund": ("chargeback", "sale"), "chargeback": ("sale",)}
"""For those that also send news which are no change of status, under the order's own id."""


def _urls(
    name: str, title: str, param: str, click: str, payout: str = "", status: str = "", transaction: str = "",
    *, note: str = "", pays_in: str = "", **more: str,
) -> Preset:  # fmt: skip
    """One that fills in macros. `more`: further parameters of ours."""
    given = {"click_id": click, "payout": payout, "status": status, "transaction_id": transaction, **more}
    given = {field: macro for field, macro in given.items() if macro}
    return Preset(name, title, param, given, currency=pays_in, note=note)


def _cake(name: str, title: str, payout: str = "#price#", transaction: str = "#leadid#") -> Preset:
    return _urls(name, title, "s2", "#s2#", payout, "", transaction)


def _buygoods(name: str, title: str) -> Preset:
    """BuyGoods' platform: two addresses, and an empty answer makes it call again for three days."""
    common = {"click_id": "{SUBID}", "payout": "{COMMISSION_AMOUNT}", "transaction_id": "{ORDERID}"}
    return Preset(
        name, title, "subid", {**common, "status": "{CONV_TYPE}", "event_type": "{CONV_TYPE}"},
        words={"purchase": "sale", "frontend": "sale", "upsell": "sale", "checkout visit": "trash"},
        reply="OK", more={"refunds": {**common, "status": "refund"}}, note=_FIRES,
    )  # fmt: skip


ALL: tuple[Preset, ...] = (
    Preset(
        "everflow", "Everflow", "sub1",
        {"click_id": "{sub1}", "payout": "{payout_amount}", "status": "{status}",
         "transaction_id": "{transaction_id}", "currency": "{offer_currency}", "event_type": "{event_name}"},
        claim_by=("event_type",),
        note="Paste the URL for conversions and for events: these are separate there. " + _FIRES,
    ),
    _urls("tune", "TUNE (HasOffers)", "aff_click_id", "{aff_click_id}", "{payout}", "{status}",
        "{transaction_id}", currency="{currency}"),
    Preset(
        "cake", "CAKE", "s2",
        {"click_id": "#s2#", "payout": "#price#", "status": "#status#", "transaction_id": "#leadid#",
         "conversion_time": "#utcunixtime#"},
    ),
    Preset(
        "affise", "Affise", "sub1",
        {"click_id": "{sub1}", "payout": "{sum}", "status": "{status}", "transaction_id": "{transactionid}",
         "currency": "{currency}", "event_type": "{goal}", "conversion_time": "{timestamp}"},
        words={"1": "sale", "2": "hold", "3": "rejected", "5": "hold"},
    ),
    Preset(
        "impact", "Impact", "subId1",
        {"click_id": "{SubId1}", "payout": "{Payout}", "status": "{Status}", "transaction_id": "{ActionId}",
         "currency": "{Currency}", "event_type": "{ActionTrackerName}", "conversion_time": "{EventDate}"},
        mapping={
            "click_id": ("click_id", "SubId1"), "payout": ("payout", "Payout"),
            "status": ("status", "Status", "StatusDetail"), "transaction_id": ("transaction_id", "ActionId"),
            "currency": ("currency", "Currency"), "event_type": ("event_type", "ActionTrackerName"),
            "time": ("conversion_time", "EventDate"),
        },
        words={"pending": "hold", "approved": "sale", "reversed": "rejected"},
        note="By GET with this URL; by POST it may also send its own names as JSON, which are read too.",
    ),
    Preset("cj", "CJ Affiliate", "sid", polled=True, note=_POLLED),
    _urls("awin", "Awin", "clickref", "!!!clickRef!!!", "!!!commission!!!", "", "!!!transactionId!!!",
        note="Its macros are case-sensitive. Publisher's transaction notification, GET."),
    Preset(
        "clickbank", "ClickBank postback", "aff_sub1",
        {"click_id": "{aff_sub1}", "payout": "{affiliate_earnings}", "status": "{event_type}",
         "transaction_id": "{receipt_id}"},
        words={"initial purchase": "sale", "upsell purchase": "sale", "combined": "sale",
               "order form impression": "trash", "addpaymentinfo": "trash"},
        currency="USD", reply="OK",
        note="Never select both Combined and Initial Purchase: each sale would be told twice. " + _FIRES,
    ),
    Preset(
        "clickbank_ins", "ClickBank Instant Notification (INS v6 to v8)", "aff_sub1",
        mapping={
            "click_id": ("$.trackingCodes[0]",), "payout": ("totalAccountAmount",),
            "status": ("transactionType",), "transaction_id": ("receipt",), "currency": ("currency",),
            "time": ("transactionTime",),
        },
        words={"sale": "sale", "bill": "sale", "jv_sale": "sale", "rfnd": "refund", "cgbk": "chargeback",
               "insf": "chargeback", "cancel-rebill": "trash", "uncancel-rebill": "trash",
               "subscription-chg": "trash", "abandoned_order": "trash", "test": "trash",
               "test_sale": "trash", "test_bill": "trash", "test_rfnd": "trash"},
        transitions=_FINAL, reply="OK", signature="clickbank_ins",
        note="Its secret key is the network's secret.",
    ),
    Preset(
        "digistore24", "Digistore24 S2S postback", "cid",
        {"click_id": "{cid}", "payout": "{amount_affiliate}", "status": "{transaction_type}",
         "transaction_id": "{transaction_id}", "currency": "{currency}", "event_type": "{order_type}",
         "upsell": "{upsell_no}", "conversion_time": "{datetime_unix}"},
        words={"payment": "sale", "refund": "refund", "chargeback": "chargeback"},
        claim_by=("upsell",), reply="OK",
    ),
    Preset(
        "digistore24_ipn", "Digistore24 IPN (vendors)", "cid",
        mapping={
            "click_id": ("cid", "custom", "sid1"), "payout": ("amount_affiliate",), "status": ("event",),
            "transaction_id": ("transaction_id",), "currency": ("currency",), "event_type": ("order_type",),
            "upsell": ("upsell_no",),
        },
        words={"on_payment": "sale", "on_refund": "refund", "on_chargeback": "chargeback",
               "on_payment_missed": "rejected", "payment_denial": "rejected", "on_rebill_cancelled": "trash",
               "on_rebill_resumed": "trash", "last_paid_day": "trash", "on_affiliation": "trash",
               "connection_test": "trash"},
        claim_by=("upsell",), transitions=_FINAL, reply="OK", signature="digistore24",
        note="Its passphrase is the network's secret. For a vendor's own share map payout to that field.",
    ),
    _buygoods("buygoods", "BuyGoods"),
    _buygoods("maxweb", "MaxWeb"),
    Preset(
        "cartpanda", "CartPanda", "cid",
        {"click_id": "{cid}", "payout": "{amount_affiliate}", "status": "{order_type}",
         "currency": "{currency}", "event_type": "{order_type}"},
        words={"initial_sale": "sale", "upsell": "sale", "initiate_checkout": "trash"},
        claim_by=("event_type",),
    ),
    _urls("jvzoo", "JVZoo", "tid", "{sub_id2}", "{affiliate_amount}", "", "{transaction_id}", note=_CHECK),
    Preset(
        "adcombo", "AdCombo", "esub",
        {"click_id": "{esub}", "payout": "{revenue}", "status": "{status}", "transaction_id": "{trans_id}"},
        words={"lead": "lead", "confirmed": "sale", "hold": "hold", "rejected": "rejected", "trash": "trash"},
        note="Cash on delivery: a lead becomes a sale when it is confirmed. " + _CHECK,
    ),
    Preset(
        "hotmart", "Hotmart", "sck",
        mapping={
            "click_id": ("$.data.purchase.origin.sck", "$.data.purchase.sckPaymentLink"),
            "payout": ("$.data.purchase.price.value",), "status": ("event",),
            "transaction_id": ("$.data.purchase.transaction",),
            "currency": ("$.data.purchase.price.currency_value",),
            "time": ("$.data.purchase.approved_date",), "secret": ("hottok",),
            "event_type": ("=",),  # its `event` is the status
        },
        words={"purchase_approved": "sale", "purchase_complete": "sale", "purchase_refunded": "refund",
               "purchase_chargeback": "chargeback", "purchase_protest": "hold", "purchase_delayed": "hold",
               "purchase_canceled": "rejected", "purchase_expired": "rejected",
               "purchase_billet_printed": "hold", "purchase_out_of_shopping_cart": "trash"},
        note="Webhook 2.0; its hottok is the network's secret. The payout is the price: map it to your "
        "part of data.commissions. " + _PRODUCER,
    ),
    Preset(
        "kiwify", "Kiwify", "s1",
        mapping={
            "click_id": ("$.TrackingParameters.s1", "$.order.TrackingParameters.s1"),
            "payout": ("$.Commissions.charge_amount", "$.order.Commissions.charge_amount"),
            "notation": ("=cents",), "status": ("order_status", "$.order.order_status"),
            "transaction_id": ("order_id", "$.order.order_id"),
        },
        words={"paid": "sale", "refunded": "refund", "chargedback": "chargeback", "refused": "rejected",
               "waiting_payment": "hold", "expired": "rejected"},
        currency="BRL", note="Its amounts are in cents. " + _PRODUCER,
    ),
    Preset(
        "eduzz", "Eduzz", "utm_term",
        mapping={
            "click_id": ("utm_term", "tracker_utm_term"), "payout": ("trans_value",),
            "status": ("trans_status",), "transaction_id": ("trans_cod",), "secret": ("api_key",),
        },
        words={"1": "hold", "3": "sale", "4": "rejected", "6": "hold", "7": "refund", "9": "trash",
               "10": "rejected"},
        currency="BRL", note="The form webhook; its api_key is the network's secret. " + _PRODUCER,
    ),
    Preset(
        "monetizze", "Monetizze", "src",
        mapping={
            "click_id": ("venda[src]", "$.venda.src"), "payout": ("venda[valor]", "$.venda.valor"),
            "status": ("venda[status]", "$.venda.status"),
            "transaction_id": ("venda[codigo]", "$.venda.codigo"), "secret": ("chave_unica",),
        },
        words={"finalizada": "sale", "completa": "sale", "aguardando pagamento": "hold",
               "cancelada": "rejected", "devolvida": "refund", "bloqueada": "rejected"},
        currency="BRL", note=_CHECK + " " + _PRODUCER,
    ),
    _urls("maxbounty", "MaxBounty", "s2", "#S2#", "#RATE#"),
    _cake("clickdealer", "ClickDealer"),
    _cake("advidi", "Advidi", "", "#tid#"),
    _urls("cpalead", "CPAlead", "subid", "{subid}", "{payout}", "", "{lead_id}"),
    _urls("adworkmedia", "AdWork Media", "sid", "{sid}", "{amount}", "{status}", "{leadID}"),
    _urls("cpamatica", "CPAmatica", "clickid", "{click_id}", "{payout}", "{status}", "{transaction_id}",
        currency="{currency}"),
    _urls("admitad", "admitad", "subid", "[[[subid]]]", "[[[payment_sum]]]", "[[[payment_status]]]",
        "[[[admitad_id]]]"),
    Preset(
        "mylead", "MyLead", "ml_sub1",
        {"click_id": "[ml_sub1]", "payout": "[payout]", "status": "[status]",
         "transaction_id": "[transaction_id]"},
        words={"pending": "hold", "pre_approved": "hold", "approved": "sale", "rejected": "rejected"},
    ),
    Preset(
        "scaleo", "Scaleo, Affscale", "aff_click_id",
        {"click_id": "{aff_click_id}", "payout": "{payout}", "status": "{conv_status}"},
        words={"pending": "hold", "approved": "sale", "rejected": "rejected", "trash": "trash"},
    ),
    _urls("alanbase", "Alanbase", "sub_id1", "{sub_id1}", "{revenue}", "{status}", currency="{currency}"),
    Preset(
        "everad", "Everad", "sid5", {"click_id": "{sid5}", "payout": "{payout}", "status": "{status}"},
        words={"pending": "hold", "approved": "sale", "rejected": "rejected", "trash": "trash"},
    ),
    Preset(
        "terraleads", "TerraLeads", "sub_id",
        {"click_id": "{sub_id}", "payout": "{payment}", "status": "{status}", "transaction_id": "{lead_id}"},
        words={"expect": "hold", "accept": "hold", "confirm": "sale", "reject": "rejected",
               "fail": "rejected", "trash": "trash", "error": "trash"},
        note="accept is an order that was taken, confirm one that is paid.",
    ),
    Preset(
        "leadbit", "Leadbit", "sub1",
        {"click_id": "{sub1}", "payout": "{cost}", "status": "{status}", "transaction_id": "{id}"},
        words={"new": "hold", "confirm": "sale", "reject": "rejected", "decline": "rejected",
               "invalid": "trash", "trash": "trash"},
    ),
    _urls("webvork", "Webvork", "utm_medium", "{utm_medium}", "{money}", "{status_lead}"),
    _urls("zeydoo", "Zeydoo", "ymid", "{ymid}", "{amount}"),
    _urls("lospollos", "LosPollos", "cid", "{cid}", "{sum}"),
    _urls("mobidea", "Mobidea", "data1", "{{EXTERNAL_ID}}", "{{MONEY}}", note=_CHECK),
    _urls("imonetizeit", "iMonetizeIt", "click_id", "<click_id>", "<payout>", note=_CHECK),
    _urls("cellxpert", "Cell.expert", "afp1", "[afp1]", "[CommissionAmount]"),
    _urls("m1shop", "M1-shop", "s", "{s}", "{web_total}", note=_CHECK),
    _urls("4rabet", "4rabet", "sub_id2", "{sub_id2}", "{revenue}", "", "{id}", event_type="{goal}",
        note=_CHECK),
    _urls("mostbet", "Mostbet", "sub1", "{sub1}", "{profit}", "{status}", note=_CHECK),
    _urls("nutramedia", "Nutra.Media", "data1", "{data1}", "{profit}", "{status}", note=_CHECK),
    _urls("jumbleberry", "Jumbleberry", "c1", "xxc1xx", "xxpayoutxx"),
    _urls("perfectpay", "PerfectPay", "click_id", "{click_id}", "{comissaoAfiliado}", "{statusPagamento}",
        "{transacao}", pays_in="BRL", note=_CHECK),
    Preset("rakuten", "Rakuten Advertising", "u1", polled=True, note=_POLLED),
    Preset("shareasale", "ShareASale", "afftrack", polled=True, note=_POLLED),
    Preset("partnerize", "Partnerize", "clickref", polled=True,
        note="Its links take clickref:{click_id} as a part of the path. " + _POLLED),
    Preset("tradedoubler", "TradeDoubler", "epi", polled=True, note=_POLLED),
    Preset("flexoffers", "FlexOffers", "fobs", polled=True, note=_POLLED),
    Preset("pepperjam", "Pepperjam", "sid", polled=True, note=_POLLED),
    Preset("amazon", "Amazon Associates", "ascsubtag", polled=True, note=_POLLED),
    Preset(
        "ads_com", "Ads.com", "subid", {"click_id": "{subid}", "payout": "{revenue}"},
        note="An estimated amount comes first and the final one later: it replaces the first. " + _CHECK,
    ),
    Preset(
        "tonic", "Tonic", "subid4",
        {"click_id": "{subid4}", "payout": "{revenue}", "currency": "{currency}", "status": "{type}",
         "conversion_time": "{timestamp}"},
        words={"redirect": "trash", "view": "trash", "viewrt": "trash", "click": "sale",
               "preestimated_revenue": "sale", "estimated_revenue": "sale", "estimated_revenue_5h": "sale"},
        currency="USD", transitions=_FINAL,
        note="A click's revenue is estimated several times: the latest estimate replaces those before.",
    ),
)  # fmt: skip
_BY_NAME = {preset.name: preset for preset in ALL}


def named(name: str) -> Preset | None:
    return _BY_NAME.get(name)


def names() -> Iterable[str]:
    return _BY_NAME
