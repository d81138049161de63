"""``tunedeck data show``: a row as the training takes it, token by token."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.commands.data_named import FATAL, NO_MODEL, UNUSABLE, config_of
from engine.cli.commands.run import Json, Settings
from engine.cli.console import Progress, fail, json_line, out
from engine.common.child import record_of
from engine.common.errors import ConfigError, DataError, TunedeckError
from engine.messages.catalogue import text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.config.schema import RunConfig

COMMAND = (sys.executable, "-P", "-m", "engine.jobs", "xray", "--config")


def show(
    what: Annotated[
        list[str],
        typer.Argument(metavar="CONFIG|FILE...", show_default=False),
    ],
    row: Annotated[int, typer.Option(min=0)] = 0,
    file: Annotated[str, typer.Option(metavar="NAME")] = "",
    bad: Annotated[bool, typer.Option("--bad")] = False,
    ids: Annotated[bool, typer.Option("--ids")] = False,
    model: Annotated[str, typer.Option(metavar="NAME")] = "",
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Show a row as the training takes it: which of its tokens are trained, and what is right and wrong with it."""
    from engine.data.token_view.form import from_json
    from engine.data.token_view.report import lines_of
    from engine.data.token_view.text import ASCII, UNICODE

    try:
        config = config_of(what, settings or [], model)
        if config.model.name_or_path == NO_MODEL:
            raise ConfigError("cli.no-tokenizer", given=" ".join(what))
        with Progress() as progress:
            said = look(config, row, file, bad, progress)
    except TunedeckError as problem:
        fail(problem, UNUSABLE)
        raise typer.Exit(UNUSABLE) from None
    if said["type"] == "none":
        reason = Message.from_json(said["message"])
        if as_json:
            json_line({"at": None, "bad": False, "reason": reason})
        else:
            out(text("jobs.no-bad-row", reason=reason))
        return
    ray = from_json(said["ray"])
    if as_json:
        json_line(said["ray"] | {"at": said["at"], "bad": ray.is_bad})
    else:
        for line in lines_of(ray, UNICODE if _speaks_unicode() else ASCII, "ids" if ids else "text"):
            out(line)
    if ray.is_bad:
        raise typer.Exit(FATAL)


def look(config: RunConfig, row: int, file: str, bad: bool, progress: Progress) -> dict[str, Any]:
    """The answer of type row or none, for the row with that number (0: the first) or, ``bad``, the next from it on."""
    request = {"ask": "place", "file": file, "row": row} if row or file else {"ask": "row", "at": 0}
    with _Child(config, progress) as child:
        found = child.asked(request | {"whole": True})
        return child.asked({"ask": "seek", "at": found["at"], "bad": True}) if bad else found


class _Child:
    """The process with the tokenizer; it ends with the ``with``."""

    def __init__(self, config: RunConfig, progress: Progress) -> None:
        self._config, self._progress = config, progress

    def __enter__(self) -> _Child:
        import tomlkit

        self._folder = tempfile.TemporaryDirectory(prefix="tunedeck-show-")
        path, self._complaints = Path(self._folder.name, "config.toml"), Path(self._folder.name, "stderr")
        path.write_text(tomlkit.dumps(self._config.model_dump(exclude_none=True, exclude_defaults=True)), "utf-8")
        with self._complaints.open("wb") as stderr:
            self._process = subprocess.Popen(
                [*COMMAND, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
            )
        return self

    def __exit__(self, *problem: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was not yet written to it is of no use any more
                    stream.close()
        self._folder.cleanup()

    def asked(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to ``request``. Raises DataError with what the child found wrong."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):  # then it has ended, and what it said is still to be read
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            record = record_of(line)
            if record is None:
                continue
            if record["type"] == "progress":
                self._progress(0, None, Message.from_json(record["message"]))
            elif record["type"] in ("error", "trouble"):
                raise DataError.of(TunedeckError.from_json(record).reason)
            elif record["type"] == "unavailable":
                raise DataError("models.not-here", name=self._config.model.name_or_path)
            elif record["type"] in ("row", "none"):
                answer: dict[str, Any] = record
                return answer
        lines = self._complaints.read_text("utf-8", "replace").strip().splitlines()
        raise TunedeckError("jobs.no-answer", said=lines[-1][:300] if lines else Message("jobs.said-nothing"))


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16")
