"""The process that a chat runs in: ``python -P -m engine.jobs.chat REQUEST``, JSON lines on stdin and stdout.

REQUEST is a ``ChatRequest``. Once the model is loaded it says ``ready``: voices, whether there is a template. Then each
line on stdin is ``{"ask": "answer", ...}`` with an ``Asked``, or ``{"ask": "stop", "upto": 7}``, which ends the answer
under way and drops those that wait, up to that id. Lines are ``piece`` (id, voice, text), ``said`` (an answer that is
whole), ``done`` (all voices answered) and ``trouble`` (an answer that failed; the next one may not). The end of stdin
ends the process.

It is the first to go where memory runs out, and takes the processor only where nobody else wants it: a training
beside it must not suffer.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.common.child import Say, answers, counting, doing
from engine.common.clean_text import clean, in_words
from engine.common.errors import ConfigError, MachineError, TunedeckError
from engine.models.chat_request import BASE, BESIDE, MODEL, TUNED, Asked, ChatRequest

if TYPE_CHECKING:
    from engine.evaluation.talk import Talker
    from engine.modeling.load_for_use import Ready
    from engine.models.for_use import ForUse, Trust

_GOES_FIRST = "800"
_NICE = 10
_TOLD_EVERY_S = 0.1


def main(arguments: Sequence[str], requests: Iterable[str] | None = None, say: Say | None = None) -> int:
    """0 when stdin ended, 1 with an error line where the model can't be loaded."""
    say = say or answers()
    yield_to_others()
    desk = Requests()
    threading.Thread(target=desk.listen, args=(requests or sys.stdin,), daemon=True).start()
    try:
        ready = load(msgspec.json.decode(arguments[0].encode(), type=ChatRequest), say)
    except TunedeckError as error:
        say("error", **error.as_json())
        return 1
    except Exception as error:
        say("error", **_failure(error).as_json())
        return 1
    _Desk(ready, desk, say).serve()
    return 0


def yield_to_others() -> None:
    """Let the system end this process before others where RAM runs out, and give the processor to others first."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_GOES_FIRST)
    with contextlib.suppress(OSError):
        os.nice(_NICE)


def load(request: ChatRequest, say: Say) -> Ready:
    """The model with its voices, told as ``ready``. Raises TunedeckError."""
    doing(say, "jobs.loading-libraries")
    from engine.distributed.device import restrict_gpus, settle_memory
    from engine.models.for_use import Trust, find_for_use

    trust = Trust(request.trust_remote_code, request.allow_pickle, request.trust_base)
    found = find_for_use(
        request.target, trust, base=request.base, checkpoint=request.checkpoint, quantization=request.quantization
    )
    other = _other(request, found, trust)
    settle_memory()

    from engine.modeling.load_for_use import config_for, load_for_use

    config = config_for(found, request.gpus)
    restrict_gpus(config)
    from engine.distributed.device import place

    placement = place(config)
    doing(say, "jobs.loading-model")

    try:
        ready = load_for_use(found, placement, trust, counting(say, "chat.checking-base"))
        if other is not None:
            ready.put_beside(other)
    except Exception as error:
        raise _failure(error) from error
    voices: list[dict[str, Any]] = [{"voice": TUNED if found.adapter else MODEL, "name": found.title, "asked": True}]
    if found.adapter is not None:
        voices.append({"voice": BASE, "name": found.card.name, "asked": request.beside == BASE})
    if other is not None:
        voices.append({"voice": BESIDE, "name": other.title, "asked": True})
    say(
        "ready", voices=voices, template=ready.has_template, device=placement.device.type, told=ready.told,
        model=found.card.name,
    )  # fmt: skip
    return ready


def _other(request: ChatRequest, found: ForUse, trust: Trust) -> ForUse | None:
    """The second adapter, checked as the first one is. Raises TunedeckError."""
    if request.beside == BASE:
        if found.adapter is None:
            raise ConfigError("chat.no-base", name=found.title)
        return None
    if not request.beside:
        return None
    from engine.models.for_use import check, find_for_use

    other = find_for_use(request.beside, trust)
    if other.adapter is None:
        raise ConfigError("chat.beside-model", name=request.beside)
    check(other, trust)
    return other


def _failure(error: Exception) -> TunedeckError:
    """What to say of an error: memory ran out, or something nobody foresaw."""
    if isinstance(error, TunedeckError):
        return error
    from engine.modeling.out_of_memory import is_out_of_memory

    if is_out_of_memory(error):
        return MachineError("chat.no-memory-to-load")
    return TunedeckError("chat.failed", reason=in_words(error))


class Requests:
    """What is asked on stdin, heard by a thread of its own while an answer is made."""

    def __init__(self) -> None:
        self._asked: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._stopped_upto = 0
        self._now = 0

    def listen(self, requests: Iterable[str]) -> None:
        for line in requests:
            try:
                request = json.loads(line)
            except ValueError:
                continue
            if isinstance(request, dict) and request.get("ask") == "stop":
                self._stopped_upto = max(self._stopped_upto, int(request.get("upto") or self._now))
            elif isinstance(request, dict) and request.get("ask") == "answer":
                self._asked.put(request)
        self._asked.put(None)

    def next(self) -> dict[str, Any] | None:
        """The next request that nobody took back; None when there are no more to come."""
        while True:
            request = self._asked.get()
            if request is None:
                return None
            self._now = int(request.get("id") or 0)
            if not self.is_stopped:
                return request

    @property
    def is_stopped(self) -> bool:
        """Whether nobody waits for the present answer any more."""
        return self._now <= self._stopped_upto


class _Desk:
    """Answers one request after the other."""

    def __init__(self, ready: Ready, requests: Requests, say: Say) -> None:
        from engine.evaluation.talk import Talker

        self._requests, self._say = requests, say
        self._device = ready.base.model.device
        self._talker: Talker = Talker(ready, self._check)

    def serve(self) -> None:
        while (request := self._requests.next()) is not None:
            self._answer(request)

    def _check(self) -> None:
        from engine.evaluation.talk import Stop

        if self._requests.is_stopped:
            raise Stop

    def _answer(self, request: dict[str, Any]) -> None:
        number = request.get("id")
        failed: TunedeckError | None = None
        try:
            asked = msgspec.convert(request, Asked)
            for voice in asked.voices:
                self._speak(voice, asked)
                if self._requests.is_stopped:
                    break
        except Exception as error:
            failed = self._trouble(error)
        if failed is not None:
            self._give_back()
            self._say("trouble", id=number, **failed.as_json())
        self._say("done", id=number)

    def _trouble(self, error: Exception) -> TunedeckError:
        from engine.modeling.out_of_memory import is_out_of_memory

        if is_out_of_memory(error):
            return MachineError("chat.out-of-memory")
        return error if isinstance(error, TunedeckError) else TunedeckError("chat.failed", reason=in_words(error))

    def _give_back(self) -> None:
        """After the error was let go: what it held is free again, for others too."""
        from engine.modeling.out_of_memory import give_back

        give_back(self._device)

    def _speak(self, voice: str, asked: Asked) -> None:
        held: list[str] = []
        told = 0.0

        def on_text(piece: str) -> None:
            nonlocal told
            held.append(piece)
            if time.monotonic() - told >= _TOLD_EVERY_S:
                flush()

        def flush() -> None:
            nonlocal told
            if held:
                told = time.monotonic()
                self._say("piece", id=asked.id, voice=voice, text=clean("".join(held)))
                held.clear()

        spoken = self._talker.speak(voice, asked, on_text)
        flush()
        self._say("said", id=asked.id, voice=voice, **(asdict(spoken) | {"text": clean(spoken.text)}))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
