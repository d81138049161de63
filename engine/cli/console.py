"""What the headless verbs print: data on stdout, narration on stderr, nothing uncleaned and no secret on either."""

from __future__ import annotations

import errno
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from engine.common.columns import aligned, cells, cut, width_of
from engine.common.errors import ConfigError, MachineError, TunedeckError, reason_of
from engine.common.redact import redact
from engine.messages.message import Message

_SAME_AGAIN_S = 60.0
_ROWS = "jobs.looking-at-rows"
"""What is counted in rows and can be more than a million of them; all else of that size is bytes."""


def out(text: str = "") -> None:
    """A line of data."""
    _write(sys.stdout, _at_words(text, sys.stdout))


def say(text: str = "") -> None:
    """A line of narration."""
    _write(sys.stderr, _at_words(text, sys.stderr))


def json_line(value: Any) -> None:
    """``value`` as one line of JSON: messages as code and arguments, numbers that are not finite as null."""
    _write(sys.stdout, json.dumps(_finite(value), default=_plain))


def agrees(question: str) -> bool:
    """Whether a person says yes; Enter alone does not."""
    return _asker(question)


@contextmanager
def asked_by(asker: Callable[[str], bool]) -> Iterator[None]:
    """Within, ``asker`` asks what a verb asks: whoever reads stdin already has its next lines."""
    global _asker
    before, _asker = _asker, asker
    try:
        yield
    finally:
        _asker = before


def _by_terminal(question: str) -> bool:
    import typer

    return bool(typer.confirm(question, err=True))


_asker: Callable[[str], bool] = _by_terminal


def error(problem: TunedeckError) -> None:
    """What happened, to what, and what to do, for a person."""
    say(f"tunedeck: {problem.title}")
    if problem.message:
        say("\n".join(f"  {line.strip()}" for line in problem.message.splitlines()))
    if problem.hint:
        say(problem.hint)


def fail(problem: TunedeckError, exit_code: int | None = None) -> None:
    """An error that ends a verb: for a person, and where ``--json`` is asked for, for a program too."""
    error(problem)
    if wants_json():
        json_line({"error": error_values(problem) | {"exit_code": exit_code or problem.exit_code}})


def wants_json() -> bool:
    given = sys.argv[1:]
    return "--json" in (given[: given.index("--")] if "--" in given else given)


def error_values(problem: TunedeckError) -> dict[str, Any]:
    """Class, code and arguments of an error, its texts, and the findings of a config."""
    values = problem.as_json() | {"title": problem.title, "message": problem.message, "hint": problem.hint}
    if isinstance(problem, ConfigError) and problem.issues:
        from engine.config.rules import Issue

        values["issues"] = [
            {"level": each.level, "field": each.field} | each.what.as_json()
            for each in problem.issues
            if isinstance(each, Issue)
        ]
    return values


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns on stdout: fitted to a terminal, or whole and aligned for a pipe."""
    body = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and draws():
        _table_for_terminal(headers, body)
        return
    for line in fitted(headers, body, sys.stdout):
        out(line)


def fitted(
    headers: Sequence[str], rows: Sequence[Sequence[str]], stream: IO[str], right: bool = False
) -> list[str]:  # fmt: skip
    """Columns as lines for ``stream``; where its terminal is too narrow for them, each row as a list of its cells.

    ``right``: as of ``aligned``.
    """
    from engine.messages.catalogue import clauses
    from engine.messages.catalogue import text as sentence

    lines, width = aligned([headers, *rows], right), width_of(stream)
    if width is None or max(map(cells, lines)) <= width:
        return lines
    told = cut(headers[0], width)  # what the rows are, or the title of what is compared
    for first, *others in rows:
        named = [
            sentence("widgets.named", name=header, value=cell)
            for header, cell in zip(headers[1:], others, strict=True)
            if cell
        ]
        told += cut(clauses(first, *named), width, hanging=2)
    return told


def _table_for_terminal(headers: Sequence[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for at, header in enumerate(headers):
        # The first column is a name to copy: it stays in one piece, the others fold.
        drawn.add_column(Text(header), overflow="fold", no_wrap=at == 0)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(file=sys.stdout, highlight=False).print(drawn)


def draws() -> bool:
    """Whether a terminal may be told to move its cursor and to show letters otherwise than plain."""
    asked_not_to = os.environ.get("NO_COLOR") or os.environ.get("ACCESSIBLE")
    return not asked_not_to and os.environ.get("TERM", "") not in ("", "dumb")


class Progress:
    """Tells how far a job is: on a terminal in one line that is written over, else a line every few seconds.

    A line that would say the same again comes once a minute.
    """

    def __init__(self, every_s: float = 5.0) -> None:
        self._live = sys.stderr.isatty() and draws()
        self._every_s = 0.1 if self._live else every_s
        self._told_at = -math.inf
        self._said = self._line = ""

    def __call__(self, done: int, total: int | None, message: Message | str) -> None:
        """``done`` of ``total`` bytes or steps of what ``message`` says."""
        from engine.messages.catalogue import text as sentence

        is_rows = isinstance(message, Message) and message.code == _ROWS
        message = message if isinstance(message, str) else sentence(message)
        now = time.monotonic()
        if message == self._said and now - self._told_at < self._every_s and done != total:
            return
        large = (total or done) > 1_000_000 and not is_rows
        unit = 1e6 if large else 1
        figures = f"{done / unit:,.0f}" + (f" / {total / unit:,.0f}" if total else "") + (" MB" if large else "")
        text = message if total is None and not done else sentence("widgets.named", name=message, value=figures)
        if not self._live and text == self._line and now - self._told_at < _SAME_AGAIN_S:
            return
        self._told_at, self._said, self._line = now, message, text
        if self._live:
            sys.stderr.write(f"\r\x1b[K{_safe(text)}")
            sys.stderr.flush()
        else:
            say(text)

    def note(self, said: Message) -> None:
        """What is worth a look, in a line of its own."""
        from engine.messages.catalogue import text as sentence

        self.end()
        say(f"! {sentence(said)}")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        if self._live and self._said:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def one_line(text: str) -> str:
    from engine.common.clean_text import clean

    return clean(text, keep_newlines=False)


def padded(text: str, cells: int) -> str:
    """``text`` with blanks behind it up to ``cells`` of a terminal, at least one."""
    from rich.cells import cell_len

    return text + " " * max(1, cells - cell_len(text))


def _at_words(text: str, stream: IO[str]) -> str:
    """``text`` cut at words for who is asked and told line by line; a command or a path stays whole, to be copied."""
    if not os.environ.get("ACCESSIBLE"):
        return text
    width = width_of(stream)
    return "\n".join(each for line in text.split("\n") for each in cut(line, width))


def _write(stream: IO[str], text: str) -> None:
    try:
        stream.write(_safe(text) + "\n")
        stream.flush()
    except OSError as error:
        if error.errno == errno.EIO:  # a terminal that was closed
            raise BrokenPipeError from error
        if stream is sys.stdout and error.errno != errno.EPIPE:
            raise MachineError("cli-runs.no-output", reason=reason_of(error)) from None
        raise


def _safe(text: str) -> str:
    from engine.common.clean_text import clean

    return clean(redact(text))


def _plain(value: Any) -> Any:
    return value.as_json() if isinstance(value, Message) else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
