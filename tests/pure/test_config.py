"""The settings tree: where values come from, and that every fault is named at once with its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance import addresses, config
from appliance.errors import ConfigError
from appliance.intake_config import region_of


def load(
    tmp_path: Path, text: str = "", environ: dict[str, str] | None = None, **overrides: str
) -> config.Settings:
    file = tmp_path / "weir.toml"
    file.write_text(text)
    return config.load(file, environ or {}, overrides)


def faults(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, environ)
    return {problem.path: problem.message for problem in caught.value.problems}


def test_without_a_file_everything_has_its_default() -> None:
    assert config.load(None, {}) == config.Settings()


def test_the_environment_beats_the_file_and_the_command_line_beats_both(tmp_path: Path) -> None:
    text = 'edges = 2\n[public]\nbind = "127.0.0.1:1"\n[journal]\nring_events = 7\n'
    environ = {"WEIR_EDGES": "3", "WEIR_PUBLIC__BIND": "127.0.0.1:2", "HOME": "/nowhere"}
    file = tmp_path / "weir.toml"
    file.write_text(text)
    settings, origins = config.load_with_origins(file, environ, {"public.bind": "127.0.0.1:3"})
    assert (settings.edges, settings.public.bind, settings.journal.ring_events) == (3, "127.0.0.1:3", 7)
    assert origins == {
        "edges": "environment WEIR_EDGES",
        "public.bind": "command line",
        "journal.ring_events": f"file {file}",
    }


def test_text_from_the_environment_is_read_as_the_type_the_setting_has(tmp_path: Path) -> None:
    environ = {
        "WEIR_DEMO": "false",
        "WEIR_STOP_SECONDS": "7.5",
        "WEIR_JOURNAL__DURABILITY": "power",
        "WEIR_PUBLIC__TRUSTED_PROXIES": "10.0.0.0/8, ::1",
    }
    settings = load(tmp_path, environ=environ)
    assert settings.demo is False
    assert settings.stop_seconds == 7.5
    assert settings.journal.durability == "power"
    assert settings.public.trusted_proxies == ("10.0.0.0/8", "::1")


def test_weir_config_names_the_file_and_is_no_setting(tmp_path: Path) -> None:
    assert load(tmp_path, environ={"WEIR_CONFIG": "elsewhere.toml"}) == config.Settings()


SQS = "https://sqs.eu-central-1.amazonaws.com/123456789012"


def test_a_queue_names_its_region(tmp_path: Path) -> None:
    read = load(tmp_path, f'[intake.trigger]\nqueue_url = "{SQS}/trigger-conversion-reporting"\n')
    assert region_of(read.aws, read.intake) == "eu-central-1"


def test_the_secret_of_a_key_is_not_shown(tmp_path: Path) -> None:
    shown = config.masked(load(tmp_path, '[aws]\naccess_key_id = "AK"\nsecret_access_key = "s3cret"\n'))
    assert (shown["aws.access_key_id"], shown["aws.secret_access_key"]) == ("AK", "***")


WEBHOOK = "https://chat.example.com/hooks/s3cret"
SECRET = "whsec_" + "A" * 32


def test_a_webhook_of_alerts_needs_its_secret_and_neither_is_shown(tmp_path: Path) -> None:
    text = f'[alerts]\nwebhook = "{WEBHOOK}"\nwebhook_secret = "{SECRET}"\n'
    shown = config.masked(load(tmp_path, text))
    assert (shown["alerts.webhook"], shown["alerts.webhook_secret"]) == (
        "https://chat.example.com/***",
        "***",
    )
    assert set(faults(tmp_path, f'[alerts]\nwebhook = "{WEBHOOK}"\n')) == {"alerts.webhook_secret"}


def test_faults_of_the_section_of_alerts_are_named(tmp_path: Path) -> None:
    text = """
    [alerts]
    emails = ["ann@example.com", "nobody"]
    webhook = "chat"
    webhook_secret = "whsec_short"
    queue_minutes = 0
    error_percent = 101
    disk_free_mb = -1
    """
    assert set(faults(tmp_path, text)) == {
        "alerts.emails[1]", "alerts.emails", "alerts.webhook", "alerts.webhook_secret",
        "alerts.queue_minutes", "alerts.error_percent", "alerts.disk_free_mb",
    }  # fmt: skip


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    text = """
    edges = 0
    colour = "red"
    [public]
    bind = "nowhere"
    idle_timeout = "soon"
    trusted_proxies = ["10.0.0.0/8", "everyone"]
    [jurnal]
    ring_events = 1
    [journal]
    durability = "maybe"
    """
    found = faults(tmp_path, text, {"WEIR_RETENTION__CLICKS_DAYS": "0", "WEIR_LOGS": "x"})
    assert set(found) == {
        "edges", "colour", "public.bind", "public.idle_timeout", "public.trusted_proxies[1]",
        "jurnal", "journal.durability", "retention.clicks_days", "environment WEIR_LOGS",
    }  # fmt: skip
    assert "no such setting; here are: admin, alerts, aws, consent, data, demo" in found["colour"]
    assert "HOST:PORT" in found["public.bind"]
    assert "'everyone' is no address" in found["public.trusted_proxies[1]"]


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("public = 3", "public", "expected a section"),
        ("[edges]\nx = 1", "edges", "Expected `int`, got `object`"),
        ("edges = 1.5", "edges", "Expected `int`"),
        ("edges = true", "edges", "Expected `int`, got `bool`"),
        ("edges = 65", "edges", "from 1 to 64"),
        ("stop_seconds = nan", "stop_seconds", "from 1 to 600"),
        ('[public]\nbind = "8080"', "public.bind", "HOST:PORT"),
        ('[public]\nbind = "1.2.3.4:99999"', "public.bind", "HOST:PORT"),
        ('[public]\nbind = "example.com:80"', "public.bind", "IP address or localhost"),
        ('[public]\nroot_redirect = "/home"', "public.root_redirect", "absolute http(s) URL"),
        ('[public]\nroot_redirect = "http://["', "public.root_redirect", "absolute http(s) URL"),
        (
            '[public]\nroot_redirect = "http://x/\\nSet-Cookie: a"',
            "public.root_redirect",
            "absolute http(s) URL",
        ),
        ('[public]\ndomain = "http://go.example.com"', "public.domain", "no scheme, port or path"),
        ('[public]\ndomain = "go.example.com:80"', "public.domain", "no scheme, port or path"),
        ('[public]\ndomain = "192.0.2.7"', "public.domain", "not an IP address"),
        ('[public]\ndomain = "-go.example.com"', "public.domain", "host name"),
        ('[public]\ndomain = "example"', "public.domain", "host name"),
        ('[public]\ndomain = "straße.example"', "public.domain", "xn--"),
        ('[admin]\nemails = ["a@example.com", "b"]', "admin.emails[1]", "mail address"),
        ('[admin]\nemails = ["a b@example.com"]', "admin.emails[0]", "mail address"),
        ('[admin]\nbind = "weir.example:8081"', "admin.bind", "IP address or localhost"),
        ('[admin]\nurl = "https://weir.example.com/ui"', "admin.url", "without a path"),
        ('[admin]\nurl = "ftp://weir.example.com"', "admin.url", "http(s) URL"),
        ('[admin]\nhosts = ["weir.example.com", "*"]', "admin.hosts[1]", "host name"),
        ('[admin]\norigins = ["*"]', "admin.origins[0]", "expected a scheme"),
        ('[admin]\norigins = ["https://a.example/x"]', "admin.origins[0]", "expected a scheme"),
        ('[admin]\nbind = "0.0.0.0:8081"\nlocal_codes = true', "admin.local_codes", "loopback"),
        ('[admin]\nhosts = ["a.example"]\nlocal_codes = true', "admin.local_codes", "alone"),
        ('[mail]\nresend_key = "re_1"', "mail.sender", "whom mail comes from"),
        ('[mail]\nsmtp_url = "mail.example.com"\nsender = "a@b.cc"', "mail.smtp_url", "smtp://"),
        ('[mail]\nsmtp_url = "smtp://h"\nsender = "Weir <nobody>"', "mail.sender", "mail address"),
        ('[mail]\nsmtp_url = "smtp://h"\nsender = "a@b.cc"\nresend_key = "k"', "mail.smtp_url", "either"),
        ('[routing]\ncurrency = "US1"', "routing.currency", "ISO 4217"),
        ('[warehouse]\nurl = "sqlite"', "warehouse.url", "ClickHouse"),
        ("[warehouse]\nquery_memory_mb = 5000", "warehouse.query_memory_mb", "max_memory_mb"),
        ("[journal]\nsize_limit_mb = 10", "journal.size_limit_mb", "journal.segment_mb"),
        ('[intake.trigger]\nqueue_url = "trigger"', "intake.trigger.queue_url", "a queue's URL"),
        ('[intake.trigger]\nqueue_url = "http://127.0.0.1:5000/1/t"', "aws.region", "the region"),
        (f'[intake.report]\nqueue_url = "{SQS}/r"\nparallel = 99', "intake.report.parallel", "from 1 to 32"),
        (
            f'[intake.report]\nqueue_url = "{SQS}/r"\ndead_letter_url = "{SQS}/r"',
            "intake.report.dead_letter_url",
            "another queue",
        ),
        ('[intake.trigger]\nfiltered_bucket = "Mine"', "intake.trigger.filtered_bucket", "a bucket's name"),
        ('[intake.pigeon]\nloft = "x"', "intake.pigeon", "folder, report, trigger"),
        ('[aws]\naccess_key_id = "AK"', "aws.secret_access_key", "two parts"),
        ('[aws]\nregion = "eu"\nmetrics_namespace = "AWS/mine"', "aws.metrics_namespace", "AWS/"),
        ('[log]\nlevel = "loud"', "log.level", "Invalid enum value 'loud'"),
    ],
)
def test_a_wrong_value_says_where_and_what_would_be_right(
    tmp_path: Path, text: str, path: str, message: str
) -> None:
    found = faults(tmp_path, text)
    assert list(found) == [path]
    assert message in found[path]


def test_an_environment_setting_under_a_plain_value_is_one_fault_of_the_file(tmp_path: Path) -> None:
    assert list(faults(tmp_path, "public = 3", {"WEIR_PUBLIC__BIND": "127.0.0.1:1"})) == ["public"]


@pytest.mark.parametrize(
    "name", ["WEIR_PUBLIC", "WEIR_PUBLIC__", "WEIR_DATA__X", "WEIR_", "WEIR_NO__SUCH__KEY"]
)
def test_an_environment_name_that_is_no_setting_is_refused(tmp_path: Path, name: str) -> None:
    assert list(faults(tmp_path, "", {name: "x"})) == [f"environment {name}"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml"):
        config.load(tmp_path / "missing.toml", {})
    (tmp_path / "torn.toml").write_text("[public\n")
    with pytest.raises(ConfigError, match=r"torn\.toml\n  file: .*line 1"):
        config.load(tmp_path / "torn.toml", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        (":8080", ("0.0.0.0", 8080)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:80", ("127.0.0.1", 80)),
    ],
)
def test_an_address_is_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert addresses.host_port(text) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Go.Example.COM", "go.example.com"),
        ("go.example.com.", "go.example.com"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_is_kept_as_dns_has_it(tmp_path: Path, text: str, name: str) -> None:
    assert load(tmp_path, f'[public]\ndomain = "{text}"').public.domain == name


def test_administrators_come_from_the_environment_too(tmp_path: Path) -> None:
    settings = load(tmp_path, environ={"WEIR_ADMIN__EMAILS": "Ann@Example.com, bob@example.com"})
    assert settings.admin.emails == ("Ann@example.com", "bob@example.com")


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    settings = load(tmp_path, '[warehouse]\nurl = "https://weir:hunter2@db:8443/weir"\n')
    assert config.masked(settings)["warehouse.url"] == "https://weir:***@db:8443/weir"


def test_keys_and_passwords_of_mail_are_not_shown(tmp_path: Path) -> None:
    text = '[mail]\nsender = "Weir <weir@example.com>"\n'
    settings = load(tmp_path, text + 'smtp_url = "smtp://weir:hunter2@mail.example.com:587"\n')
    assert config.masked(settings)["mail.smtp_url"] == "smtp://weir:***@mail.example.com:587"
    assert config.masked(load(tmp_path, text + 'resend_key = "re_1"\n'))["mail.resend_key"] == "***"


def test_an_origin_is_kept_as_browsers_write_it(tmp_path: Path) -> None:
    text = '[admin]\nurl = "https://Weir.example.com/"\norigins = ["https://App.example.com:8443/"]\n'
    admin = load(tmp_path, text).admin
    assert (admin.url, admin.origins) == ("https://weir.example.com", ("https://app.example.com:8443",))


def test_settings_survive_the_way_to_a_child() -> None:
    import json

    import msgspec

    settings = config.Settings(edges=3, public=config.Public(trusted_proxies=("::1",)))
    carried: Any = json.loads(json.dumps(msgspec.to_builtins(settings)))
    assert msgspec.convert(carried, config.Settings) == settings
