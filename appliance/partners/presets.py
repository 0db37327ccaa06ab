"""Report-back addresses of traffic sources: where each wants to hear of a conversion.

Facts about other people's products (reference/conversion-apis.md 7.3), typed in by hand. Hosts change: a
target made from one belongs to its operator. What stands in <angle brackets> is the account's own and is
asked for; a source whose address is given out per account has `url` "".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

_BLANK = re.compile(r"<([a-z_]+)>")


class ReportBack(NamedTuple):
    """`name` is the source's preset in routing/presets.py."""

    name: str
    title: str
    url: str
    note: str = ""

    @property
    def blanks(self) -> tuple[str, ...]:
        """What the account has to tell, in order."""
        return tuple(dict.fromkeys(_BLANK.findall(self.url)))

    def filled(self, values: Mapping[str, str]) -> str:
        """The target's URL. Every blank has its value."""
        return _BLANK.sub(lambda match: quote(values[match.group(1)], safe=""), self.url)


_ID, _PAY = "{source_click_id}", "{payout}"
_ACCOUNT = "The address is shown in your account; put {source_click_id} where it wants the click id."

ALL: tuple[ReportBack, ...] = (
    ReportBack("newsbreak", "NewsBreak",
        f"https://business.newsbreak.com/tracking/attribute?callback={_ID}&event_type=<event>&nb_value={_PAY}"),
    ReportBack("mgid", "MGID", f"https://a.mgid.com/postback?c={_ID}&e=<goal>&r={_PAY}",
        "The goal's id is your account's own."),
    ReportBack("adskeeper", "Adskeeper", f"https://a.adskeeper.co.uk/postback?c={_ID}&e=<goal>&r={_PAY}",
        "The goal's id is your account's own."),
    ReportBack("propellerads", "PropellerAds",
        f"https://ad.propellerads.com/conversion.php?aid=<account>&pid=&tid=<tracker>&visitor_id={_ID}&payout={_PAY}"),
    ReportBack("clickadu", "Clickadu", f"http://sconvtrk.com/conversion/<hash>/?visitor_id={_ID}&aid=<account>"),
    ReportBack("zeropark", "Zeropark", f"https://postback.zeropark.com/<account>?cid={_ID}&payout={_PAY}"),
    ReportBack("trafficstars", "TrafficStars", "", _ACCOUNT),
    ReportBack("adsterra", "Adsterra",
        f"https://www.pbterra.com/name/<advertiser>/at?subid_short={_ID}&atpay={_PAY}"),
    ReportBack("adcash", "Adcash", f"https://www.pixelhere.com/et/event.php?advertiser=<advertiser>&cid={_ID}"),
    ReportBack("clickadilla", "Clickadilla",
        f"https://tracking.clickadilla.com/in/postbacks/?token=<token>&campaign_id={{sub5}}&click_id={_ID}&payout={_PAY}"),
    ReportBack("onclicka", "Onclicka",
        f"https://tracking.onclicka.com/in/postbacks/?token=<token>&campaign_id={{sub5}}&click_id={_ID}&payout={_PAY}"),
    ReportBack("evadav", "EvaDav", f"https://evadav.com/phpb?click_id={_ID}&payout={_PAY}"),
    ReportBack("hilltopads", "HilltopAds",
        f"https://postback.hilltopads.com/close/?token={_ID}&price={_PAY}&currency={{currency}}&advertiserId=<advertiser>"),
    ReportBack("kadam", "Kadam", f"https://kdtrk.net/ru/postback/?data={_ID}&cost={_PAY}&status=<status>"),
    ReportBack("popads", "PopAds", "", _ACCOUNT),
    ReportBack("popcash", "PopCash",
        f"https://ct.popcash.net/click?aid=<account>&clickid={_ID}&payout={_PAY}"),
    ReportBack("push-house", "Push.house", f"http://api.push.house/v1/postback?click_id={_ID}&cost={_PAY}"),
    ReportBack("pushground", "Pushground", f"https://lupush.com/conversion?click_id={_ID}&amount={_PAY}"),
    ReportBack("richads", "RichAds",
        f"http://xml.auxml.com/log?action=conversion&key={_ID}&price={_PAY}"),
    ReportBack("rollerads", "RollerAds",
        f"https://trk.roller.ad/conversion/aid/<account>/<key>?click_id={_ID}"),
    ReportBack("mondiad", "Mondiad",
        f"https://postback.mondiad.com/track?uid=<account>&clickid={_ID}&payout={_PAY}"),
    ReportBack("galaksion", "Galaksion", f"http://postback.report/postback?cid={{sub5}}&click_id={_ID}"),
    ReportBack("juicyads", "JuicyAds",
        f"https://ck.juicyads.com/ilikeitjuicy.php?c=<account>&s2s={_ID}&amount={_PAY}"),
    ReportBack("eroadvertising", "EroAdvertising", "", _ACCOUNT),
    ReportBack("plugrush", "PlugRush", "", _ACCOUNT),
    ReportBack("trafficjunky", "TrafficJunky", "", _ACCOUNT),
    ReportBack("bidvertiser", "Bidvertiser",
        f"http://secure.bidvertiser.com/performance/pc.dbm?ver=1.0&AID=<account>&CLICKID={_ID}&revenue={_PAY}"),
    ReportBack("admaven", "AdMaven",
        f"http://pop.rtb-passthrough.com/conversion?c={_ID}&count=1&value={_PAY}"),
    ReportBack("dao-ad", "Dao.ad",
        f"http://api.daopush-api.info/api/postback/campaign?key=<key>&sum={_PAY}&click-id={_ID}"),
    ReportBack("adxad", "ADxAD", f"http://conv.adxadserv.com/?clickid={_ID}&payout={_PAY}&type=<goal>",
        "The goal is goal1, goal2 or goal3."),
)  # fmt: skip
_BY_NAME = {each.name: each for each in ALL}


def named(name: str) -> ReportBack | None:
    return _BY_NAME.get(name)
