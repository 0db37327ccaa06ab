"""Signing in to a real Weir: the printed claim link, a code by mail, a restart, and beyond loopback."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.rig import start_weir, wait_for


@contextlib.contextmanager
def postbox() -> Iterator[tuple[int, list[str]]]:
    """A mail server on a free port, and the mails that it took."""
    mails: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, connection.makefile("rwb", buffering=0) as lines:
                    lines.write(b"220 here\r\n")
                    text: list[str] | None = None
                    while line := lines.readline():
                        if text is not None and line == b".\r\n":
                            mails.append("".join(text))
                            text = None
                            lines.write(b"250 taken\r\n")
                        elif text is not None:
                            text.append(line.decode())
                        elif line.startswith((b"data", b"DATA")):
                            text = []
                            lines.write(b"354 go on\r\n")
                        elif line.lower().startswith(b"quit"):
                            lines.write(b"221 bye\r\n")
                            break
                        else:
                            lines.write(b"250 fine\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], mails
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.slow
def test_from_the_printed_link_to_a_code_by_mail(tmp_path: Path) -> None:
    with postbox() as (port, mails):
        mail = {"WEIR_MAIL__SMTP_URL": f"smtp://127.0.0.1:{port}", "WEIR_MAIL__SENDER": "weir@example.com"}
        with start_weir(tmp_path / "data", env=mail) as weir:
            claim = (tmp_path / "data" / "claim").read_text().strip()
            asked = {"token": claim, "email": "ann@example.com"}
            with httpx.Client(base_url=weir.admin, trust_env=False) as http:
                assert http.get("/api/me").status_code == 401
                grant = http.post("/api/session/claim", json=asked).json()
                assert grant["user"]["role"] == "administrator"
            assert httpx.post(weir.admin + "/api/session/claim", json=asked).status_code == 401
            assert weir.call("me.get")["name"] == "local administrator"
            assert weir.call("users.list")["items"][0]["email"] == "ann@example.com"
            core = weir.children()["core"]
            weir.kill("core")
            weir.wait_child("core", besides=core)
            bearer = {"Authorization": f"Bearer {grant['token']}"}

            def answers() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return httpx.get(weir.admin + "/api/me", headers=bearer).status_code == 200
                return False

            wait_for("the session after a core's death", answers)
            with httpx.Client(base_url=weir.admin, trust_env=False) as http:
                asked = {"email": "bob@example.com"}
                assert http.post("/api/session/request_code", json=asked).json()["code"] is None
                found = re.search(r"^Your code .*: (\d{6})", mails[0], re.MULTILINE)
                assert found, mails
                answer = http.post("/api/session/sign_in", json={**asked, "code": found[1]})
                assert answer.json()["user"]["status"] == "pending_approval"
            weir.stop()
            printed = weir.stdout()
        assert f"/claim/{claim}" in printed
        assert "reports.overview" in printed
        for path in (tmp_path / "data").glob("identity.db*"):
            assert found[1].encode() not in path.read_bytes()


@pytest.mark.slow
def test_beyond_loopback_a_secret_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with start_weir(tmp_path / "data", "--admin", "0.0.0.0:0", wait=False) as weir:
        weir.wait_ready(core=False)
        wait_for("the core says what is missing", lambda: weir.logged("cannot run"))
        assert "secret_file: there is no" in weir.logged("cannot run")[0]["error"]
        (tmp_path / "data" / "secret").write_text("ab" * 32 + "\n")
        weir.wait_ready()
        port = weir.admin.rpartition(":")[2]
        here = f"http://127.0.0.1:{port}"
        assert httpx.get(here + "/healthz").status_code == 200
        assert httpx.get(here + "/api/me", headers={"Host": "203.0.113.5"}).status_code == 401
        assert httpx.get(here + "/api/me", headers={"Host": "evil.example"}).status_code == 403
