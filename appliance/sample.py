"""The sample configuration: every section and key with its default, as comments. Pure.

The one text behind `weir init` and packaging/weir.toml; a test compares it with the settings tree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

Value = str | Sequence[str]

TEXT = """\
# The configuration of Weir. A key that is commented out shows its default; `weir check` finds every fault.
# SIGHUP (systemctl reload weir) reads this file again without a refused connection.
# What each key means: docs/reference/configuration.md, or `weir config` for the values in use.

# The data directory; one running Weir per directory.
#data = "./data"
# Edge processes: one per core that shall answer clicks.
#edges = 1
# A new data directory gets a demo campaign to try.
#demo = true
# Seconds an ordered stop may take; then what is left is killed.
#stop_seconds = 20.0
# The installation's secret; empty: the file "secret" in the data directory.
#secret_file = ""

# The public port: tracked links and postbacks.
[public]
#bind = "0.0.0.0:8080"
# The host name of your tracked links.
#domain = ""
# Proxies whose X-Forwarded-For and Forwarded are believed.
#trusted_proxies = []
#max_connections = 10000
#max_connections_per_address = 1000
# Seconds: between requests, for the headers, for the body, for taking the answer.
#idle_timeout = 30.0
#header_timeout = 10.0
#body_timeout = 30.0
#send_timeout = 30.0
# What GET / answers; root_redirect wins.
#root_status = 200
#root_text = "The world is yours!"
#root_redirect = ""

# The admin port. On loopback, reach it through an SSH tunnel; beyond that see docs/running.md first.
[admin]
#bind = "127.0.0.1:8081"
# Whoever signs in with one of these is an administrator.
#emails = []
# Where people find it, for example https://weir.example.com behind a proxy on this machine.
#url = ""
# Further names and addresses that lead here.
#hosts = []
# Whose pages may ask with an API token, for example https://app.example.com.
#origins = []
# On this machine only: a code for signing in is in the answer too, no mail needed.
#local_codes = false

# How codes for signing in are sent: an API key of Resend, or smtp://user:password@host:587 (smtps: 465).
[mail]
#resend_key = ""
#smtp_url = ""
# Whom they come from, for example Weir <weir@example.com>.
#sender = ""

# What every click is written to before it is answered.
[journal]
# "process" survives kill -9 of everything; "power" also waits for the disk before each reply.
#durability = "process"
#segment_mb = 64
#segment_minutes = 60
#size_limit_mb = 20000
# Space given up first when the disk is full.
#reserve_mb = 64
# Events that wait in memory while the disk is full.
#ring_events = 50000

# What each edge remembers of visitors: so that nobody sees an offer twice, and who is new.
[memory]
# At most so many pairs, the oldest out first; 40 bytes of memory each.
#pairs = 5000000

# A click that nothing takes, and which clicks count.
[routing]
#trafficback_url = ""
#max_trafficback_depth = 3
#no_route_status = 404
#no_route_text = "Nothing here."
#count_bots = true
#currency = "USD"

# Where visitors are: MMDB files of MaxMind or DB-IP, in order; one that is replaced is read anew by itself.
# "embedded" is the table of countries that comes with Weir; it is asked last.
[geo]
#databases = []
#embedded = true

# The database of reports: "chdb" is built in, http(s)://user:password@host:port/database a ClickHouse server.
[warehouse]
#url = "chdb"
#max_memory_mb = 1000
#query_memory_mb = 500
#query_seconds = 60
#report_slots = 2
#export_seconds = 3600
#export_slots = 2
# Hours between two looks for partitions that merging would change; 0: never.
#optimize_hours = 3.0

# How long a postback that overtook its click waits for it.
[postbacks]
#click_wait_hours = 24.0

# Days each record is kept; identity is the full address of a click.
[retention]
#identity_days = 7
#clicks_days = 365
#postbacks_days = 90
#deliveries_days = 30

# Networks that probes of destinations and outbound postbacks may reach although they are not public.
[outbound]
#allow = []

# Conversions whose click says nothing of consent: what ad platforms may do (docs/reference/ad-platforms.md).
[consent]
# For counting, not for advertising. EEA stands for its 30 countries.
#limited_countries = ["EEA", "GB", "CH"]
# Not reported at all.
#denied_countries = []
# "granted", "limited" or "denied"; also where the country is not known.
#elsewhere = "granted"

# Ways in for interpreted events (docs/reference/events.md). filter = false: also what nobody subscribed to.
[intake]
#filter = true

# The queue that announces objects with all events: they are filtered, then reported.
[intake.trigger]
#queue_url = ""
# Where what cannot be read goes after so many attempts, unless the queue has a redrive policy of its own.
#dead_letter_url = ""
#attempts = 3
#parallel = 4
#paused = false
# A DynamoDB table with the ids of campaigns, beside the subscriptions in Weir.
#subscriptions_table = ""
# A bucket in which what passed the filter is written as well.
#filtered_bucket = ""

# The queue that announces objects whose events were filtered already.
[intake.report]
#queue_url = ""
#dead_letter_url = ""
#attempts = 3
#parallel = 4
#paused = false

# A folder in which files of events are put.
[intake.folder]
#path = ""
#paused = false

# Amazon's services (docs/reference/aws.md). Without a key: AWS_ACCESS_KEY_ID, ~/.aws, or the machine's role.
[aws]
#region = ""
# Another server that speaks the same, for example a test's.
#endpoint = ""
#access_key_id = ""
#secret_access_key = ""
# CloudWatch: where metrics and log lines go; empty: nowhere.
#metrics_namespace = ""
#log_group = ""

# Who is told when something is wrong (docs/reference/alerts.md), by mail and by a signed webhook.
[alerts]
#emails = []
#webhook = ""
# whsec_ and 24 to 64 bytes in base64.
#webhook_secret = ""
# From where on something is wrong: the oldest in a queue, failed ones of what ended lately, room on the disk.
#queue_minutes = 30.0
#error_percent = 20.0
#error_minutes = 15.0
#error_least = 20
#disk_free_mb = 2000

# "auto" is readable on a terminal, made for journald where it reads stderr, JSON lines elsewhere.
[log]
#level = "info"
#format = "auto"
"""


def compose(chosen: Mapping[str, Value]) -> str:
    """The sample with `chosen` (`{"public.bind": "0.0.0.0:80"}`) set. KeyError for a key it does not have."""
    waiting, lines, section = dict(chosen), [], ""
    for line in TEXT.splitlines():
        if heading := re.fullmatch(r"\[([\w.]+)\]", line):
            section = heading[1] + "."
        key = re.match(r"#(\w+) = ", line)
        path = section + key[1] if key else ""
        lines.append(f"{path.rpartition('.')[2]} = {_toml(waiting.pop(path))}" if path in waiting else line)
    if waiting:
        raise KeyError(*waiting)
    return "\n".join(lines) + "\n"


def _toml(value: Value) -> str:
    """A TOML string or array: JSON's, but for the one control character that only TOML wants escaped."""
    text = json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")
