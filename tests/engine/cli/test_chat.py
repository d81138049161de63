"""``tunedeck chat`` as a shell sees it: answers on stdout, all else on stderr, one object a prompt with --json."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from engine.app import chat
from engine.common.errors import MachineError
from engine.messages.catalogue import text
from engine.models.chat_request import ChatRequest, Turn
from tests.engine.cli.cli_calls import Shell
from tests.engine.modeling.test_load_for_use import write_adapter

SAID = {"tokens": 3, "seconds": 0.5, "dropped": 0, "ended": "stop"}


class Stood:
    """Stands for the chat's process."""

    template = True
    asked: ClassVar[list[tuple[list[Turn], list[str], dict[str, Any]]]] = []
    requests: ClassVar[list[ChatRequest]] = []
    trouble = False
    ended = "stop"

    def __init__(self, command: Sequence[str]) -> None: ...

    @classmethod
    def note(cls, request: ChatRequest) -> list[str]:
        """In the place of ``command``."""
        cls.requests.append(request)
        return []

    def __enter__(self) -> Stood:
        return self

    def __exit__(self, *_: object) -> None: ...

    def records(self, until: str) -> Iterator[dict[str, Any]]:
        beside = bool(self.requests) and bool(self.requests[-1].beside)
        voices = [
            {"voice": "tuned", "name": "orders", "asked": True},
            {"voice": "base", "name": "tiny", "asked": bool(beside)},
        ]
        yield {"type": "progress", "done": 0, "total": None, "message": {"code": "jobs.loading-model"}}
        yield {"type": "ready", "voices": voices, "template": self.template, "told": [], "model": "tiny"}

    def ask(self, turns: Sequence[Turn], voices: Sequence[str], **how: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(([*turns], [*voices], how))
        for voice in voices:
            if self.trouble:
                yield {"type": "trouble", **MachineError("chat.out-of-memory").as_json()}
                continue
            yield {"type": "piece", "voice": voice, "text": "x"}
            yield {
                "type": "said",
                "voice": voice,
                "text": f"{voice} \x1b[31msays {turns[-1].content}",
                **SAID,
                "ended": self.ended,
            }
        yield {"type": "done"}


@pytest.fixture
def stood(monkeypatch: pytest.MonkeyPatch, home: Path) -> type[Stood]:
    kind: Any = type("Here", (Stood,), {"asked": [], "requests": []})

    monkeypatch.setattr(chat, "Talk", kind)
    monkeypatch.setattr(chat, "command", kind.note)
    monkeypatch.setattr(chat, "room_for", lambda *args: None)
    return kind  # type: ignore[no-any-return]


@pytest.fixture
def adapter(tmp_path: Path, home: Path, tiny: Path) -> Path:
    return write_adapter(tmp_path / "orders", tiny)


def test_an_answer_is_printed_alone(shell: Shell, stood: type[Stood], adapter: Path) -> None:
    said = shell("chat", str(adapter), "--prompt", "Two teas", "--system", "Be brief.", "--temperature", "0.5")
    assert (said.code, said.out) == (0, "tuned says Two teas\n")
    turns, voices, how = stood.asked[0]
    assert turns == [Turn("system", "Be brief."), Turn("user", "Two teas")]
    assert (voices, how["temperature"], how["plain"]) == (["tuned"], 0.5, False)


def test_stop_strings_are_given_one_by_one_and_an_answer_that_one_ended_says_so(
    shell: Shell, stood: type[Stood], adapter: Path
) -> None:
    stood.ended = "stop-string"
    said = shell("chat", str(adapter), "--prompt", "a", "--stop", r"\nUser:", "--stop", "x, y")
    assert stood.asked[0][2]["stop"] == ("\nUser:", "x, y")
    assert text("chat.ended-stop-string", tokens=3) in said.err
    refused = shell("chat", str(adapter), "--prompt", "a", "--stop", "", "--json")
    assert refused.json["error"]["code"] == "chat.empty-stop"


def test_answers_beside_each_other_are_named_and_as_json_whole(shell: Shell, stood: type[Stood], adapter: Path) -> None:
    said = shell("chat", str(adapter), "--beside", "base", "--prompt", "a", "--prompt", "b")
    assert said.out.splitlines()[:4] == ["orders:", "tuned says a", "tiny:", "base says a"]
    stood.ended = "limit"
    said = shell("chat", str(adapter), "--beside", "base", "--prompt", "a", "--json")
    assert [each["voice"] for each in said.json["answers"]] == ["tuned", "base"]
    assert said.json["answers"][0]["ended"] == "limit"
    assert said.json["answers"][0]["text"] == "tuned says a"
    said = shell("chat", str(adapter), "--prompt", "a")
    assert "did not end" in said.err
    assert "did not end" not in said.out


def test_each_line_of_stdin_is_a_dialogue_of_its_own(
    shell: Shell, stood: type[Stood], adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\n\n  \ntwo"))
    assert shell("chat", str(adapter)).out == "tuned says one\ntuned says two\n"
    assert [len(turns) for turns, _, _ in stood.asked] == [1, 1]


def test_a_model_without_a_template_continues_text_and_says_so(shell: Shell, stood: type[Stood], adapter: Path) -> None:
    stood.template = False
    said = shell("chat", str(adapter), "--prompt", "Once", "--system", "no")
    assert "no chat template" in said.err
    turns, _, how = stood.asked[0]
    assert (turns, how["plain"]) == ([Turn("user", "Once")], True)


def test_what_fails_is_an_error_with_its_code(shell: Shell, stood: type[Stood], adapter: Path) -> None:
    stood.trouble = True
    said = shell("chat", str(adapter), "--prompt", "a", "--json")
    assert said.json["error"]["code"] == "chat.out-of-memory"
    assert said.code == MachineError.exit_code
    assert shell("chat", "nothing", "--prompt", "a", "--json").json["error"]["code"] == "use.not-found"
    assert shell("chat", str(adapter), "--quantization", "q4", "--json").json["error"]["code"] == "chat.no-quantization"


def test_without_room_beside_a_training_nothing_is_started(
    shell: Shell, stood: type[Stood], adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "room_for", lambda *args: chat.Room(2e9, 1e9, ("orders",), True))
    said = shell("chat", str(adapter), "--prompt", "a", "--json")
    assert said.json["error"]["code"] == "chat.no-room"
    assert stood.requests == []
    monkeypatch.setattr(chat, "room_for", lambda *args: chat.Room(1e9, 2e9, ("orders",), True))
    assert "slower" in shell("chat", str(adapter), "--prompt", "a").err


@pytest.mark.usefixtures("warm")
def test_a_real_process_answers(shell: Shell, adapter: Path) -> None:
    said = shell(
        "chat", str(adapter), "--beside", "base", "--prompt", "Hi", "--max-new-tokens", "4", "--gpu", "cpu", "--json"
    )
    assert said.code == 0, said.err
    assert [each["tokens"] for each in said.json["answers"]] == [4, 4]
