"""The platforms there are, by the names that accounts use."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.partners.platform import Platform
from appliance.partners.platforms.google import Google
from appliance.partners.platforms.meta import Meta
from appliance.partners.platforms.microsoft import Microsoft
from appliance.partners.platforms.openai import OpenAI
from appliance.partners.platforms.outbrain import Outbrain
from appliance.partners.platforms.pinterest import Pinterest
from appliance.partners.platforms.snapchat import Snapchat
from appliance.partners.platforms.taboola import Taboola
from appliance.partners.platforms.tiktok import TikTok

_EVERY: tuple[Platform, ...] = (
    Meta(), TikTok(), Google(), OpenAI(), Microsoft(), Snapchat(), Pinterest(), Taboola(), Outbrain(),
)  # fmt: skip
PLATFORMS: Mapping[str, Platform] = {each.name: each for each in _EVERY}
