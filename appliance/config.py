"""The settings tree: defaults < TOML file < environment. Loaded once by the command line, passed by section.

Environment names follow one rule: WEIR_ + section + __ + key, in capitals (WEIR_JOURNAL__DURABILITY=power).
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal, get_type_hints

import msgspec
from msgspec import Struct

from appliance.addresses import host_name, host_port, is_origin, is_smtp_url, is_url, mailbox
from appliance.alert_config import Alerts, check_alerts
from appliance.consent_config import Consent, check_consent
from appliance.errors import ConfigError, FieldProblem
from appliance.intake_config import Aws, Intake, check_aws


class Public(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The public port: tracked links and postbacks."""

    bind: str = "0.0.0.0:8080"
    domain: str = ""
    trusted_proxies: tuple[str, ...] = ()
    max_connections: int = 10_000
    max_connections_per_address: int = 1_000
    idle_timeout: float = 30.0
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    send_timeout: float = 30.0
    root_status: int = 200
    root_text: str = "The world is yours!"
    root_redirect: str = ""


class Admin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The admin port. `emails` are administrators; `url`, `hosts` and `origins`: http/admin/gate.py."""

    bind: str = "127.0.0.1:8081"
    emails: tuple[str, ...] = ()
    url: str = ""
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    local_codes: bool = False


class Mail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How codes for signing in are sent: Resend's API, or an SMTP server."""

    resend_key: str = ""
    smtp_url: str = ""
    sender: str = ""


class Journal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each edge's journal. `durability`: "process" survives kill -9, "power" also fsyncs before the reply."""

    durability: Literal["process", "power"] = "process"
    segment_mb: int = 64
    segment_minutes: int = 60
    size_limit_mb: int = 20_000
    reserve_mb: int = 64
    ring_events: int = 50_000


class Memory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each edge remembers of visitors: at most so many pairs of visitor and destination or campaign."""

    pairs: int = 5_000_000


class Routing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to a click that no destination takes, and which clicks count."""

    trafficback_url: str = ""
    max_trafficback_depth: int = 3
    no_route_status: int = 404
    no_route_text: str = "Nothing here."
    count_bots: bool = True
    currency: str = "USD"


class Geo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What addresses tell: MMDB files, the first that knows a fact wins; `embedded` is Weir's own, last."""

    databases: tuple[str, ...] = ()
    embedded: bool = True


class Warehouse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reports' database: "chdb" is the embedded one, http(s)://user:password@host:port/database a server."""

    url: str = "chdb"
    max_memory_mb: int = 1_000
    query_memory_mb: int = 500
    query_seconds: int = 60
    report_slots: int = 2
    export_seconds: int = 3_600
    export_slots: int = 2
    optimize_hours: float = 3.0


class Postbacks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a postback that overtook its click waits for it."""

    click_wait_hours: float = 24.0


class Outbound(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Weir itself may connect to. `allow`: networks that may be reached although they are not public."""

    allow: tuple[str, ...] = ()


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days each record is kept. Identity (the full address) has its own, short life."""

    identity_days: int = 7
    clicks_days: int = 365
    postbacks_days: int = 90
    deliveries_days: int = 30


class Log(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`format`: "auto" is readable on a terminal, made for journald when it reads stderr, JSON elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "text", "journal"] = "auto"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be configured. docs/reference/configuration.md lists every key (a test checks)."""

    data: str = "./data"
    edges: int = 1
    demo: bool = True
    stop_seconds: float = 20.0
    secret_file: str = ""
    public: Public = Public()
    admin: Admin = Admin()
    mail: Mail = Mail()
    journal: Journal = Journal()
    memory: Memory = Memory()
    routing: Routing = Routing()
    geo: Geo = Geo()
    warehouse: Warehouse = Warehouse()
    postbacks: Postbacks = Postbacks()
    retention: Retention = Retention()
    outbound: Outbound = Outbound()
    consent: Consent = Consent()
    intake: Intake = Intake()
    aws: Aws = Aws()
    alerts: Alerts = Alerts()
    log: Log = Log()


MOST_DATABASES = 16
PREFIX = "WEIR_"
NOT_SETTINGS = frozenset({"WEIR_CONFIG"})
"""WEIR_ names that are no setting: WEIR_CONFIG names the file itself."""


def load(
    file: Path | None, environ: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None
) -> Settings:
    """Read `file` (TOML), then the environment, then `overrides` (`{"public.bind": "…"}`); report all faults.

    Raises ConfigError listing every wrong or unknown key with its path.
    """
    return load_with_origins(file, environ, overrides)[0]


def load_with_origins(
    file: Path | None, environ: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None
) -> tuple[Settings, dict[str, str]]:
    """`load`, and where every value that is no default came from: `{"edges": "environment WEIR_EDGES"}`."""
    environ = os.environ if environ is None else environ
    problems: list[FieldProblem] = []
    tree: dict[str, Any] = {}
    if file is not None:
        try:
            tree = tomllib.loads(file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
            raise ConfigError(
                f"cannot read the configuration {file}", [FieldProblem("file", str(fault))]
            ) from fault
    origins = {path: f"file {file}" for path, _ in leaves(tree)}
    for name, text in sorted(environ.items()):
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            path = name[len(PREFIX) :].lower().replace("__", ".")
            _put(tree, path, text, problems, f"environment {name}")
            origins[path] = f"environment {name}"
    for path, text in (overrides or {}).items():
        _put(tree, path, text, problems, path)
        origins[path] = "command line"
    settings: Settings = _convert(Settings, tree, "", problems)
    # Ranges are checked on what could be read, so that one round names every fault.
    named = {problem.path for problem in problems}
    problems += [problem for problem in _check(settings) if problem.path not in named]
    if problems:
        raise ConfigError("the configuration is wrong", problems)
    return _normal(settings), origins


def _normal(settings: Settings) -> Settings:
    """Names as DNS has them: lower case, in ASCII."""
    domain = settings.public.domain and host_name(settings.public.domain)
    emails = tuple(map(mailbox, settings.admin.emails))
    return msgspec.structs.replace(
        settings,
        public=msgspec.structs.replace(settings.public, domain=domain),
        admin=msgspec.structs.replace(
            settings.admin,
            emails=emails,
            url=settings.admin.url.rstrip("/").lower(),
            origins=tuple(origin.rstrip("/").lower() for origin in settings.admin.origins),
        ),
    )


def leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of every value in a tree of sections, in its order."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield path + key, value


def masked(settings: Settings) -> dict[str, Any]:
    """Every setting by its dotted path, fit to be shown: a key, or a password in a URL, becomes ***."""
    shown = dict(leaves(msgspec.to_builtins(settings)))
    for path in ("mail.resend_key", "aws.secret_access_key", "alerts.webhook_secret"):
        shown[path] = "***" if shown[path] else ""
    # Where chat programs take messages, the path is the secret.
    shown["alerts.webhook"] = re.sub(r"(?<=://)([^/]*)/.+", r"\1/***", shown["alerts.webhook"])
    return {
        path: re.sub(r"(?<=://)([^/@]*?):[^/@]*@", r"\1:***@", value) if isinstance(value, str) else value
        for path, value in shown.items()
    }


def _put(tree: dict[str, Any], path: str, text: str, problems: list[FieldProblem], origin: str) -> None:
    """Put one textual value at `path`, read as the type the tree has there."""
    *sections, key = path.split(".")
    struct: Any = Settings
    for section in sections:
        struct = get_type_hints(struct).get(section) if isinstance(struct, type) else None
    hints = get_type_hints(struct) if isinstance(struct, type) and issubclass(struct, Struct) else {}
    if key not in hints or (isinstance(hints[key], type) and issubclass(hints[key], Struct)):
        problems.append(FieldProblem(origin, "no such setting; docs/reference/configuration.md lists them"))
        return
    value: Any = (
        [part.strip() for part in text.split(",") if part.strip()] if "tuple" in str(hints[key]) else text
    )
    place: Any = tree
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            return  # the file has a plain value where a section belongs; _convert reports it
    place[key] = value


def _convert(struct: Any, tree: Mapping[str, Any], path: str, problems: list[FieldProblem]) -> Any:
    """Field by field, because msgspec stops at the first fault (experiments.md g)."""
    hints = get_type_hints(struct)
    values: dict[str, Any] = {}
    for key, value in tree.items():
        here = f"{path}{key}"
        if key not in hints:
            near = ", ".join(sorted(hints))
            problems.append(FieldProblem(here, f"no such setting; here are: {near}"))
        elif isinstance(hints[key], type) and issubclass(hints[key], Struct):
            if isinstance(value, Mapping):
                values[key] = _convert(hints[key], value, here + ".", problems)
            else:
                problems.append(FieldProblem(here, "expected a section"))
        else:
            try:
                values[key] = msgspec.convert(value, hints[key], strict=not isinstance(value, str))
            except msgspec.ValidationError as fault:
                problems.append(FieldProblem(here, str(fault)))
    return struct(**values)


def _check(settings: Settings) -> list[FieldProblem]:
    """What types cannot say: ranges, addresses, URLs."""
    found: list[FieldProblem] = []

    def need(ok: bool, path: str, message: str) -> None:
        if not ok:
            found.append(FieldProblem(path, message))

    for path, bind in (("public.bind", settings.public.bind), ("admin.bind", settings.admin.bind)):
        try:
            host_port(bind)
        except ValueError as fault:
            need(False, path, str(fault))
    found += [*_check_admin(settings.admin), *_check_mail(settings.mail)]
    found += check_consent(settings.consent)
    found += check_aws(settings.aws, settings.intake)
    found += check_alerts(settings.alerts, bool(settings.mail.resend_key or settings.mail.smtp_url))
    names = [("public.domain", host_name, settings.public.domain)] if settings.public.domain else []
    names += [(f"admin.emails[{n}]", mailbox, text) for n, text in enumerate(settings.admin.emails)]
    for path, read, text in names:
        try:
            read(text)
        except ValueError as fault:
            need(False, path, f"{text!r}: {fault}")
    for index, cidr in enumerate(settings.public.trusted_proxies):
        try:
            ipaddress.ip_network(cidr, strict=False)
        except ValueError:
            need(False, f"public.trusted_proxies[{index}]", f"{cidr!r} is no address or CIDR range")
    for index, cidr in enumerate(settings.outbound.allow):
        try:
            ipaddress.ip_network(cidr, strict=False)
        except ValueError:
            need(False, f"outbound.allow[{index}]", f"{cidr!r} is no address or CIDR range")
    need(1 <= settings.edges <= 64, "edges", "from 1 to 64")
    need(1 <= settings.stop_seconds <= 600, "stop_seconds", "from 1 to 600 seconds")
    public, journal, warehouse = settings.public, settings.journal, settings.warehouse
    need(1 <= public.max_connections <= 1_000_000, "public.max_connections", "from 1 to 1,000,000")
    need(public.max_connections_per_address >= 1, "public.max_connections_per_address", "at least 1")
    for key in ("idle_timeout", "header_timeout", "body_timeout", "send_timeout"):
        need(0.1 <= getattr(public, key) <= 3600, f"public.{key}", "from 0.1 to 3600 seconds")
    need(200 <= public.root_status <= 599, "public.root_status", "an HTTP status from 200 to 599")
    need(400 <= settings.routing.no_route_status <= 599 or settings.routing.no_route_status in (200, 204),
         "routing.no_route_status", "200, 204 or an HTTP error status")  # fmt: skip
    for path, url in (("public.root_redirect", public.root_redirect),
                      ("routing.trafficback_url", settings.routing.trafficback_url)):  # fmt: skip
        need(not url or is_url(url), path, "an absolute http(s) URL")
    need(0 <= settings.routing.max_trafficback_depth <= 10, "routing.max_trafficback_depth", "from 0 to 10")
    need(re.fullmatch(r"[A-Z]{3}", settings.routing.currency) is not None,
         "routing.currency", "an ISO 4217 code such as USD")  # fmt: skip
    need(len(settings.geo.databases) <= MOST_DATABASES, "geo.databases", f"at most {MOST_DATABASES} files")
    for index, name in enumerate(settings.geo.databases):
        need(name.strip() != "" and "\0" not in name, f"geo.databases[{index}]", "the path of an MMDB file")
    need(1 <= journal.segment_mb <= 4096, "journal.segment_mb", "from 1 to 4096")
    need(journal.segment_minutes >= 1, "journal.segment_minutes", "at least 1")
    need(journal.size_limit_mb >= journal.segment_mb, "journal.size_limit_mb", "at least journal.segment_mb")
    need(0 <= journal.reserve_mb <= 4096, "journal.reserve_mb", "from 0 to 4096")
    need(1_000 <= settings.memory.pairs <= 100_000_000, "memory.pairs", "from 1,000 to 100,000,000")
    need(1 <= journal.ring_events <= 10_000_000, "journal.ring_events", "from 1 to 10,000,000")
    need(warehouse.url == "chdb" or is_url(warehouse.url),
         "warehouse.url", '"chdb" or an http(s) URL of a ClickHouse server')  # fmt: skip
    need(
        warehouse.max_memory_mb >= 300, "warehouse.max_memory_mb", "at least 300: the engine alone takes that"
    )
    need(50 <= warehouse.query_memory_mb <= warehouse.max_memory_mb,
         "warehouse.query_memory_mb", "from 50 to warehouse.max_memory_mb")  # fmt: skip
    need(1 <= warehouse.query_seconds <= 3600, "warehouse.query_seconds", "from 1 to 3600 seconds")
    need(1 <= warehouse.report_slots <= 16, "warehouse.report_slots", "from 1 to 16")
    need(1 <= warehouse.export_seconds <= 86_400, "warehouse.export_seconds", "from 1 to 86400 seconds")
    need(1 <= warehouse.export_slots <= 16, "warehouse.export_slots", "from 1 to 16")
    need(warehouse.optimize_hours == 0 or 0.1 <= warehouse.optimize_hours <= 720,
         "warehouse.optimize_hours", "from 0.1 to 720 hours, or 0 for never")  # fmt: skip
    need(settings.postbacks.click_wait_hours >= 0, "postbacks.click_wait_hours", "0 or more")
    for key in ("identity_days", "clicks_days", "postbacks_days", "deliveries_days"):
        need(getattr(settings.retention, key) >= 1, f"retention.{key}", "at least 1 day")
    return found


def _check_admin(admin: Admin) -> Iterator[FieldProblem]:
    if admin.url and not is_origin(admin.url):
        yield FieldProblem("admin.url", "an http(s) URL without a path, for example https://weir.example.com")
    for index, host in enumerate(admin.hosts):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            try:
                host_name(host)
            except ValueError as fault:
                yield FieldProblem(f"admin.hosts[{index}]", f"{host!r}: {fault}")
    for index, origin in enumerate(admin.origins):
        if not is_origin(origin):
            why = (
                f"{origin!r}: expected a scheme, a host and maybe a port, for example https://app.example.com"
            )
            yield FieldProblem(f"admin.origins[{index}]", why)
    if admin.local_codes and (admin.url or admin.hosts or not _loopback(admin.bind)):
        why = "only where this machine alone reaches the admin port: loopback, no admin.url or admin.hosts"
        yield FieldProblem("admin.local_codes", why)


def _loopback(bind: str) -> bool:
    try:
        return ipaddress.ip_address(host_port(bind)[0]).is_loopback
    except ValueError:
        return True  # it has a fault of its own


def _check_mail(mail: Mail) -> Iterator[FieldProblem]:
    if mail.resend_key and mail.smtp_url:
        yield FieldProblem("mail.smtp_url", "either this or mail.resend_key")
    if mail.resend_key and not re.fullmatch(r"[\x21-\x7e]+", mail.resend_key):
        yield FieldProblem("mail.resend_key", "an API key of Resend: no spaces")
    if mail.smtp_url and not is_smtp_url(mail.smtp_url):
        yield FieldProblem("mail.smtp_url", "smtp://user:password@host:587 or smtps://user:password@host:465")
    if (mail.resend_key or mail.smtp_url) and not mail.sender:
        yield FieldProblem("mail.sender", "whom mail comes from, for example Weir <weir@example.com>")
    if mail.sender:
        try:
            mailbox(parseaddr(mail.sender)[1] if mail.sender.isprintable() else "")
        except ValueError as fault:
            yield FieldProblem("mail.sender", str(fault))
