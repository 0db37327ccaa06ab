"""Who a visitor is, as ad platforms want to be told: each value normalised, then hashed with SHA-256.

Meta's rules are those of its own parameter builder (capi-param-builder 1.3.2) and of the page "Customer
information parameters"; TikTok and Google differ in a few, each said where it is. Where sources disagree,
docs/decisions says what was chosen. A value that cannot be normalised is left out, never sent as it is: a
wrong hash matches nobody and teaches an algorithm nonsense.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from hashlib import sha256

_HEX = 64
_HASHED = re.compile(r"[0-9a-f]{64}", re.ASCII)
_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
NOWHERE = frozenset(["xx", "zz", "t1", "a1", "a2", "o1", "XX", "ZZ", "T1", "A1", "A2", "O1"])
"""Codes that stand for no country where one is expected: unknown, Tor, a proxy, a satellite, another."""
_REGIONS = frozenset(("eu", "ap"))
"""What old tables of addresses say where they know no more; no country either."""
_DIGITS = re.compile(r"\D", re.ASCII)
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_LONGEST = 320
"""Characters of the longest address that mail allows; anything longer is no value of a person."""


def digest(value: str) -> str:
    """Lower-case hexadecimal SHA-256 of the UTF-8 text."""
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def email(text: str) -> str:
    """`  John_Smith@Gmail.com ` → `john_smith@gmail.com`; dots and plus stay. "" for what is no address."""
    plain = text.strip().lower()
    return plain if len(plain) <= _LONGEST and _EMAIL.fullmatch(plain) else ""


def google_email(text: str) -> str:
    """As `email`, without the dots of a gmail.com or googlemail.com address, which mean nothing there."""
    plain = email(text)
    name, _, host = plain.partition("@")
    return f"{name.replace('.', '')}@{host}" if host in ("gmail.com", "googlemail.com") else plain


def phone(text: str, country: str = "") -> str:
    """`+1 (616) 954-78 88` → `16169547888`: digits with their country code, without leading zeros.

    One without a country code is of the visitor's `country` (ISO, any case) where that can be told: ten
    digits in North America, a single leading zero where it stands for the code. Else it stays as it is.
    """
    all_digits = _DIGITS.sub("", text)
    digits = all_digits.lstrip("0")
    if country and not text.lstrip().startswith("+") and not all_digits.startswith("00"):
        code = _CALLING.get(country.lower(), "")
        if code == "1":
            digits = f"1{digits}" if len(all_digits) == 10 and all_digits[0] > "1" else digits
        elif all_digits.startswith("0"):
            digits = code + digits
    return digits if 7 <= len(digits) <= 15 else ""


def e164(text: str, country: str = "") -> str:
    """`+` and the digits of `phone`, as TikTok and Google hash it."""
    digits = phone(text, country)
    return f"+{digits}" if digits else ""


@lru_cache(maxsize=512)
def phone_in(country: str) -> Callable[[str], str]:
    """`phone` of a visitor of that country."""
    return partial(phone, country=country)


@lru_cache(maxsize=512)
def e164_in(country: str) -> Callable[[str], str]:
    """`e164` of a visitor of that country."""
    return partial(e164, country=country)


def name(text: str) -> str:
    """`O'Connor` → `oconnor`: lower case without spaces and ASCII punctuation; other letters stay."""
    return "".join(text.lower().translate(_PUNCTUATION).split())


def gender(text: str) -> str:
    """`m`, `f`, or "" for every other word."""
    return _GENDER_OF.get(text.strip().lower(), "")


_GENDERS = {
    "m": "m male man boy mr mister sir guy gentleman he him father husband son masculine",
    "f": "f female woman girl mrs ms miss madam lady she her mother wife daughter feminine",
}
_GENDER_OF = {word: letter for letter, words in _GENDERS.items() for word in words.split()}


def city(text: str) -> str:
    """`St. Louis` → `stlouis`: ASCII letters and digits, beginning with a letter."""
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    return plain if plain[:1].isalpha() else ""


def state(text: str) -> str:
    """The two letters of a state of the USA or a province of Canada by its name; else the first two letters
    of what was given."""
    letters = re.sub(r"[^a-z]", "", text.lower())
    return _STATES.get(letters, letters[:2] if len(letters) >= 2 else "")


def postal_code(text: str) -> str:
    """`37221-3312` → `37221`; inner spaces go too. "" for a single character."""
    plain = "".join(text.lower().partition("-")[0].split())
    return plain if len(plain) >= 2 else ""


def country(text: str) -> str:
    """ISO 3166-1 alpha-2 in lower case, also of the commonest English names; "" for a code of no country."""
    letters = re.sub(r"[^a-z]", "", text.lower())
    if len(letters) != 2:
        return _COUNTRIES.get(letters, "")
    return "" if letters in NOWHERE or letters in _REGIONS else letters


def external_id(text: str) -> str:
    """Lower case, without white space."""
    return "".join(text.lower().split())


def birth_date(text: str, now: datetime | None = None) -> str:
    """`2/16/1997`, `16-2-1997`, `1997-02-16`, `19970216` → `19970216`; month first where both would do."""
    parts = [part for part in re.split(r"\D+", text.strip()) if part]
    if len(parts) == 1 and len(parts[0]) == 8:
        parts = [parts[0][:4], parts[0][4:6], parts[0][6:]]
    if len(parts) != 3:
        return ""
    if len(parts[0]) == 4:
        year, month, day = parts
    else:
        month, day, year = parts
        if int(month) > 12:
            month, day = day, month
    latest = (now or datetime.now(UTC)).year + 1
    try:
        found = datetime(int(year), int(month), int(day), tzinfo=UTC)
    except ValueError:
        return ""
    return found.strftime("%Y%m%d") if 1800 <= found.year <= latest else ""


@lru_cache(maxsize=16_384)
def place_hashes(text: str, normalise: Callable[[str], str]) -> tuple[str, ...]:
    """`hashed` of a city, a region or a country: the same ones come again and again."""
    return tuple(hashed((text,), normalise))


def hashed(values: Iterable[str], normalise: Callable[[str], str]) -> list[str]:
    """Each value normalised and hashed, once; what is a SHA-256 already passes in lower case."""
    found: dict[str, None] = {}
    for value in values:
        if value:
            plain = value.strip().lower()
            if len(plain) != _HEX or not _HASHED.fullmatch(plain):
                plain = _digest_of(normalise(value))
            if plain:
                found[plain] = None
    return list(found)


def _digest_of(value: str) -> str:
    return digest(value) if value else ""


def _table(pairs: str) -> Mapping[str, str]:
    return dict(pair.split(":") for pair in pairs.split())


_STATES = _table(
    "alabama:al alaska:ak arizona:az arkansas:ar california:ca colorado:co connecticut:ct delaware:de "
    "districtofcolumbia:dc florida:fl georgia:ga hawaii:hi idaho:id illinois:il indiana:in iowa:ia "
    "kansas:ks kentucky:ky louisiana:la maine:me maryland:md massachusetts:ma michigan:mi minnesota:mn "
    "mississippi:ms missouri:mo montana:mt nebraska:ne nevada:nv newhampshire:nh newjersey:nj "
    "newmexico:nm newyork:ny northcarolina:nc northdakota:nd ohio:oh oklahoma:ok oregon:or "
    "pennsylvania:pa rhodeisland:ri southcarolina:sc southdakota:sd tennessee:tn texas:tx utah:ut "
    "vermont:vt virginia:va washington:wa westvirginia:wv wisconsin:wi wyoming:wy puertorico:pr guam:gu "
    "americansamoa:as northernmarianaislands:mp usvirginislands:vi virginislands:vi "
    "ontario:on quebec:qc novascotia:ns newbrunswick:nb manitoba:mb britishcolumbia:bc "
    "princeedwardisland:pe saskatchewan:sk alberta:ab newfoundlandandlabrador:nl "
    "northwestterritories:nt yukon:yt nunavut:nu"
)
_CALLING = _table(
    "us:1 ca:1 pr:1 ag:1 ai:1 as:1 bb:1 bm:1 bs:1 dm:1 do:1 gd:1 gu:1 jm:1 kn:1 ky:1 lc:1 mp:1 ms:1 sx:1 "
    "tc:1 tt:1 vc:1 vg:1 vi:1 "
    "ae:971 at:43 au:61 bd:880 be:32 bg:359 ch:41 de:49 eg:20 fi:358 fr:33 gb:44 hr:385 id:62 ie:353 il:972 "
    "in:91 jo:962 jp:81 ke:254 kr:82 lk:94 ma:212 my:60 ng:234 nl:31 nz:64 ph:63 pk:92 ro:40 rs:381 sa:966 "
    "se:46 si:386 sk:421 th:66 tr:90 tw:886 ua:380 vn:84 za:27"
)
"""Country codes of North America, where ten digits follow of which the first is no 0 and no 1; and of
countries in which a number that is dialled from within begins with a 0, which the code replaces."""
_COUNTRIES = _table(
    "unitedstates:us unitedstatesofamerica:us usa:us unitedkingdom:gb greatbritain:gb england:gb "
    "scotland:gb wales:gb southkorea:kr republicofkorea:kr korea:kr northkorea:kp newzealand:nz "
    "germany:de deutschland:de france:fr spain:es italy:it portugal:pt netherlands:nl holland:nl "
    "belgium:be austria:at switzerland:ch poland:pl czechrepublic:cz czechia:cz slovakia:sk hungary:hu "
    "romania:ro bulgaria:bg greece:gr turkey:tr turkiye:tr sweden:se norway:no denmark:dk finland:fi "
    "iceland:is ireland:ie estonia:ee latvia:lv lithuania:lt ukraine:ua russia:ru russianfederation:ru "
    "belarus:by kazakhstan:kz georgia:ge armenia:am azerbaijan:az uzbekistan:uz serbia:rs croatia:hr "
    "slovenia:si bosniaandherzegovina:ba montenegro:me northmacedonia:mk albania:al kosovo:xk "
    "moldova:md cyprus:cy malta:mt luxembourg:lu liechtenstein:li monaco:mc canada:ca mexico:mx "
    "brazil:br argentina:ar chile:cl colombia:co peru:pe venezuela:ve ecuador:ec bolivia:bo "
    "paraguay:py uruguay:uy guatemala:gt costarica:cr panama:pa dominicanrepublic:do elsalvador:sv "
    "honduras:hn nicaragua:ni cuba:cu jamaica:jm puertorico:pr australia:au japan:jp china:cn "
    "hongkong:hk macau:mo taiwan:tw singapore:sg malaysia:my indonesia:id thailand:th vietnam:vn "
    "philippines:ph cambodia:kh laos:la myanmar:mm india:in pakistan:pk bangladesh:bd srilanka:lk "
    "nepal:np israel:il palestine:ps jordan:jo lebanon:lb syria:sy iraq:iq iran:ir saudiarabia:sa "
    "unitedarabemirates:ae uae:ae qatar:qa kuwait:kw bahrain:bh oman:om yemen:ye egypt:eg morocco:ma "
    "algeria:dz tunisia:tn libya:ly sudan:sd ethiopia:et kenya:ke uganda:ug tanzania:tz rwanda:rw "
    "nigeria:ng ghana:gh ivorycoast:ci cotedivoire:ci senegal:sn cameroon:cm angola:ao zambia:zm "
    "zimbabwe:zw mozambique:mz botswana:bw namibia:na southafrica:za madagascar:mg mauritius:mu "
    "mongolia:mn kyrgyzstan:kg tajikistan:tj turkmenistan:tm afghanistan:af"
)
