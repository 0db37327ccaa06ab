"""User agent and client hints → device, operating system, browser. What neither tells is left out.

Patterns are ua-parser's; the names are made those of the field: "Chrome Mobile iOS" on an iPhone is the
browser Chrome on a mobile device with iOS. Versions are major or major.minor, so that rules can compare them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

import re2
from ua_parser.core import Domain, PartialResult
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from appliance.routing.recent import Recent
from appliance.routing.visit import is_declared_bot

LONGEST = 512
"""Characters of a user agent that are looked at; patterns found nothing slow, but this bounds it."""
AGENTS = 4_096
"""User agents that are remembered, with their facts about 1.5 kB each."""
LONGEST_VALUE = 64
DEVICE_TYPES = ("desktop", "mobile", "tablet", "tv", "console", "wearable")

_BROWSERS = {
    "Chrome Mobile": "Chrome", "Chrome Mobile iOS": "Chrome", "Chrome Mobile WebView": "Chrome WebView",
    "Mobile Safari": "Safari", "Mobile Safari UI/WKWebView": "Safari WebView", "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox", "Firefox iOS": "Firefox", "Opera Mobile": "Opera", "IE Mobile": "IE",
    "Brave Mobile": "Brave", "UC Browser Mobile": "UC Browser", "Android": "Android Browser",
}  # fmt: skip
_SYSTEMS = {"Mac OS X": "macOS", "Mac OS": "macOS", "Chromium OS": "Chrome OS", "iPadOS": "iOS"}
_DESKTOPS = frozenset((
    "Windows", "macOS", "Linux", "Ubuntu", "Kubuntu", "Debian", "Fedora", "Red Hat", "SUSE", "Gentoo",
    "Arch Linux", "Linux Mint", "Chrome OS", "FreeBSD", "OpenBSD", "NetBSD", "Solaris",
))  # fmt: skip
_CHROMES = frozenset(("Chrome", "Chrome WebView", "Chromium", "Android Browser"))

_MAKERS = {
    "SM-": "Samsung", "GT-": "Samsung", "SHV-": "Samsung", "Pixel": "Google", "Nexus": "Google",
    "moto": "Motorola", "CPH": "Oppo", "RMX": "Realme", "Redmi": "Xiaomi", "POCO": "Xiaomi", "Mi ": "Xiaomi",
    "vivo": "Vivo", "AFT": "Amazon", "KF": "Amazon", "CUBOT": "Cubot", "Infinix": "Infinix",
    "TECNO": "Tecno", "itel": "Itel", "HUAWEI": "Huawei", "ONEPLUS": "OnePlus", "Nokia": "Nokia", "LM-": "LG",
    "XQ-": "Sony",
}  # fmt: skip
"""How models begin whose maker the patterns do not know."""
_BRAND_NAMES = {"XiaoMi": "Xiaomi"}

_KINDS = {
    "tv": r"smart-?tv|hbbtv|apple ?tv|google ?tv|android ?tv|bravia|\baft[a-z0-9]|crkey|\broku|netcast|web0s"
          r"|viera|\btv safari|tizen.+\btv\b|philipstv|\bmitv",
    "console": r"playstation|\bxbox|nintendo",
    "wearable": r"apple ?watch|watch ?os|wear ?os",
    "tablet": r"\bipad|\btablet\b|playbook|\bkindle",
    "mobile": r"iphone|ipod|\bmobile\b|windows phone|blackberry|\bbb10|opera mini|opera mobi|kaios|symbian"
              r"|\bmidp",
    # Programs that fetch for somebody who did not click. They do not say that they are robots.
    "program": r"^(?:curl|wget|python|go-http|java|okhttp|apache-http|axios|node|ruby|libwww|lwp|postman"
               r"|httpie|php|guzzle|scrapy|aiohttp|httpx|dart|insomnia|winhttp|powershell)\b",
}  # fmt: skip
"""What names itself in a user agent; of several devices it is the first."""
_NAMES = tuple(_KINDS)
_NO_TABLET = "tablet pc"
"""What a Windows of 2009 says on any desktop."""
_HINTS = (
    b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"sec-ch-ua-platform-version",
    b"sec-ch-ua-model", b"sec-ch-ua-full-version-list",
)  # fmt: skip
Hints = tuple[bytes, ...]
NO_HINTS: Hints = ()
_BRAND = re.compile(r'"((?:[^"\\]|\\.){1,64})";\s*v="([^"]{0,32})"')
_BRANDS = {
    "Google Chrome": "Chrome", "Microsoft Edge": "Edge", "Opera": "Opera", "OperaMobile": "Opera",
    "Opera GX": "Opera", "Brave": "Brave", "YaBrowser": "Yandex Browser", "Yandex": "Yandex Browser",
    "Samsung Internet": "Samsung Internet", "Android WebView": "Chrome WebView",
    "Microsoft Edge WebView2": "Edge WebView", "Vivaldi": "Vivaldi", "HeadlessChrome": "HeadlessChrome",
    "DuckDuckGo": "DuckDuckGo", "Huawei Browser": "Huawei Browser",
}  # fmt: skip
_WINDOWS_11 = 13
"""Sec-CH-UA-Platform-Version of the first Windows 11; 1 to 10 are Windows 10, 0 is an older one."""


@cache
def _kinds() -> re2.Set:
    """All of _KINDS in one pass over a text in small letters: 1 µs, where Python's re takes 20 for each."""
    found = re2.Set.SearchSet()
    for pattern in _KINDS.values():
        found.Add(pattern)
    found.Compile()
    return found


@cache
def _resolver() -> Resolver:
    return Resolver(load_lazy_builtins())


def warm() -> None:
    """Load the patterns now, 0.2 s, instead of at the first visit."""
    _kinds()
    _resolver()("Mozilla/5.0 (Linux; Android 10; K) Chrome/130.0.0.0", Domain.ALL)


class Agents:
    """Remembers what the last user agents were, hints and all."""

    def __init__(self, limit: int = AGENTS) -> None:
        self._known: Recent[object, dict[str, str]] = Recent(limit)

    def __len__(self) -> int:
        return len(self._known)

    def facts(self, user_agent: str, hints: Hints = NO_HINTS) -> dict[str, str]:
        """What is known of the client; the same dictionary each time, not to be changed."""
        key = (user_agent, hints) if hints else user_agent
        return self._known.get(key) or self._known.put(key, read(user_agent, hints))


def hints_of(headers: Mapping[bytes, bytes]) -> Hints:
    """What browsers of Chromium's family say in headers of their own, in the order of _HINTS."""
    get = headers.get
    return tuple([get(name, b"")[:LONGEST] for name in _HINTS])


def read(user_agent: str, hints: Hints = NO_HINTS) -> dict[str, str]:
    """device_type, device_brand, device_model, os, os_version, browser, browser_version, and always bot.

    `hints` as hints_of reads them.
    """
    text = user_agent[:LONGEST]
    brands = mobile = platform = release = model = ""
    if hints:
        brand, mobile, platform, release, model, full = (one.decode("utf-8", "replace") for one in hints)
        brands = full or brand
        platform, release, model = (_clean(one.strip('" ')) for one in (platform, release, model))
        if model:  # a reduced user agent says K for every phone; the patterns know whose the model is
            text = text.replace("; K)", f"; {model})", 1)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()  # half a character would stop the parser
    parsed = _resolver()(text, Domain.ALL)
    facts = _from_text(text, parsed)
    spider = parsed.device is not None and parsed.device.family == "Spider"
    if hints:
        _put_hints(facts, _brand(brands), platform, release, model)
    small = text.lower().replace(_NO_TABLET, "").encode("utf-8", "replace")
    kinds = {_NAMES[index] for index in _kinds().Match(small) or ()}
    device = _device_type(kinds, facts.get("os", ""), mobile == "?1")
    if device:
        facts["device_type"] = device
    robot = not text or spider or is_declared_bot(text) or "program" in kinds
    facts["bot"] = "1" if robot else "0"
    return facts


def _from_text(text: str, parsed: PartialResult) -> dict[str, str]:
    facts: dict[str, str] = {}
    agent, system, device = parsed.user_agent, parsed.os, parsed.device
    if agent is not None and agent.family and agent.family != "Other":
        facts["browser"] = _clean(_BROWSERS.get(agent.family, agent.family))
        _put(facts, "browser_version", _version(agent.major, agent.minor))
    if system is not None and system.family and system.family != "Other":
        facts["os"] = _clean(_SYSTEMS.get(system.family, system.family))
        _put(facts, "os_version", _version(system.major, system.minor))
    if device is not None and device.family not in ("Other", "Spider", None):
        brand, model = device.brand or "", device.model or ""
        if brand.startswith("Generic"):
            brand = next((maker for begin, maker in _MAKERS.items() if model.startswith(begin)), "")
        _put(facts, "device_brand", _clean(_BRAND_NAMES.get(brand, brand)))
        if model not in ("K", "Smartphone", "Tablet", "Feature Phone", "Phone"):
            _put(facts, "device_model", _clean(model))
    return facts


def _put_hints(
    facts: dict[str, str], brand: tuple[str, str], platform: str, release: str, model: str
) -> None:
    """Hints are exact where a user agent is frozen; an app that a browser engine serves keeps its name."""
    name, version = brand
    if name and (name not in _CHROMES or facts.get("browser", name) in _CHROMES):
        facts["browser"] = name
        facts.pop("browser_version", None)
        _put(facts, "browser_version", _version(*_two(version)))
    if platform and platform != "Unknown":
        system = _SYSTEMS.get(platform, platform)
        if system != facts.get("os"):
            facts["os"] = system
            facts.pop("os_version", None)
    major, minor = _two(release)
    if facts.get("os") == "Windows":
        number = int(major) if major and len(major) < 4 else 0
        major, minor = ("11" if number >= _WINDOWS_11 else "10" if number else None), None
    if major:
        _put(facts, "os_version", _version(major, minor))
    if model:
        facts["device_model"] = model


def _brand(text: str) -> tuple[str, str]:
    """Of Sec-CH-UA's list the browser itself: not its engine, not the name made up to keep parsers honest."""
    found = ("", "")
    for name, version in _BRAND.findall(text)[:8]:
        if name in _BRANDS:
            return _BRANDS[name], version
        if name == "Chromium":
            found = ("Chromium", version)
    return found


def _device_type(kinds: set[str], system: str, mobile: bool) -> str:
    for kind in _NAMES[:-1]:
        if kind in kinds:
            return kind
    if mobile:
        return "mobile"
    if system == "Android":
        return "tablet"  # phones say Mobile
    return "desktop" if system in _DESKTOPS else ""


def _two(version: str) -> tuple[str | None, str | None]:
    parts = version.split(".")
    numbers = [part for part in parts[:2] if part.isascii() and part.isdigit() and len(part) <= 6]
    return (numbers[0] if numbers else None), (numbers[1] if len(numbers) == 2 else None)


def _version(major: str | None, minor: str | None) -> str:
    """17 and 5 → "17.5", 130 and 0 → "130"; "" when there is none."""
    if not major:
        return ""
    return _clean(f"{major}.{minor}" if minor and minor != "0" else major)


def _put(facts: dict[str, str], name: str, value: str) -> None:
    if value:
        facts[name] = value


def _clean(text: str) -> str:
    return " ".join(text.split())[:LONGEST_VALUE]
