"""Names in the place of paths: what leaves this machine says what a file is called, not where it lies here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.common import paths

Places = dict[str, str]
"""Paths of this machine and what stands for them."""
_PATH = re.compile(r"(?<![\w./:~-])/(?:[^\s/\"'`:,;()<>]+/)+([^\s/\"'`:,;()<>]*)")
_SHORTEST = 3


def places(known: Iterable[object]) -> Places:
    """Each absolute path among ``known`` by its last name, and what lies in the home folders of the person."""
    found = {str(Path(path)): Path(path).name for path in map(str, known) if _is_place(path)}
    return found | {str(home): "~" for home in (Path.home(), paths.home()) if len(str(home)) > _SHORTEST}


def paths_in(values: Any) -> Iterator[str]:
    """All absolute paths among the texts in ``values`` (of a config or another nested record)."""
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, (list, tuple)):
        for each in values:
            yield from paths_in(each)
    elif isinstance(values, str) and _is_place(values):
        yield values


def without_places(text: str, known: Places) -> str:
    """``text`` with each of ``known`` replaced, the longest first."""
    for path in sorted(known, key=len, reverse=True):
        if path in text:
            name = known[path].replace("\\", r"\\")  # it is no template
            text = re.sub(rf"(?<![\w.]){re.escape(path)}(?![\w-])", name, text)
    return text


def named(values: Any) -> Any:
    """``values``, a record as of JSON, with the last name of each absolute path in the place of the path."""
    if isinstance(values, dict):
        return {named(key): named(value) for key, value in values.items()}
    if isinstance(values, list):
        return [named(value) for value in values]
    if not isinstance(values, str):
        return values
    if _is_place(values):
        return Path(values).name
    return _PATH.sub(lambda found: found[1] or found[0].rstrip("/").rpartition("/")[2], values)


def _is_place(text: str) -> bool:
    return (os.path.isabs(text) or text.startswith("~/")) and "\n" not in text and bool(Path(text).name)  # noqa: PTH117
