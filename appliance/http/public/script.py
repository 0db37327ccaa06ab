"""The tracking script: a page that visitors reach without a redirect records its click with /t.js.

    <script src="https://track.example/t.js?c=SLUG" async></script>

It sends the page's URL, its referrer, the ad platforms' cookies as they stand in the page's (_fbp, _fbc,
_ttp, _scid, _epik), the consent that the page says there is, and who the visitor is to it, where it says so.
Nothing is invented: what is not there is not sent.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from appliance.http.public import replies
from appliance.http.public.request import Request
from appliance.routing.visit import Visit, read_query

LARGEST = 16 * 1024
LONGEST_PAGE = 2_048
LONGEST_QUERY = 8 * 1024
_FIELDS = (
    "c", "go", "r", "page", "referrer", "fbp", "fbc", "ttp", "scid", "epik", "consent", "external_id",
)  # fmt: skip
LONGEST_SIGNAL = 512
LONGEST_ID = 255
_COOKIE = re.compile(r"[A-Za-z0-9_.~=:%+/-]{1,512}", re.ASCII)
_META = re.compile(r"fb\.[0-9]{1,2}\.[0-9]{1,20}\..{1,480}", re.ASCII | re.DOTALL)
_COOKIES = (("fbp", _META), ("fbc", _META), ("ttp", _COOKIE), ("scid", _COOKIE), ("epik", _COOKIE))
_ORIGIN = re.compile(rb"https?://[A-Za-z0-9.:\[\]-]{1,300}|null")
_decode = msgspec.json.Decoder(dict[str, Any]).decode

# `data-weir-exit="2"` on a link leads it through exit 2 of the landing page. `data-consent` on the script, or
# window.weirConsent, says what the visitor agreed to; Global Privacy Control counts when neither does.
# `data-external-id`, or window.weirExternalId, is who he is to the page: an account's number. Where
# Meta's pixel is on the page its cookie is waited for, at most a second; a visitor who leaves meanwhile is
# recorded by sendBeacon.
SOURCE = """(function(){
"use strict";
var me=document.currentScript,d=document,w=window,sent=false;
if(!me||(w.weir&&"click_id" in w.weir))return;
var at=new URL(me.src),q=at.searchParams,weir=w.weir=w.weir||{};weir.click_id=weir.lp_token="";
function cookie(n){var m=d.cookie.match(new RegExp("(?:^|; )"+n+"=([^;]*)"));
try{return m?decodeURIComponent(m[1]):""}catch(e){return ""}}
function consent(){var c=w.weirConsent||me.getAttribute("data-consent")||"";
return c||(navigator.globalPrivacyControl?"gpc":"")}
function who(){return w.weirExternalId||me.getAttribute("data-external-id")||""}
function body(){return JSON.stringify({c:q.get("c")||"",go:q.get("go")||"",r:q.get("r")||"",
page:location.href,referrer:d.referrer,fbp:cookie("_fbp"),fbc:cookie("_fbc"),ttp:cookie("_ttp"),
scid:cookie("_scid"),epik:cookie("_epik"),consent:String(consent()),external_id:String(who())})}
function exits(){d.querySelectorAll("[data-weir-exit]").forEach(function(a){
var n=parseInt(a.getAttribute("data-weir-exit"),10);
if(weir.lp_token)a.setAttribute("href",at.origin+"/lp/"+weir.lp_token+"/"+n)})}
function known(a){weir.click_id=a.click_id||"";weir.lp_token=a.lp_token||"";
if(d.readyState==="loading")d.addEventListener("DOMContentLoaded",exits);else exits();
d.dispatchEvent(new CustomEvent("weir",{detail:weir}))}
function send(leaving){if(sent)return;sent=true;var to=at.origin+"/api/track";
if(leaving||!w.fetch){if(navigator.sendBeacon)navigator.sendBeacon(to,body());return}
fetch(to,{method:"POST",body:body(),keepalive:true,credentials:"include",
headers:{"Content-Type":"text/plain"}})
.then(function(a){return a.ok?a.json():{}}).then(known,function(){})}
var waited=0;
function soon(){if(cookie("_fbp")||!w.fbq||waited>=1000)return send(false);waited+=100;setTimeout(soon,100)}
w.addEventListener("pagehide",function(){send(true)});
soon();
})();
"""
HEADERS = (
    b"Access-Control-Allow-Origin: *\r\nCross-Origin-Resource-Policy: cross-origin\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
)
FILE = replies.Reply(
    200,
    b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript; charset=utf-8\r\nContent-Length: %d\r\n"
    b"Cache-Control: public, max-age=3600\r\n%b" % (len(SOURCE.encode()), HEADERS),
    SOURCE.encode(),
)


def cors(request: Request) -> bytes:
    """Header lines that let any page read our answer: it holds nothing that nobody else could ask for."""
    origin = request.headers.get(b"origin", b"")
    if not _ORIGIN.fullmatch(origin):
        return b"Vary: Origin\r\n"
    return (
        b"Access-Control-Allow-Origin: %b\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n"
        % origin
    )


def preflight(request: Request) -> replies.Reply:
    allowed = b"Access-Control-Allow-Methods: POST\r\nAccess-Control-Allow-Headers: content-type\r\n"
    return replies.content(204, b"", b"", cors(request) + allowed + b"Access-Control-Max-Age: 86400\r\n")


def read(body: bytes) -> tuple[str, Visit] | str:
    """(link's token or "", visit) of what the script sent; a sentence when it cannot be used.

    The visit's door is js; its key is the campaign's slug or public id.
    """
    if len(body) > LARGEST:
        return f"at most {LARGEST // 1024} KiB"
    try:
        sent = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "one JSON object"
    given = {name: sent[name] for name in _FIELDS if sent.get(name) is not None}
    for name, value in given.items():
        if not isinstance(value, str):
            return f"{name} is a text"
    page = given.get("page", "")
    try:
        split = urlsplit(page)
    except ValueError:
        return "page is no URL"
    if split.scheme not in ("http", "https"):
        page, query = "", ""
    else:
        query = split.query[:LONGEST_QUERY]
    visit = Visit("js", given.get("c", "") or given.get("go", ""), query, read_query(query))
    visit.referrer = given.get("referrer", "")[:LONGEST_PAGE]
    signals = {"page": page[:LONGEST_PAGE]} if page else {}
    visit.seen = {
        f"_{name}": value
        for name, shape in _COOKIES
        if (value := given.get(name, "")) and shape.fullmatch(value)
    }
    visit.external_id = given.get("external_id", "")[:LONGEST_ID]
    if consent := given.get("consent", "")[:LONGEST_SIGNAL]:
        signals["consent"] = consent
    visit.signals = signals
    return given.get("r", ""), visit
