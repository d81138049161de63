"""Notices of a run: what is sent where, what is refused, and that nothing of it can harm the training."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.config.schema import NotifySection
from engine.messages.message import Message
from engine.runs import crash_notice, directory, notices, webhook
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.follow import load_state
from engine.runs.notices import NOTIFYING, Notices
from tests.engine.runs.making import failure, mark_exited, mark_launched, said, step, write

SPIKE = ev.Spike(
    step=3, loss=9.0, expected=1.0, grad_norm=2.0, learning_rate=1e-4, rows=[ev.HeldRow(text="a secret row")],
    keys=["aa"],
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return directory.create("tiny", "", name="orders", root=tmp_path / "runs")


def heard(run: RunDir, notify: NotifySection, *events: ev.Event) -> list[str]:
    """Codes of what the run says of its notices, once all are sent."""
    told: list[ev.Event] = []
    made = Notices(run, notify, told.append)
    for event in events:
        made.heard(event)
    made.finish()
    return [event.message.code for event in told if isinstance(event, ev.Warn)]


def keeping(tmp_path: Path) -> tuple[NotifySection, Path]:
    """A program that keeps what it reads."""
    kept = tmp_path / "kept.jsonl"
    script = tmp_path / "keep.sh"
    script.write_text(f'#!/bin/sh\ncat >> "{kept}"\necho "" >> "{kept}"\n[ -z "${NOTIFYING}" ] && exit 3\nexit 0\n')
    script.chmod(0o755)
    return NotifySection(command=f"{script} --token 12345"), kept


def test_a_program_gets_what_happened_as_json(run: RunDir, tmp_path: Path) -> None:
    notify, kept = keeping(tmp_path)
    events = (ev.RunStarted(total_steps=9), step(3), SPIKE, ev.Finished(outcome="finished", step=9))
    assert heard(run, notify, *events) == []
    first, last = (json.loads(line) for line in kept.read_text().splitlines() if line)
    assert (first["kind"], first["step"], first["total_steps"]) == ("attention", 3, 9)
    assert (last["kind"], last["name"], last["run"], last["path"]) == ("end", "orders", run.id, str(run.path))
    assert first["what"]["code"] == "steering.spike"
    assert "orders" in last["text"]
    assert "secret row" not in kept.read_text()


def test_only_what_was_asked_for_is_sent(run: RunDir, tmp_path: Path) -> None:
    notify, kept = keeping(tmp_path)
    heard(run, notify.model_copy(update={"on": ["failure"]}), SPIKE, ev.Finished(outcome="finished", step=9), failure())
    assert [json.loads(line)["kind"] for line in kept.read_text().splitlines() if line] == ["failure"]


def test_attention_is_not_asked_for_again_and_again(run: RunDir, tmp_path: Path) -> None:
    notify, kept = keeping(tmp_path)
    heard(run, notify, SPIKE, SPIKE, SPIKE)
    assert len([line for line in kept.read_text().splitlines() if line]) == 1


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("/no/such/program --key 123", "notices.command-not-run"), ("false", "notices.command-failed"),
        ("'unclosed", "notices.command-not-run"), ("", "none"),
    ],
)  # fmt: skip
def test_a_program_that_fails_is_told_of_without_its_arguments(run: RunDir, command: str, code: str) -> None:
    told = heard(run, NotifySection(command=command), ev.Finished(outcome="finished", step=9))
    assert told == ([] if code == "none" else [code])


def test_a_program_that_hangs_is_stopped_with_all_it_started(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "LIMIT_S", 0.3)
    began = time.monotonic()
    told = heard(run, NotifySection(command="sleep 60 & sleep 60", shell=True), ev.Finished(outcome="finished", step=9))
    assert told == ["notices.command-too-slow"]
    assert time.monotonic() - began < 30


def test_without_the_word_no_shell_reads_the_command(run: RunDir, tmp_path: Path) -> None:
    heard(run, NotifySection(command=f"true; touch {tmp_path}/made"), failure())
    assert not (tmp_path / "made").exists()
    heard(run, NotifySection(command=f"true; touch {tmp_path}/made", shell=True), failure())
    assert (tmp_path / "made").exists()


def test_a_run_that_a_notice_started_sends_none(
    run: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    notify, kept = keeping(tmp_path)
    monkeypatch.setenv(NOTIFYING, "1")
    assert heard(run, notify, failure()) == ["notices.in-a-notice"]
    assert not kept.exists()


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, Any, str]]]]:
    """An address on this machine, and what came to it: path, body, authorization. /away redirects, /no refuses."""
    came: list[tuple[str, Any, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            came.append((self.path, body, self.headers.get("Authorization", "")))
            self.send_response({"/away": 302, "/no": 500}.get(self.path, 200))
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}", came
    listening.shutdown()
    listening.server_close()


def test_an_address_gets_it_with_secrets_from_the_environment(
    run: RunDir, server: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, came = server
    monkeypatch.setenv("HOOK_KEY", "s3cret")
    notify = NotifySection(url=f"{url}/hook?key=${{HOOK_KEY}}".replace("//", "//me:${HOOK_KEY}@"))
    assert heard(run, notify, failure()) == []
    ((path, body, authorization),) = came
    assert (path, body["kind"]) == ("/hook?key=s3cret", "failure")
    assert authorization.startswith("Basic ")


@pytest.mark.parametrize(("path", "seen"), [("/away", 1), ("/no", 1)])
def test_a_redirect_is_not_followed_and_a_refusal_is_told(
    run: RunDir, server: tuple[str, list[Any]], path: str, seen: int
) -> None:
    url, came = server
    assert heard(run, NotifySection(url=url + path), failure()) == ["notices.not-sent"]
    assert [each[0] for each in came] == [path] * seen


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.com/x", "notices.no-address"), ("example.com", "notices.no-address"),
        ("https://", "notices.no-address"), ("https://a b/", "notices.no-address"),
        ("https://[::1", "notices.no-address"), ("https://example.com:99999/", "notices.no-address"),
        ("http://example.com/x", "notices.not-https"), ("http://10.0.0.1/", "notices.not-https"),
        ("https://me:word@example.com/", "notices.secret-in-address"),
        ("https://example.com/?token=abc", "notices.secret-in-address"),
        ("https://example.com/?abc", "notices.secret-in-address"),
    ],
)  # fmt: skip
def test_an_address_that_is_none_or_tells_a_secret_is_refused(url: str, code: str) -> None:
    found = webhook.wrong(url)
    assert found is not None
    assert found.code == code
    assert "word" not in str(found.args)
    assert "abc" not in str(found.args)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook", "http://localhost:8080/x", "http://[::1]/x",
        "https://${USER}:${WORD}@example.com/?token=${KEY}", "https://${HOST}/x",
    ],
)  # fmt: skip
def test_a_sound_address_is_one(url: str) -> None:
    assert webhook.wrong(url) is None


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3", "192.168.0.1", "172.16.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_of_the_open_internet_are_told(address: str) -> None:
    assert not webhook.is_public(address)


def test_a_name_that_leads_into_a_private_network_is_refused_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("10.0.0.5", 443))]
    monkeypatch.setattr(webhook.socket, "getaddrinfo", lambda *args, **kinds: found)
    with pytest.raises(webhook.Refused) as error:
        webhook.post("https://hook.example/x", b"{}", allow_private=False, timeout_s=1)
    assert error.value.reason == Message("notices.private-address", host="hook.example")
    spoken: list[Any] = []

    def connect(place: Any, timeout: float) -> Any:
        spoken.append(place)
        raise OSError

    monkeypatch.setattr(webhook.socket, "create_connection", connect)
    with pytest.raises(webhook.Refused) as error:
        webhook.post("https://hook.example/x?k=${PATH}", b"{}", allow_private=True, timeout_s=1)
    assert spoken == [("93.184.216.34", 443)]
    assert os.environ["PATH"] not in str(error.value.reason.args)


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(webhook.Refused) as error:
        webhook.post("https://example.com/${NO_SUCH_KEY}", b"{}", False, 1)
    assert error.value.reason == Message("notices.no-variable", name="NO_SUCH_KEY")


def test_a_variable_can_t_lead_elsewhere_than_https(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("http://inside", "x y", ""):
        monkeypatch.setenv("WHERE", value)
        with pytest.raises(webhook.Refused):
            webhook.post("${WHERE}/x", b"{}", False, 1)


def test_a_run_that_was_killed_is_told_of_by_who_waited_for_it(run: RunDir, tmp_path: Path) -> None:
    notify, kept = keeping(tmp_path)
    run.config.write_text(
        f'[model]\nname_or_path = "tiny"\n[[data]]\npath = "x"\n[notify]\ncommand = "{notify.command}"\n'
    )
    write(run, ev.State(state="starting"), ev.RunStarted(total_steps=9), step(4))
    mark_launched(run)
    mark_exited(run, -9)
    crash_notice.tell_of_crash(run)
    (told,) = (json.loads(line) for line in kept.read_text().splitlines() if line)
    assert (told["kind"], told["step"]) == ("failure", 4)
    run.config.write_text(run.config.read_text().replace(str(tmp_path / "keep.sh"), "/no/such"))
    crash_notice.tell_of_crash(run)
    assert [warning.message.code for warning in load_state(run).warnings] == ["notices.command-not-run"]
    write(run, ev.Failed(reason=said("x")))
    kept.unlink()
    crash_notice.tell_of_crash(run)
    assert not kept.exists()
