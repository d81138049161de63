"""A chat whose model a server holds: streamed answers, the same voice as ever, and what goes wrong named."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.app.chat import Talk, command
from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from engine.models.chat_request import MODEL, ChatRequest, Turn
from tests.engine.cli.cli_calls import Shell
from tests.http_stand_in import HttpStandIn

HELLO = [Turn("system", "Be brief."), Turn("user", "Two teas")]
MODELS = {"/v1/models": lambda request: {"data": [{"id": "orders"}, {"id": "base"}]}}


def piece(text: str = "", **more: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}, "finish_reason": None, **more}]}


def dialogue(request: dict[str, Any]) -> Iterator[Any]:
    yield {"choices": [{"delta": {"role": "assistant"}}]}
    yield piece("Two ")
    yield piece("teas, \x1b[31mred.")
    yield piece(finish_reason="stop")
    yield {"choices": [], "usage": {"completion_tokens": 5}}
    yield "[DONE]"


def answer(server: str, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the process says when it is ready, and of one request."""
    with Talk(command(ChatRequest(target="", server=server))) as talk:
        ready = [*talk.records("ready")][-1]
        return ready, [*talk.ask(HELLO, [MODEL], **more)]


def chat(**answers: Any) -> HttpStandIn:
    return HttpStandIn(MODELS | {f"/v1/{path.replace('_', '/')}": found for path, found in answers.items()})


def test_a_dialogue_is_passed_on_and_its_answer_comes_in_pieces() -> None:
    with chat(chat_completions=dialogue) as server:
        ready, said = answer(server.address, temperature=0.5, max_new_tokens=7)
    assert ready["voices"] == [{"voice": MODEL, "name": "orders", "asked": True}]
    path, asked = server.asked[-1]
    assert path == "/v1/chat/completions"
    assert asked["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Two teas"},
    ]
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("orders", 0.5, 7)
    whole = next(each for each in said if each["type"] == "said")
    assert (whole["text"], whole["tokens"], whole["ended"]) == ("Two teas, red.", 5, "stop")
    assert "".join(each["text"] for each in said if each["type"] == "piece") == whole["text"]


def test_an_answer_of_a_server_ends_before_a_stop_string() -> None:
    def goes_on(request: dict[str, Any]) -> Iterator[Any]:
        assert "stop" not in request
        for each in ("Two", " teas", ".\nUs", "er", ": one", " more"):
            yield piece(each)
        yield piece(finish_reason="stop")
        yield "[DONE]"

    with chat(chat_completions=goes_on) as server:
        _, said = answer(server.address, stop=("\nUser:",))
        _, other = answer(server.address, stop=("more.",))
    whole = next(each for each in said if each["type"] == "said")
    assert (whole["text"], whole["ended"]) == ("Two teas.", "stop-string")
    assert "".join(each["text"] for each in said if each["type"] == "piece") == whole["text"]
    whole = next(each for each in other if each["type"] == "said")
    assert (whole["text"], whole["ended"]) == ("Two teas.\nUser: one more", "stop")


def test_text_is_continued_without_a_template() -> None:
    def more(request: dict[str, Any]) -> Iterator[Any]:
        assert request["prompt"] == "Two teas"
        yield {"choices": [{"text": " please", "finish_reason": "length"}]}
        yield "[DONE]"

    with chat(completions=more) as server:
        _, said = answer(server.address, plain=True)
    assert next((each["text"], each["ended"]) for each in said if each["type"] == "said") == (" please", "limit")


def test_what_a_model_thinks_is_shown_as_thought() -> None:
    def thinks(request: dict[str, Any]) -> Iterator[Any]:
        yield {"choices": [{"delta": {"reasoning_content": "Tea?"}}]}
        yield {"choices": [{"delta": {"reasoning_content": " Yes.", "content": "Two"}}]}
        yield piece(" teas")
        yield "[DONE]"

    with chat(chat_completions=thinks) as server:
        _, said = answer(server.address)
    whole = next(each["text"] for each in said if each["type"] == "said")
    assert whole == "<think>\nTea? Yes.\n</think>\n\nTwo teas"


def test_an_answer_is_stopped_between_two_pieces() -> None:
    from engine.app.chat import line_of, stop
    from engine.models.chat_request import Asked

    go_on = threading.Event()

    def slow(request: dict[str, Any]) -> Iterator[Any]:
        yield piece("One")
        go_on.wait(30)
        for _ in range(1000):
            yield piece(" more")

    with chat(chat_completions=slow) as server, Talk(command(ChatRequest(target="", server=server.address))) as talk:
        assert [*talk.records("ready")]
        assert talk._process is not None
        assert talk._process.stdin is not None
        talk._process.stdin.write(line_of(Asked(id=1, turns=HELLO, voices=[MODEL])))
        talk._process.stdin.flush()
        assert [*talk.records("piece")][-1]["text"] == "One"
        talk._process.stdin.write(stop(1))
        talk._process.stdin.flush()
        threading.Timer(0.3, go_on.set).start()
        said = [*talk.records("done")]
    whole = next(each for each in said if each["type"] == "said")
    assert whole["ended"] == "stopped"
    assert len(whole["text"]) < 1000


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([piece("Two")], "broke off"),
        ([piece("Two"), {"error": {"message": "no memory"}}], "no memory"),
        ([piece("Two"), "{not json"], ""),
    ],
)
def test_an_answer_that_breaks_off_is_trouble_and_the_next_one_may_not_be(events: list[Any], reason: str) -> None:
    turns = iter([events, list(dialogue({}))])
    with (
        chat(chat_completions=lambda request: iter(next(turns))) as server,
        Talk(command(ChatRequest(target="", server=server.address))) as talk,
    ):
        assert [*talk.records("ready")]
        said = [*talk.ask(HELLO, [MODEL])]
        trouble = next(each for each in said if each["type"] == "trouble")
        assert trouble["code"] in ("chat.server-gone", "chat.server-refused")
        assert reason in TunedeckError.from_json(trouble).message
        assert any(each["type"] == "said" for each in talk.ask(HELLO, [MODEL]))


def refusal(request: ChatRequest) -> TunedeckError:
    with pytest.raises(TunedeckError) as error, Talk(command(request)) as talk:
        assert [*talk.records("ready")]
    return error.value


def test_what_is_wrong_with_a_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_KEY", "wrong")
    with HttpStandIn(MODELS, key="right") as server:
        assert refusal(ChatRequest(target="", server=server.address)).code == "chat.server-key"
        locked = ChatRequest(target="", server=server.address, key_from="ORDERS_KEY")
        assert refusal(locked).code == "chat.server-key-wrong"
        monkeypatch.setenv("ORDERS_KEY", "right")
        with Talk(command(locked)) as talk:
            assert [*talk.records("ready")]
        assert "right" not in " ".join(command(locked))
        lacking = refusal(ChatRequest(target="soup", server=server.address, key_from="ORDERS_KEY"))
        assert (lacking.code, lacking.reason.args["known"]) == ("chat.server-model", ("orders", "base"))
    assert refusal(ChatRequest(target="", server=server.address)).code == "chat.server-gone"
    with HttpStandIn({}) as server:
        assert refusal(ChatRequest(target="", server=server.address)).code == "chat.server-other"
    with HttpStandIn({"/v1/models": lambda request: {"data": "none"}}) as server:
        assert refusal(ChatRequest(target="", server=server.address)).code == "chat.server-model"


def test_a_shell_talks_to_a_server(shell: Shell) -> None:
    with chat(chat_completions=dialogue) as server:
        said = shell("chat", "--server", f"{server.address}/v1", "--prompt", "Two teas")
    assert (said.code, said.out) == (0, "Two teas, red.\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--server", "ftp://127.0.0.1"], "chat.bad-server"),
        (["--server", "http://127.0.0.1:8080/other"], "chat.bad-server"),
        (["--server", "http://127.0.0.1:99999"], "chat.bad-server"),
        (["--server", "http://127.0.0.1:8080", "--beside", "base"], "chat.server-alone"),
        (["--server", "http://127.0.0.1:8080", "--key-from", "NOT_SET"], "chat.no-key"),
        (["--server", "http://192.0.2.7:8080", "--key-from", "PATH"], "chat.key-in-clear"),
        (["--key-from", "PATH"], "chat.key-without-server"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_before_anything_is_sent(
    arguments: list[str], code: str, shell: Shell
) -> None:
    said = shell("chat", *arguments, "--prompt", "x")
    assert said.code != 0
    assert text(code) in said.err


def test_llama_cpps_own_server_is_talked_to(tmp_path: Path, converter_folder: Path) -> None:
    from engine.export.gguf import converter
    from engine.export.gguf.server import LlamaServer
    from tests.engine.export.gguf.families import make

    model, file = make("Llama", tmp_path / "model"), tmp_path / "model.gguf"
    (model / "chat_template.jinja").write_text("{% for m in messages %}{{ m['content'] }}\n{% endfor %}")
    converter.run(converter_folder, {"do": "convert", "model": str(model), "out": str(file), "type": "f32"})
    with LlamaServer(file, context=128, threads=1) as server:
        ready, said = answer(server.address, max_new_tokens=6)
    assert ready["model"] == "model"  # the file's name, not where it lies
    whole = next(each for each in said if each["type"] == "said")
    assert 0 < whole["tokens"] <= 6
    assert json.dumps(whole["ended"]) in ('"limit"', '"stop"')
