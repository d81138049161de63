"""The chat's process: answers in pieces, stops when told, survives what fails, and goes before a training does."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.app.chat import Talk, command, stop
from engine.common.errors import TunedeckError
from engine.jobs import chat as job
from engine.models.chat_request import BASE, TUNED, Asked, ChatRequest, Turn
from tests.engine.modeling.test_load_for_use import write_adapter
from tests.tiny import make_tiny_model

HELLO = [Turn("user", "Give me the order as JSON.")]


class Lines:
    """Stands for stdin: lines as they are put, until it is closed."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue()

    def __iter__(self) -> Iterator[str]:
        while (line := self._lines.get()) is not None:
            yield line

    def ask(self, number: int, **more: Any) -> None:
        self._lines.put(
            json.dumps({"ask": "answer", "id": number, "turns": [{"role": "user", "content": "Hi"}], **more})
        )

    def put(self, line: str) -> None:
        self._lines.put(line)

    def close(self) -> None:
        self._lines.put(None)


class Desk:
    """The job in a thread of this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, request: ChatRequest) -> None:
        monkeypatch.setattr(job, "yield_to_others", lambda: None)
        self.lines, self.said = Lines(), queue.Queue[dict[str, Any]]()
        say = lambda kind, /, **values: self.said.put({"type": kind, **values})  # noqa: E731
        arguments = command(request)[-1:]
        self.thread = threading.Thread(target=job.main, args=(arguments, self.lines, say), daemon=True)
        self.thread.start()

    def until(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while not found or found[-1]["type"] != kind:
            found.append(self.said.get(timeout=60))
        return found


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", seed=3)


@pytest.fixture
def adapter(tiny: Path, tmp_path: Path, home: Path) -> Path:
    return write_adapter(tmp_path / "adapter", tiny)


def test_a_real_process_answers_with_both_voices_and_ends_with_its_stdin(adapter: Path) -> None:
    request = ChatRequest(target=str(adapter), beside=BASE, gpus="cpu")
    with Talk(command(request)) as talk:
        ready = [*talk.records("ready")][-1]
        assert [(each["voice"], each["asked"]) for each in ready["voices"]] == [(TUNED, True), (BASE, True)]
        assert ready["template"]
        assert talk._process is not None
        score = Path(f"/proc/{talk._process.pid}/oom_score_adj")
        assert not score.exists() or int(score.read_text()) >= 500
        said = [*talk.ask(HELLO, [TUNED, BASE], max_new_tokens=8)]
        whole = [each for each in said if each["type"] == "said"]
        assert [each["voice"] for each in whole] == [TUNED, BASE]
        assert whole[0]["text"] != whole[1]["text"]
        for each in whole:
            pieces = [piece["text"] for piece in said if piece["type"] == "piece" and piece["voice"] == each["voice"]]
            assert "".join(pieces) == each["text"]
        process = talk._process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def test_both_voices_end_at_a_stop_string(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, ChatRequest(target=str(adapter), beside=BASE, gpus="cpu"))
    desk.until("ready")
    desk.lines.ask(1, voices=[TUNED, BASE], max_new_tokens=24)
    whole = [each["text"] for each in desk.until("done") if each["type"] == "said"]
    stop = tuple(text[len(text) // 2 :][:3] for text in whole)
    desk.lines.ask(2, voices=[TUNED, BASE], max_new_tokens=24, stop=stop)
    cut = [each for each in desk.until("done") if each["type"] == "said"]
    assert [(each["voice"], each["ended"]) for each in cut] == [(TUNED, "stop-string"), (BASE, "stop-string")]
    for each, before in zip(cut, whole, strict=True):
        assert each["text"] == before[: min(at for one in stop if (at := before.find(one)) >= 0)]
    desk.lines.close()
    desk.thread.join(30)


def test_a_stop_ends_the_answer_and_takes_back_those_that_wait(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, ChatRequest(target=str(adapter), gpus="cpu"))
    desk.until("ready")
    desk.lines.ask(1, voices=[TUNED], max_new_tokens=30_000)
    desk.lines.ask(2, voices=[TUNED], max_new_tokens=30_000)
    desk.until("piece")
    desk.lines.put(stop(2).decode())
    assert next(each for each in desk.until("done") if each["type"] == "said")["ended"] == "stopped"
    desk.lines.ask(3, voices=[TUNED], max_new_tokens=2)
    assert {each.get("id") for each in desk.until("done")} == {3}
    desk.lines.close()
    desk.thread.join(30)
    assert not desk.thread.is_alive()


def test_what_fails_is_told_and_the_next_answer_comes(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.evaluation.talk import Talker

    desk = Desk(monkeypatch, ChatRequest(target=str(adapter), gpus="cpu"))
    desk.until("ready")
    desk.lines.put("no json")
    desk.lines.put("[1]")
    desk.lines.ask(1, voices=[TUNED], max_new_tokens="many")
    assert [each["type"] for each in desk.until("done")] == ["trouble", "done"]
    with monkeypatch.context() as short:
        for error, code in ((torch.OutOfMemoryError("no"), "chat.out-of-memory"), (KeyError("x"), "chat.failed")):
            short.setattr(Talker, "speak", lambda *args, error=error: (_ for _ in ()).throw(error))
            desk.lines.ask(2, voices=[TUNED])
            assert desk.until("done")[0]["code"] == code
    desk.lines.ask(3, voices=[TUNED], max_new_tokens=2)
    assert any(each["type"] == "said" for each in desk.until("done"))
    desk.lines.close()


@pytest.mark.parametrize(
    ("request_", "code"),
    [({"target": "nothing"}, "use.not-found"), ({"target": "{tiny}", "beside": BASE}, "chat.no-base"),
     ({"target": "{adapter}", "beside": "{tiny}"}, "chat.beside-model")],
)  # fmt: skip
def test_what_can_not_be_loaded_is_an_error(
    request_: dict[str, str], code: str, tiny: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {key: value.format(tiny=tiny, adapter=adapter) for key, value in request_.items()}
    desk = Desk(monkeypatch, ChatRequest(**named))
    assert desk.until("error")[-1]["code"] == code


def test_memory_that_runs_out_while_loading_is_said(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.modeling import load_for_use

    def short(*args: Any, **more: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(load_for_use, "load_for_use", short)
    desk = Desk(monkeypatch, ChatRequest(target=str(adapter), gpus="cpu"))
    assert desk.until("error")[-1]["code"] == "chat.no-memory-to-load"


def test_a_process_that_is_ended_for_want_of_ram_is_named_as_that() -> None:
    with Talk(["/bin/sh", "-c", "kill -9 $$"]) as talk, pytest.raises(TunedeckError) as error:
        [*talk.records("ready")]
    assert error.value.code == "chat.killed"
    with Talk(["/bin/sh", "-c", "echo Trouble >&2; exit 3"]) as talk, pytest.raises(TunedeckError) as error:
        [*talk.records("ready")]
    assert error.value.code == "chat.ended"
    assert "Trouble" in str(error.value)
    assert isinstance(talk._process, subprocess.Popen)
    assert Asked(id=1, turns=HELLO, voices=[]).temperature == 0
