"""What affiliate networks send, by preset: what they fill into their macros, or post in names of their own.

After their documentation as reference/conversion-apis.md 5.8, 7.1 and 7.2 has it. CLICK is our click id, AT a
moment after it, in seconds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from appliance.model.ids import click_id

AT = int(time.time()) - 600
CLICK = click_id((AT - 3_600) * 1_000, 1)


class Example(NamedTuple):
    """`sent`: macro → what it becomes, or the fields that are posted; what they must be understood as."""

    preset: str
    sent: Mapping[str, Any]
    status: str = "sale"
    payout: str | None = None
    currency: str = ""
    transaction: str = ""
    type: str = ""
    upsell: str = ""
    at: bool = False
    """Its time is understood as AT."""

    @property
    def micro(self) -> int | None:
        return None if self.payout is None else int(Decimal(self.payout) * 1_000_000)


def _cb(kind: str, amount: str, **more: object) -> dict[str, object]:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(AT - 8 * 3_600)) + "-0800"
    return {
        "transactionTime": stamp, "receipt": "CWOGBLFN", "transactionType": kind, "vendor": "shop",
        "affiliate": "us", "role": "AFFILIATE", "totalAccountAmount": amount, "currency": "USD",
        "paymentMethod": "VISA", "trackingCodes": [CLICK], "version": 8.0, "attemptCount": 1,
        "lineItems": [{"itemNo": "1", "accountAmount": amount, "lineItemType": "ORIGINAL"}], **more,
    }  # fmt: skip


def _hotmart(event: str) -> dict[str, object]:
    price = {"currency_value": "BRL", "value": 1500.5}
    purchase = {
        "transaction": "HP16015479281022", "status": "APPROVED", "approved_date": AT * 1_000,
        "price": price, "origin": {"sck": CLICK, "src": ""},
    }  # fmt: skip
    return {"id": "00907e72", "creation_date": AT * 1_000, "event": event, "version": "2.0.0",
            "data": {"purchase": purchase, "buyer": {"email": "b@example.com"}}}  # fmt: skip


def _digistore(event: str, **more: str) -> dict[str, str]:
    return {
        "event": event, "transaction_id": "T24", "order_id": "ABC123", "amount_affiliate": "10.00",
        "currency": "EUR", "order_type": "initial_sale", "upsell_no": "0", "cid": CLICK, **more,
    }  # fmt: skip


EXAMPLES: tuple[Example, ...] = (
    Example("everflow", {"{sub1}": CLICK, "{payout_amount}": "12.5", "{status}": "approved",
        "{transaction_id}": "7f3a", "{offer_currency}": "EUR", "{event_name}": "Base"},
        "sale", "12.5", "EUR", "7f3a", "Base"),
    Example("tune", {"{aff_click_id}": CLICK, "{payout}": "3.20", "{status}": "approved",
        "{transaction_id}": "102a", "{currency}": "USD"}, "sale", "3.2", "USD", "102a"),
    Example("tune", {"{aff_click_id}": CLICK, "{payout}": "3.20", "{status}": "{status}",
        "{transaction_id}": "102a", "{currency}": "USD"}, "sale", "3.2", "USD", "102a"),
    Example("cake", {"#s2#": CLICK, "#price#": "$4.00", "#status#": "Approved", "#leadid#": "AB12",
        "#utcunixtime#": str(AT)}, "sale", "4", "USD", "AB12", at=True),
    Example("affise", {"{sub1}": CLICK, "{sum}": "1.55", "{status}": "2", "{transactionid}": "5e",
        "{currency}": "usd", "{goal}": "deposit", "{timestamp}": str(AT)}, "hold", "1.55", "USD", "5e",
        "deposit", at=True),
    Example("impact", {"{SubId1}": CLICK, "{Payout}": "25.00", "{Status}": "PENDING",
        "{ActionId}": "1000.4500.1", "{Currency}": "USD", "{ActionTrackerName}": "Online Sale",
        "{EventDate}": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(AT))}, "hold", "25", "USD",
        "1000.4500.1", "Online Sale", at=True),
    Example("awin", {"!!!clickRef!!!": CLICK, "!!!commission!!!": "1.08", "!!!transactionId!!!": "8000"},
        "sale", "1.08", "", "8000"),
    Example("clickbank", {"{aff_sub1}": CLICK, "{affiliate_earnings}": "27.31",
        "{event_type}": "Initial Purchase", "{receipt_id}": "ABCD1234"}, "sale", "27.31", "", "ABCD1234"),
    Example("clickbank_ins", _cb("SALE", "45.05"), "sale", "45.05", "USD", "CWOGBLFN", at=True),
    Example("clickbank_ins", _cb("RFND", "-45.05"), "refund", "45.05", "USD", "CWOGBLFN", at=True),
    Example("clickbank_ins", _cb("CGBK", "-45.05"), "chargeback", "45.05", "USD", "CWOGBLFN", at=True),
    Example("digistore24", {"{cid}": CLICK, "{amount_affiliate}": "24.50", "{transaction_type}": "payment",
        "{transaction_id}": "T1", "{currency}": "EUR", "{order_type}": "upsell", "{upsell_no}": "1",
        "{datetime_unix}": str(AT)}, "sale", "24.5", "EUR", "T1", "upsell", "1", at=True),
    Example("digistore24_ipn", _digistore("on_payment"), "sale", "10", "EUR", "T24", "initial_sale"),
    Example("digistore24_ipn", _digistore("on_refund", amount_affiliate="-10.00"),
        "refund", "10", "EUR", "T24", "initial_sale"),
    Example("buygoods", {"{SUBID}": CLICK, "{COMMISSION_AMOUNT}": "58.00", "{CONV_TYPE}": "frontend",
        "{ORDERID}": "99"}, "sale", "58", "", "99", "frontend"),
    Example("maxweb", {"{SUBID}": CLICK, "{COMMISSION_AMOUNT}": "40", "{CONV_TYPE}": "Purchase",
        "{ORDERID}": "7"}, "sale", "40", "", "7", "Purchase"),
    Example("cartpanda", {"{cid}": CLICK, "{amount_affiliate}": "31.90", "{order_type}": "initial_sale",
        "{currency}": "USD"}, "sale", "31.9", "USD", "", "initial_sale"),
    Example("jvzoo", {"{sub_id2}": CLICK, "{affiliate_amount}": "8.50", "{transaction_id}": "AP-1"},
        "sale", "8.5", "", "AP-1"),
    Example("adcombo", {"{esub}": CLICK, "{revenue}": "14", "{status}": "lead", "{trans_id}": "55"},
        "lead", "14", "", "55"),
    Example("hotmart", _hotmart("PURCHASE_APPROVED"), "sale", "1500.5", "BRL", "HP16015479281022", at=True),
    Example("kiwify", {"order_id": "b6ba3959", "order_status": "paid", "Commissions": {"charge_amount": 5073},
        "TrackingParameters": {"s1": CLICK}}, "sale", "50.73", "", "b6ba3959"),
    Example("kiwify", {"order": {"order_id": "b6", "order_status": "refunded",
        "Commissions": {"charge_amount": 3000}, "TrackingParameters": {"s1": CLICK}}},
        "refund", "30", "", "b6"),
    Example("eduzz", {"trans_cod": "27", "trans_value": "97.00", "trans_status": "3", "utm_term": CLICK},
        "sale", "97", "", "27"),
    Example("monetizze", {"venda[codigo]": "123", "venda[valor]": "197,00", "venda[status]": "Finalizada",
        "venda[src]": CLICK}, "sale", "197", "", "123"),
    Example("maxbounty", {"#S2#": CLICK, "#RATE#": "2.40"}, "sale", "2.4"),
    Example("clickdealer", {"#s2#": CLICK, "#price#": "7.00", "#leadid#": "L1"}, "sale", "7", "", "L1"),
    Example("advidi", {"#s2#": CLICK, "#tid#": "t9"}, "sale", None, "", "t9"),
    Example("cpalead", {"{subid}": CLICK, "{payout}": "0.75", "{lead_id}": "l7"}, "sale", "0.75", "", "l7"),
    Example("adworkmedia", {"{sid}": CLICK, "{amount}": "1.10", "{status}": "1", "{leadID}": "l8"},
        "sale", "1.1", "", "l8"),
    Example("cpamatica", {"{click_id}": CLICK, "{payout}": "6", "{status}": "approved",
        "{transaction_id}": "c1", "{currency}": "USD"}, "sale", "6", "USD", "c1"),
    Example("admitad", {"[[[subid]]]": CLICK, "[[[payment_sum]]]": "3.99", "[[[payment_status]]]": "pending",
        "[[[admitad_id]]]": "a1"}, "hold", "3.99", "", "a1"),
    Example("mylead", {"[ml_sub1]": CLICK, "[payout]": "1.20", "[status]": "pre_approved",
        "[transaction_id]": "m1"}, "hold", "1.2", "", "m1"),
    Example("scaleo", {"{aff_click_id}": CLICK, "{payout}": "9", "{conv_status}": "trash"}, "trash", "9"),
    Example("alanbase", {"{sub_id1}": CLICK, "{revenue}": "20", "{status}": "confirmed", "{currency}": "EUR"},
        "sale", "20", "EUR"),
    Example("everad", {"{sid5}": CLICK, "{payout}": "11", "{status}": "approved"}, "sale", "11"),
    Example("terraleads", {"{sub_id}": CLICK, "{payment}": "8", "{status}": "expect", "{lead_id}": "t1"},
        "hold", "8", "", "t1"),
    Example("leadbit", {"{sub1}": CLICK, "{cost}": "9.5", "{status}": "confirm", "{id}": "l1"},
        "sale", "9.5", "", "l1"),
    Example("webvork", {"{utm_medium}": CLICK, "{money}": "17", "{status_lead}": "lead"}, "lead", "17"),
    Example("zeydoo", {"{ymid}": CLICK, "{amount}": "0.5"}, "sale", "0.5"),
    Example("lospollos", {"{cid}": CLICK, "{sum}": "2.1"}, "sale", "2.1"),
    Example("mobidea", {"{{EXTERNAL_ID}}": CLICK, "{{MONEY}}": "1.3"}, "sale", "1.3"),
    Example("imonetizeit", {"<click_id>": CLICK, "<payout>": "0.9"}, "sale", "0.9"),
    Example("cellxpert", {"[afp1]": CLICK, "[CommissionAmount]": "150"}, "sale", "150"),
    Example("m1shop", {"{s}": CLICK, "{web_total}": "850"}, "sale", "850"),
    Example("4rabet", {"{sub_id2}": CLICK, "{revenue}": "60", "{id}": "4", "{goal}": "ftd"},
        "sale", "60", "", "4", "ftd"),
    Example("mostbet", {"{sub1}": CLICK, "{profit}": "45", "{status}": "approved"}, "sale", "45"),
    Example("nutramedia", {"{data1}": CLICK, "{profit}": "19", "{status}": "hold"}, "hold", "19"),
    Example("jumbleberry", {"xxc1xx": CLICK, "xxpayoutxx": "33"}, "sale", "33"),
    Example("perfectpay", {"{click_id}": CLICK, "{comissaoAfiliado}": "1.097,50",
        "{statusPagamento}": "approved", "{transacao}": "PP1"}, "sale", "1097.5", "", "PP1"),
    Example("ads_com", {"{subid}": CLICK, "{revenue}": "0.42"}, "sale", "0.42"),
    Example("tonic", {"{subid4}": CLICK, "{revenue}": "0.31", "{currency}": "USD",
        "{type}": "estimated_revenue", "{timestamp}": str(AT)}, "sale", "0.31", "USD", at=True),
    Example("tonic", {"{subid4}": CLICK, "{revenue}": "{revenue}", "{currency}": "USD", "{type}": "view",
        "{timestamp}": str(AT)}, "trash", None, "USD", at=True),
)  # fmt: skip
