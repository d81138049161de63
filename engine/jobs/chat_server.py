"""The process of a chat whose model a server holds: ``python -P -m engine.jobs.chat_server REQUEST``.

It says and hears what ``engine.jobs.chat`` does, and passes each dialogue on to an OpenAI-compatible server: what
``tunedeck serve`` starts, or another. Its key, where one is needed, is in the environment variable ``key_from``.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import msgspec

from engine.common import http_json
from engine.common.child import Say, answers
from engine.common.clean_text import clean, in_words
from engine.common.errors import MachineError, ModelError, TunedeckError
from engine.common.http_json import Refused
from engine.jobs.chat import Requests
from engine.models.chat_request import MODEL, Asked, ChatRequest
from engine.models.stop_strings import Until

_KEY_WRONG, _NOT_FOUND = (401, 403), 404
_TOLD_EVERY_S = 0.1
_ENDED = {"stop": "stop", "length": "limit"}
_THOUGHTS = ("reasoning_content", "reasoning")
"""Where servers put what a model thinks before it answers: llama.cpp's and vLLM's name."""
_OPEN, _CLOSE = "<think>\n", "\n</think>\n\n"


def main(arguments: Sequence[str], requests: Iterable[str] | None = None, say: Say | None = None) -> int:
    """0 when stdin ended, 1 with an error line where the server has no model for us."""
    say = say or answers()
    desk = Requests()
    threading.Thread(target=desk.listen, args=(requests or sys.stdin,), daemon=True).start()
    request = msgspec.json.decode(arguments[0].encode(), type=ChatRequest)
    try:
        server = _Server(request, os.environ.get(request.key_from, "") if request.key_from else "")
        name = server.choose(request.target)
    except TunedeckError as error:
        say("error", **error.as_json())
        return 1
    voices = [{"voice": MODEL, "name": name, "asked": True}]
    say("ready", voices=voices, template=True, device="", told=[], model=name)
    while (asked := desk.next()) is not None:
        _answer(server, asked, desk, say)
    return 0


class _Server:
    """The server of ``request``; ``key`` opens it, "" for none."""

    def __init__(self, request: ChatRequest, key: str) -> None:
        self._url, self._key, self._key_from, self._model = request.server, key, request.key_from, ""

    def choose(self, wanted: str) -> str:
        """The model that is talked to: ``wanted``, or the first one the server lists. Raises TunedeckError."""
        try:
            listed = http_json.ask(f"{self._url}/v1/models", key=self._key).get("data")
        except Refused as refused:
            raise self.error(refused) from None
        entries = listed if isinstance(listed, list) else []
        names = [str(each["id"]) for each in entries if isinstance(each, dict) and "id" in each]
        if not names or (wanted and wanted not in names):
            raise ModelError("chat.server-model", server=self._url, model=wanted or "-", known=names or ["-"])
        self._model = wanted or names[0]
        return self._model

    def events(self, asked: Asked) -> Generator[dict[str, Any], None, None]:
        """What the server says, piece by piece. Raises Refused."""
        request: dict[str, Any] = {
            "model": self._model, "stream": True, "stream_options": {"include_usage": True},
            "max_tokens": asked.max_new_tokens, "temperature": asked.temperature, "top_p": asked.top_p,
        }  # fmt: skip
        if asked.plain:
            return http_json.events(
                f"{self._url}/v1/completions", request | {"prompt": asked.turns[-1].content}, key=self._key
            )
        request["messages"] = [msgspec.to_builtins(turn) for turn in asked.turns]
        return http_json.events(f"{self._url}/v1/chat/completions", request, key=self._key)

    def error(self, refused: Refused) -> TunedeckError:
        if refused.status == 0:
            return MachineError("chat.server-gone", server=self._url, reason=refused.reason)
        if refused.status in _KEY_WRONG:
            code = "chat.server-key-wrong" if self._key else "chat.server-key"
            return ModelError(code, server=self._url, variable=self._key_from or "-")
        if refused.status == _NOT_FOUND:
            return ModelError("chat.server-other", server=self._url, reason=refused.reason)
        return ModelError("chat.server-refused", server=self._url, status=str(refused.status), reason=refused.reason)


def _answer(server: _Server, request: dict[str, Any], desk: Requests, say: Say) -> None:
    number = request.get("id")
    try:
        asked = msgspec.convert(request, Asked)
        with closing(server.events(asked)) as events:
            said = _said(
                events, desk, Until(asked.stop), lambda text: say("piece", id=number, voice=MODEL, text=clean(text))
            )
        say("said", id=number, voice=MODEL, **(said | {"text": clean(said["text"])}))
    except Refused as refused:
        say("trouble", id=number, **server.error(refused).as_json())
    except Exception as error:
        say("trouble", id=number, **TunedeckError("chat.failed", reason=in_words(error)).as_json())
    say("done", id=number)


def _said(events: Iterator[dict[str, Any]], desk: Requests, until: Until, on_text: Any) -> dict[str, Any]:
    """The whole answer; ``on_text`` gets it as it comes, ten times a second at most.

    It is cut here and not by the server: some take only four texts, and none says whether one of them ended it.
    """
    began, told, held, whole = time.monotonic(), 0.0, "", ""
    pieces, ended, tokens, thinks = 0, "stop", 0, False
    for event in events:
        if desk.is_stopped:
            ended = "stopped"
            break
        if "error" in event:
            raise Refused(str(event["error"]), 500)
        parts, finished = _parts(event)
        for text, is_thought in parts:
            new = until.add(text if is_thought == thinks else (_OPEN if is_thought else _CLOSE) + text)
            held, whole, thinks = held + new, whole + new, is_thought
        pieces += bool(parts)
        ended = _ENDED.get(finished, "stop") if finished else ended
        usage = event.get("usage")
        tokens = int(usage.get("completion_tokens") or 0) if isinstance(usage, dict) else tokens
        if until.is_met:
            ended = "stop-string"
            break
        if held and time.monotonic() - told >= _TOLD_EVERY_S:
            told = time.monotonic()
            on_text(held)
            held = ""
    rest = until.end()
    held, whole = held + rest, whole + rest
    if held:
        on_text(held)
    seconds = round(time.monotonic() - began, 3)
    return {"text": whole, "ended": ended, "tokens": tokens or pieces, "seconds": seconds, "dropped": 0}


def _parts(event: dict[str, Any]) -> tuple[list[tuple[str, bool]], str]:
    """The texts of an event, each with whether it is thought, and why the answer ended ("" while it goes on)."""
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    given = choice.get("delta")
    delta: dict[str, Any] = given if isinstance(given, dict) else {}
    thought = next((str(delta[name]) for name in _THOUGHTS if delta.get(name)), "")
    said = [(thought, True), (str(delta.get("content") or choice.get("text") or ""), False)]
    return [part for part in said if part[0]], str(choice.get("finish_reason") or "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
