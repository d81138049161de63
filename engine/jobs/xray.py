"""Rows one at a time as the model will see them: stays alive and answers requests from stdin, a JSON object a line.

``{"ask": "row", "at": 0}`` is the row at that place, ``{"ask": "place", "file": "a.jsonl", "row": 12}`` that with this
number in its file, ``{"ask": "source", "number": 0}`` the first of a source, ``{"ask": "seek", "at": 7, "step": 1,
"bad": true, "text": ""}`` the next from there that is bad or says the text. ``id`` is given
back. With ``whole`` all rows (of very many the first) are read before, so that it is known who is held out. A new
request ends a search under way; the end of stdin ends it all.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from engine.common.child import Say, doing
from engine.common.clean_text import in_words
from engine.common.errors import DataError, TunedeckError
from engine.config.schema import RunConfig
from engine.data.token_view.form import MOST_TOKENS, Xray, to_json
from engine.data.token_view.row_store import Shelf
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.tokens.xray import Looker

_BATCH_ROWS = 100  # read ahead between two looks at the requests
_WHOLE_ROWS = 200_000
_TOLD_EVERY_S = 0.5


def answer(config: RunConfig, say: Say, requests: Iterable[str] | None = None) -> dict[str, Any]:
    """Serve ``requests`` (stdin) to their end; every answer is a line of type row, none or trouble, with its ``id``."""
    from engine.data.files.sources import source_names
    from engine.models.local import is_here
    from engine.tokens.render import Renderer
    from engine.tokens.tokenizer import locate, words_of
    from engine.tokens.xray import Looker

    model = config.model
    if not is_here(model):
        return {"kind": "unavailable", "message": Message("jobs.xray-later", model=model.name_or_path)}
    asked: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_listen, args=(requests or sys.stdin, asked), daemon=True).start()
    doing(say, "jobs.reading-rows")
    shelf = Shelf(config)
    try:
        shelf.read(_BATCH_ROWS)
        doing(say, "jobs.loading-tokenizer")
        words = words_of(config, locate(model, lambda done, total, message: None))
        names = source_names(config.data)
        weights = dict(zip(names, (source.weight for source in config.data), strict=True))
        looker = Looker(Renderer(words.tokenizer, words.stops), words.pad_id, config.dataset, weights)
        say("ready", template=words.template)
        _Desk(shelf, looker, names, asked, say).serve()
    finally:
        shelf.close()
    return {"kind": "result", "rows": len(shelf)}


def _listen(requests: Iterable[str], asked: queue.Queue[str | None]) -> None:
    for line in requests:
        if line.strip():
            asked.put(line)
    asked.put(None)


class _Desk:
    """Answers one request after the other, and reads the rows on while there is none."""

    def __init__(
        self, shelf: Shelf, looker: Looker, sources: Sequence[str], asked: queue.Queue[str | None], say: Say
    ) -> None:
        self._shelf, self._looker, self._sources, self._asked, self._say = shelf, looker, sources, asked, say
        self._told_at = 0.0
        self._bad = bytearray()  # by place: 0 not looked at, 1 good, 2 bad

    def serve(self) -> None:
        while True:
            try:
                line = self._asked.get(block=self._shelf.is_complete)
            except queue.Empty:
                self._read()
                continue
            if line is None:
                return
            self._answer(line)

    def _answer(self, line: str) -> None:
        request: dict[str, Any] = {}
        try:
            request = json.loads(line)
            if request.get("whole"):
                self._read_until(lambda: len(self._shelf) >= _WHOLE_ROWS)
            how = {"row": self._row, "place": self._place, "source": self._source, "seek": self._seek}[request["ask"]]
            how(request)
        except TunedeckError as error:
            self._say("trouble", id=request.get("id"), **error.as_json())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._say("trouble", id=None, **DataError("jobs.senseless-request", reason=in_words(error)).as_json())

    @property
    def _is_asked_anew(self) -> bool:
        """Whether a later request waits, which makes the present one idle; the end of them does not."""
        return any(line is not None for line in self._asked.queue)

    def _row(self, request: dict[str, Any]) -> None:
        at = int(request["at"])
        if self._is_there(at):
            self._show(request, at)
        else:
            self._none(request, Message("jobs.rows-in-all", rows=len(self._shelf)))

    def _place(self, request: dict[str, Any]) -> None:
        file, number = str(request.get("file", "")), int(request["row"])
        at, begin = self._shelf.find(file, number), len(self._shelf)
        while at is None and not self._shelf.is_complete and not self._is_asked_anew:
            self._shelf.read(_BATCH_ROWS)
            self._tell(Message("jobs.rows-read", rows=len(self._shelf)))
            at, begin = self._shelf.find(file, number, begin), len(self._shelf)
        if at is not None:
            self._show(request, at)
        elif self._shelf.is_complete:
            raise _no_such_row(self._shelf, file, number)
        else:
            self._none(request, Message("jobs.search-stopped", rows=len(self._shelf)))

    def _source(self, request: dict[str, Any]) -> None:
        name = self._sources[int(request["number"])]
        self._read_until(lambda: name in self._shelf.firsts)
        self._row(request | {"at": self._shelf.firsts.get(name, 0)})

    def _seek(self, request: dict[str, Any]) -> None:
        """The next row that is bad (``bad``) or says ``text``, from ``at`` on in steps of ``step``, 1 or -1."""
        step, text, bad = 1 if int(request.get("step", 1)) > 0 else -1, str(request.get("text", "")), request.get("bad")
        at = begun = int(request["at"])
        while self._is_there(at):
            if (not text or self._shelf.says(at, text)) and (not bad or self._is_bad(at)):
                self._show(request, at)
                return
            at += step
            self._tell(Message("jobs.rows-searched", rows=abs(at - begun)))
            if self._is_asked_anew:
                self._none(request, Message("jobs.search-stopped", rows=abs(at - begun)))
                return
        self._none(request, Message("jobs.search-ended", rows=abs(at - begun)))

    def _is_there(self, at: int) -> bool:
        self._read_until(lambda: at < len(self._shelf))
        return 0 <= at < len(self._shelf)

    def _is_bad(self, at: int) -> bool:
        self._bad.extend(bytes(max(0, at + 1 - len(self._bad))))
        if not self._bad[at]:
            self._bad[at] = 2 if self._ray(at, most_tokens=0).is_bad else 1
        return self._bad[at] == 2

    def _ray(self, at: int, most_tokens: int = MOST_TOKENS) -> Xray:
        from engine.tokens.xray import unreadable, unused

        found = self._shelf.at(at)
        if found.row is None:
            assert found.unused is not None
            return unreadable(found.file, found.number, found.source, found.unused)
        if found.unused:
            return unused(found.row, Message("xray.left-out-as", reason=found.unused))
        return self._looker.look(found.row, self._shelf.side(at), most_tokens)

    def _show(self, request: dict[str, Any], at: int) -> None:
        self._say("row", id=request.get("id"), at=at, ray=to_json(self._ray(at)), **self._count())

    def _none(self, request: dict[str, Any], why: Message) -> None:
        self._say("none", id=request.get("id"), message=why, **self._count())

    def _count(self) -> dict[str, Any]:
        """How many rows are known, whether these are all, and why not if never."""
        return {"count": len(self._shelf), "counted": self._shelf.is_complete, "ended": self._shelf.ended}

    def _tell_count(self) -> None:
        self._say("count", **self._count())

    def _read(self) -> None:
        self._shelf.read(_BATCH_ROWS)
        if self._shelf.is_complete:
            self._shelf.side(0)  # of a million rows this takes seconds: better now than when one is asked for
            self._tell_count()
        elif time.monotonic() - self._told_at >= _TOLD_EVERY_S:
            self._told_at = time.monotonic()
            self._tell_count()

    def _read_until(self, holds: Callable[[], bool]) -> None:
        while not holds() and not self._shelf.is_complete and not self._is_asked_anew:
            self._shelf.read(_BATCH_ROWS)
            self._tell(Message("jobs.rows-read", rows=len(self._shelf)))

    def _tell(self, message: Message) -> None:
        if time.monotonic() - self._told_at >= _TOLD_EVERY_S:
            self._told_at = time.monotonic()
            self._say("progress", done=0, total=None, message=message)


def _no_such_row(shelf: Shelf, file: str, number: int) -> DataError:
    """Says which rows there are."""
    name = shelf.named(file)
    if name is None:
        return DataError("jobs.no-such-file", file=file, files=shelf.files[:5])
    numbers = shelf.numbers(name)
    near = sorted(sorted(numbers, key=lambda each: abs(each - number))[:2])
    found: dict[str, Any] = {
        "file": name, "row": number, "rows": len(numbers), "first": numbers[0], "last": numbers[-1], "near": near,
        "ended": shelf.ended,
    }  # fmt: skip
    has_gaps = len(numbers) != numbers[-1] - numbers[0] + 1
    if shelf.ended:
        return DataError("jobs.no-such-row-yet", **found)
    return DataError("jobs.no-such-row-near" if has_gaps else "jobs.no-such-row", **found)
