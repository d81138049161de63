"""Small drawings in text, and texts that come with data, cleaned."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.common import paths
from engine.common.clean_text import clean
from engine.messages import language
from engine.messages.catalogue import text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.runs.directory import RunDir


def said(value: Message | str | None) -> str:
    """A text that came with data: a message's sentence, or plain words; cleaned, in one line."""
    return clean(text(value) if isinstance(value, Message) else value or "", keep_newlines=False)


def begun(said: str, most: int) -> str:
    """The first ``most`` characters of a long text, cleaned, and how many there are of it."""
    said = clean(said).strip()
    return said if len(said) <= most else f"{said[:most].rstrip()} ... {text('monitor.characters', count=len(said))}"


@functools.lru_cache(maxsize=256)
def source_name(name: str) -> str:
    """A source of rows as people call it: for the rows of an earlier run its name, not its id; cleaned."""
    run_id = next((name.removeprefix(prefix) for prefix in ("run:", "run-") if name.startswith(prefix)), "")
    from engine.runs.directory import RunDir  # the first frame needs no run

    known = RunDir(paths.runs_dir() / run_id).read_run_json().get("name") if run_id else None
    return clean(str(known or name), keep_newlines=False)


def run_name(run: RunDir) -> str:
    """What a run is called on a screen about it; cleaned."""
    return clean(run.name, keep_newlines=False)


def label(code: str) -> str:
    """A label that ends in a colon, with what parts it from its value: a full-width colon brings its own blank."""
    said = text(code)
    return said if said.endswith("：") else f"{said} "


def commas(parts: Iterable[str]) -> str:
    """``parts`` side by side, with the comma of the language."""
    return ("、" if language.current() == "zh" else ", ").join(parts)


def head(said: str) -> str:
    """The head of a column, as screens write it: tables of the command line have capitals."""
    return said.lower()


def gauge_parts(unicode: bool) -> tuple[str, str]:
    """A cell of a gauge that is full, and one of the rest: the same wherever something is measured or under way."""
    return ("━", "─") if unicode else ("#", ".")


def bar(share: float, width: int, unicode: bool) -> str:
    """A gauge of ``width`` cells, ``share`` of it full."""
    full = round(min(1.0, max(0.0, share)) * width)
    on, off = gauge_parts(unicode)
    return on * full + off * (width - full)


def sparkline(values: tuple[float, ...], width: int, unicode: bool) -> str:
    """The course of ``values`` in ``width`` cells, lowest to highest, oldest left."""
    levels = "▁▂▃▄▅▆▇█" if unicode else "_.-=^"
    if not values or width < 1:
        return " " * width
    count = min(width, len(values))
    picked = [values[(i + 1) * len(values) // count - 1] for i in range(count)]
    low, high = min(picked), max(picked)
    span = high - low
    top = len(levels) - 1
    drawn = "".join(levels[round((value - low) / span * top) if span else 0] for value in picked)
    return drawn.ljust(width)
