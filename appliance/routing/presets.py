"""Traffic sources as they come: what each fills into a link, and where Weir keeps it.

Facts about other people's products (reference/conversion-apis.md 7.3), typed in by hand; a source made from
one belongs to its operator, who changes what changed. The same meaning is the same field for every source, so
that a report by sub1 is a report by placement, whoever sold it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

MEANINGS: dict[str, tuple[str, str]] = {
    "id": ("source_click_id", "the source's own click id, which its postback wants back"),
    "cost": ("cost", "what the click costs"),
    "zone": ("sub1", "zone, widget or section: the place that was bought"),
    "publisher": ("sub2", "publisher, where the source tells it beside the place"),
    "site": ("sub3", "site or domain"),
    "creative": ("sub4", "ad, banner, teaser"),
    "campaign": ("sub5", "the source's campaign"),
    "campaign_name": ("sub6", "its name"),
    "group": ("sub7", "ad set, ad group, flight"),
    "group_name": ("sub8", "its name"),
    "creative_name": ("sub9", "name or title of the ad"),
    "keyword": ("sub10", "keyword or target"),
    "match": ("sub11", "how the keyword matched"),
    "placement": ("sub12", "placement or format"),
    "device": ("sub13", "device, platform or system"),
    "network": ("sub14", "part of the source's network"),
    "country": ("sub15", "country or place"),
    "carrier": ("sub16", "mobile carrier"),
    "category": ("sub17", "category of the site, or what the ad aims at"),
    "quality": ("sub18", "the source's own estimate of the place"),
}
"""Meaning → (our field, what it is)."""


class Given(NamedTuple):
    """One parameter of a link, which the source fills with `macro`; "" when it adds the parameter itself."""

    field: str
    param: str
    macro: str


class Preset(NamedTuple):
    """`name` is for programs, `title` for people."""

    name: str
    title: str
    given: tuple[Given, ...]
    note: str = ""

    @property
    def params(self) -> dict[str, str]:
        """Source.params."""
        return {each.field: each.param for each in self.given}

    @property
    def query(self) -> str:
        """What to put after a tracked link, where the source asks for the address."""
        return "&".join(f"{each.param}={each.macro}" for each in self.given if each.macro)


def _preset(name: str, title: str, note: str = "", **means: str) -> Preset:
    """`means`: meaning → `param=macro`, or `param` alone for what the source adds by itself."""
    given = []
    for meaning, text in means.items():
        param, _, macro = text.partition("=")
        given.append(Given(MEANINGS[meaning][0], param, macro))
    return Preset(name, title, tuple(given), note)


def _keitaro() -> Preset:
    """Links as they were made for Keitaro: its names, filled in by whoever wrote the link."""
    names = {
        "source_click_id": "external_id", "cost": "cost", "currency": "currency", "utm_source": "source",
        "utm_campaign": "ad_campaign_id", "utm_content": "creative_id", "utm_term": "keyword",
        **{f"sub{number}": f"sub_id_{number}" for number in range(1, 31)},
    }  # fmt: skip
    note = "For links that are in use already: Weir reads them as they are, nothing has to be added."
    return Preset(
        "keitaro",
        "Links made for Keitaro",
        tuple(Given(field, name, "") for field, name in names.items()),
        note,
    )


_FROZEN = "Names are those at the first publication of an ad and stay so; group reports by the ids."
_EDITABLE = "Check the macros in your account before you spend money; some are not documented in public."

ALL: tuple[Preset, ...] = (
    _preset(
        "facebook", "Facebook, Instagram (Meta)", _FROZEN, id="fbclid",
        campaign="campaign_id={{campaign.id}}", campaign_name="campaign_name={{campaign.name}}",
        group="adset_id={{adset.id}}", group_name="adset_name={{adset.name}}", creative="ad_id={{ad.id}}",
        creative_name="ad_name={{ad.name}}", placement="placement={{placement}}",
        site="site_source_name={{site_source_name}}",
    ),
    _preset(
        "google", "Google Ads", "gbraid and wbraid take the place of gclid on iOS.", id="gclid",
        campaign="campaignid={campaignid}", group="adgroupid={adgroupid}", creative="creative={creative}",
        zone="placement={placement}", network="network={network}", keyword="keyword={keyword}",
        match="matchtype={matchtype}", device="device={device}", category="targetid={targetid}",
        country="loc_physical_ms={loc_physical_ms}",
    ),
    _preset(
        "tiktok", "TikTok", "Two underscores at each end; with one they are never filled in.",
        id="ttclid", campaign="campaign_id=__CAMPAIGN_ID__",
        campaign_name="campaign_name=__CAMPAIGN_NAME__", group="aid=__AID__",
        group_name="aid_name=__AID_NAME__", creative="creative_id=__CID__",
        creative_name="creative_name=__CID_NAME__", category="ctype=__CTYPE__",
        placement="placement=__PLACEMENT__", device="os=__OS__",
    ),
    _preset(
        "microsoft", "Microsoft Advertising (Bing)", id="msclkid", campaign="campaignid={CampaignId}",
        campaign_name="campaign={Campaign}", group="adgroupid={AdGroupId}", creative="adid={AdId}",
        keyword="keyword={keyword}", match="matchtype={MatchType}", network="network={Network}",
        device="device={Device}", category="targetid={TargetId}",
    ),
    _preset(
        "snapchat", "Snapchat", _EDITABLE, id="ScCid", campaign="campaign_id={{campaign.id}}",
        campaign_name="campaign_name={{campaign.name}}", group="adset_id={{adSet.id}}",
        creative="ad_id={{ad.id}}", creative_name="creative_name={{creative.name}}",
        site="site_source_name={{site_source_name}}",
    ),
    _preset(
        "pinterest", "Pinterest", _EDITABLE, id="epik", campaign="campaignid={campaignid}",
        group="adgroupid={adgroupid}", creative="adid={adid}", device="device={device}",
    ),
    _preset(
        "taboola", "Taboola", id="tb_click_id={click_id}", cost="cpc={cpc}",
        campaign="campaign_id={campaign_id}", campaign_name="campaign_name={campaign_name}",
        creative="campaign_item_id={campaign_item_id}", creative_name="title={title}",
        zone="site_id={site_id}", site="site={site}", device="platform={platform}",
    ),
    _preset(
        "outbrain", "Outbrain", "The macros may also be written [in brackets].",
        id="ob_click_id={{ob_click_id}}", cost="cpc={{cpc}}", campaign="campaign_id={{campaign_id}}",
        campaign_name="campaign_name={{campaign_name}}", creative="ad_id={{ad_id}}",
        creative_name="ad_title={{ad_title}}", zone="section_id={{section_id}}",
        site="section_name={{section_name}}", publisher="publisher_id={{publisher_id}}",
    ),
    _preset(
        "newsbreak", "NewsBreak", id="newsbreak_cid=__CALLBACK_PARAM__",
        campaign="campaign_id=__CAMPAIGN_ID__", campaign_name="campaign_name=__CAMPAIGN_NAME__",
        group="flight_id=__FLIGHT_ID__", group_name="flight_name=__FLIGHT_NAME__",
        creative="creative_id=__CREATIVE_ID__", creative_name="creative_name=__CREATIVE_NAME__",
        device="os=__OS__",
    ),
    _preset(
        "mgid", "MGID", id="click_id={click_id}", cost="click_price={click_price}",
        campaign="campaign_id={campaign_id}", creative="teaser_id={teaser_id}",
        zone="widget_id={widget_id}",
    ),
    _preset(
        "adskeeper", "Adskeeper", id="click_id={click_id}", cost="click_price={click_price}",
        campaign="campaign_id={campaign_id}", creative="teaser_id={teaser_id}",
        zone="widget_id={widget_id}",
    ),
    _preset(
        "revcontent", "Revcontent", _EDITABLE, id="rc_uuid={rc_uuid}", cost="adv_price={adv_price}",
        campaign="boost_id={boost_id}", creative="content_id={content_id}", zone="widget_id={widget_id}",
    ),
    _preset(
        "propellerads", "PropellerAds", id="visitor_id=${SUBID}", cost="cost={cost}",
        campaign="campaignid={campaignid}", creative="bannerid={bannerid}", zone="zoneid={zoneid}",
    ),
    _preset(
        "clickadu", "Clickadu", id="visitor_id=${SUBID}", cost="cost={cost}",
        campaign="campaignid={campaignid}", creative="bannerid={bannerid}", zone="zoneid={zoneid}",
    ),
    _preset(
        "exoclick", "ExoClick", id="conversions_tracking={conversions_tracking}",
        cost="cost={actual_cost}", campaign="campaign_id={campaign_id}",
        creative="variation_id={variation_id}", zone="zone_id={zone_id}", publisher="site_id={site_id}",
        site="src_hostname={src_hostname}", country="country={country}", placement="format={format}",
    ),
    _preset(
        "trafficfactory", "TrafficFactory", id="conversions_tracking={conversions_tracking}",
        cost="cost={actual_cost}", campaign="campaign_id={campaign_id}",
        creative="variation_id={variation_id}", zone="zone_id={zone_id}", publisher="site_id={site_id}",
        site="src_hostname={src_hostname}", country="country={country}", placement="format={format}",
    ),
    _preset(
        "zeropark", "Zeropark", id="cid={cid}", cost="visit_cost={visit_cost}",
        campaign="campaign_id={campaign_id}", zone="target={target}", keyword="keyword={keyword}",
        match="match={match}", network="source={source}", country="geo={geo}", device="os={os}",
    ),
    _preset(
        "trafficstars", "TrafficStars", "{price} is what was bid, {cost} what is paid.",
        id="click_id={click_id}", cost="cost={cost}", campaign="campaign_id={campaign_id}",
        campaign_name="campaign={campaign}", creative="creative_id={creative_id}",
        zone="adspot_id={adspot_id}", publisher="site_id={site_id}", site="site_host={site_host}",
        keyword="keywords={keywords}", carrier="carrier={carrier}", country="geo={geo}",
    ),
    _preset(
        "adsterra", "Adsterra", id="subid_short=##SUB_ID_SHORT(action)##",
        campaign="campaign_id=##CAMPAIGN_ID##", creative="banner_id=##BANNER_ID##",
        zone="placement_id=##PLACEMENT_ID##",
    ),
    _preset("adcash", "Adcash", id="clickid=[clickid]", campaign="campaign=[campaign]", zone="zone=[zone]"),
    _preset(
        "clickadilla", "Clickadilla", id="click_id=[CLICK_ID]", cost="price=[PRICE]",
        campaign="campaign_id=[CAMPAIGN_ID]", creative="creative_id=[BANNER_CREATIVE_ID]",
        site="domain=[DOMAIN]",
    ),
    _preset(
        "onclicka", "Onclicka", id="click_id=[CLICK_ID]", cost="price=[PRICE]",
        campaign="campaign_id=[CAMPAIGN_ID]", creative="creative_id=[BANNER_CREATIVE_ID]",
        site="domain=[DOMAIN]",
    ),
    _preset(
        "evadav", "EvaDav", id="clickid={CLICKID}", cost="cpc={CPC}",
        campaign="campaign_id={CAMPAIGN_ID}", creative="creative_id={CREATIVE_ID}",
        zone="source_id={SOURCE_ID}",
    ),
    _preset(
        "hilltopads", "HilltopAds", id="ctoken={{ctoken}}", cost="price={{price}}",
        campaign="campaignid={{campaignid}}", creative="adid={{adid}}", zone="zoneid={{zoneid}}",
    ),
    _preset(
        "kadam", "Kadam", id="click_id={click_id}", cost="cpc={cpc}",
        campaign="campaign_id={campaign_id}", creative="ad_id={ad_id}", zone="site_id={site_id}",
    ),
    _preset(
        "popads", "PopAds", id="impressionid=[IMPRESSIONID]", cost="bid=[BID]",
        campaign="campaignid=[CAMPAIGNID]", creative="formfactorid=[FORMFACTORID]",
        zone="websiteid=[WEBSITEID]", category="categoryid=[CATEGORYID]", quality="quality=[QUALITY]",
    ),
    _preset(
        "popcash", "PopCash", id="clickid=[clickid]", cost="bid=[bid]",
        campaign="campaignid=[campaignid]", zone="siteid=[siteid]",
    ),
    _preset(
        "push-house", "Push.house", id="click_id={click_id}", cost="price={price}",
        campaign="camp={camp}", zone="site={site}",
    ),
    _preset(
        "pushground", "Pushground", id="click_id={click_id}", cost="bid={bid}",
        campaign="campaign_id={campaign_id}", creative="creativity_id={creativity_id}",
        zone="source={source}",
    ),
    _preset(
        "richads", "RichAds", "For pop traffic take [CPV_PRICE] as the cost.", id="click_id=[CLICK_ID]",
        cost="bid_price=[BID_PRICE]", campaign="campaign_id=[CAMPAIGN_ID]",
        creative="creative_id=[CREATIVE_ID]", zone="site_id=[SITE_ID]",
    ),
    _preset(
        "rollerads", "RollerAds", id="clickid={clickid}", cost="cost={cost}",
        campaign="campaignid={campaignid}", creative="creativeid={creativeid}", zone="zoneid={zoneid}",
    ),
    _preset(
        "mondiad", "Mondiad", id="clickid=[clickid]", cost="bid=[bid]",
        campaign="campaignid=[campaignid]", creative="creativeid=[creativeid]", zone="zoneid=[zoneid]",
    ),
    _preset(
        "galaksion", "Galaksion", id="click_id={click_id}", cost="cost={cost}", campaign="cid={cid}",
        creative="creative_id={creative_id}", zone="zoneid={zoneid}",
    ),
    _preset(
        "juicyads", "JuicyAds", id="s2s={dynamicS2S}", cost="bid={dynamicBID}",
        campaign="cmp={dynamicCMP}", creative="img={dynamicIMG}", zone="site={dynamicSITE}",
    ),
    _preset(
        "eroadvertising", "EroAdvertising", id="tracking=[tracking]", campaign="campaignid=[campaignid]",
        creative="adid=[adid]", zone="domainid=[domainid]",
    ),
    _preset(
        "plugrush", "PlugRush", id="click_id={$click_id}", cost="cpv={$cpv}",
        campaign="campaign_id={$campaign_id}", creative="creative_id={$creative_id}",
        zone="source_id={$source_id}",
    ),
    _preset(
        "trafficjunky", "TrafficJunky", _EDITABLE, id="aclid={ACLID}", campaign="campaignid={CampaignID}",
        creative="banid={BanID}", site="sitename={SiteName}",
    ),
    _preset("bidvertiser", "Bidvertiser", id="bv_clickid={BV_CLICKID}", zone="bv_srcid={BV_SRCID}"),
    _preset(
        "admaven", "AdMaven", id="subid={subid}", cost="bid={bid}", campaign="campaign={campaign}",
        creative="banner={banner}", zone="source={source}",
    ),
    _preset(
        "dao-ad", "Dao.ad", id="click_id={click_id}", cost="cpc={cpc}",
        campaign="campaign_id={campaign_id}", creative="creative_id={creative_id}",
        zone="source_id={source_id}",
    ),
    _preset(
        "yandex", "Yandex Direct", id="yclid", campaign="campaign_id={campaign_id}",
        creative="ad_id={ad_id}", group="phrase_id={phrase_id}", keyword="keyword={keyword}",
        placement="position_type={position_type}", zone="source={source}",
        device="device_type={device_type}",
    ),
    _preset("vk", "VK", campaign="campaign_id={campaign_id}", creative="ad_id={ad_id}"),
    _preset(
        "mail-ru", "Mail.ru, VK Ads", campaign="campaign_id={{campaign_id}}",
        creative="banner_id={{banner_id}}",
    ),
    _preset("kwai", "Kwai", id="click_id={click_id}", campaign="campaign_id={campaign_id}"),
    _preset("bigo", "Bigo Ads", id="bbg=__BBG__", zone="sid=__SID__"),
    _preset("adxad", "ADxAD", id="clickid={clickid}"),
    _keitaro(),
)  # fmt: skip
_BY_NAME = {preset.name: preset for preset in ALL}


def named(name: str) -> Preset | None:
    return _BY_NAME.get(name)


def names() -> Iterable[str]:
    return _BY_NAME
