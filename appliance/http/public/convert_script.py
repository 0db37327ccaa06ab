"""The conversion script: a page says what was bought.

    <script src="https://track.example/js/NETWORK.js"></script>
    <script>weir.convert({transaction_id: "A-17", payout: "12.50", currency: "USD"})</script>

or, without a line of script of its own, with the values as attributes:

    <script src="https://track.example/js/NETWORK.js" data-convert data-payout="12.50" async></script>

The click is the one that the call names, that the page's URL names, that the tracking script has recorded,
that the site's own cookie keeps (data-keep="30": for so many days), or that the tracker's cookie knows.
"""

from __future__ import annotations

from appliance.http.public import replies
from appliance.http.public.script import HEADERS

# sendBeacon goes on after the page is left, which a buyer often does at once; as a plain text it needs no
# preflight. The site's own cookie is the only one that is read or written here, and it is not written where
# Global Privacy Control is on.
SOURCE = """(function(){
"use strict";
var me=document.currentScript,d=document,w=window,n=navigator;
if(!me)return;
var at=new URL(me.src),name=decodeURIComponent(at.pathname.split("/").pop().replace(/\\.js$/,""));
var weir=w.weir=w.weir||{},ours=/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
var days=parseFloat(me.getAttribute("data-keep")),places=["weir_click","click_id","clickid","cid","subid"];
function named(){var q=new URLSearchParams(location.search);
for(var i=0;i<places.length;i++){var v=q.get(places[i])||"";if(ours.test(v))return v.toLowerCase()}
return weir.click_id||""}
function held(){var m=d.cookie.match(/(?:^|; )weir_click=([^;]*)/);return m?m[1]:""}
function keep(){var id=named();if(!id||!(days>0)||n.globalPrivacyControl)return;
d.cookie="weir_click="+id+"; path=/; max-age="+Math.round(Math.min(days,400)*86400)+"; SameSite=Lax"+
(location.protocol==="https:"?"; Secure":"")}
weir.convert=function(given){var said={},id=named(),own=held(),key;
for(key in given||{})if(given[key]!=null)said[key]=String(given[key]);
var to=at.origin+"/js/"+encodeURIComponent(said.network||name);delete said.network;
if(!said.click_id&&id)said.click_id=id;
if(own)said.weir_click=own;
var body=JSON.stringify(said);
if(n.sendBeacon&&n.sendBeacon(to,body))return true;
if(!w.fetch)return false;
fetch(to,{method:"POST",body:body,keepalive:true,credentials:"include",
headers:{"Content-Type":"text/plain"}}).then(function(){},function(){});
return true};
keep();
d.addEventListener("weir",keep);
if(me.hasAttribute("data-convert")){var all={},key;
for(key in me.dataset)if(key!=="convert"&&key!=="keep")
all[key.replace(/[A-Z]/g,function(c){return "_"+c.toLowerCase()})]=me.dataset[key];
weir.convert(all)}
})();
"""
FILE = replies.Reply(
    200,
    b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript; charset=utf-8\r\nContent-Length: %d\r\n"
    b"Cache-Control: public, max-age=3600\r\n%b" % (len(SOURCE.encode()), HEADERS),
    SOURCE.encode(),
)
