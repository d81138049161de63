"""A picture of the screen as SVG that loads nothing from elsewhere."""

from __future__ import annotations

import html
import re
import time
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from textual.app import App

from engine.common import paths
from engine.common.files import write_atomic

_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_TEXT = re.compile(r'textLength="([\d.]+)"([^>]*)>([^<]+)</text>')


def svg_of(app: App[Any]) -> str:
    """What is on the screen now. Rich's SVG names a font of the web: here it is one of the viewer's own.

    Rich gives each character the width of one cell, and so pushes Chinese ones over each other.
    """
    svg = _TEXT.sub(_of_its_width, _FONT_FACE.sub("", app.export_screenshot()))
    return svg.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")


def _of_its_width(found: re.Match[str]) -> str:
    length, rest, escaped = found.groups()
    words = html.unescape(escaped)
    return f'textLength="{float(length) / len(words) * cell_len(words):g}"{rest}>{escaped}</text>'


def save(app: App[Any], folder: Path | None) -> Path:
    """Write the screen into ``folder``, of a run, or by default into the home's ``screenshots``. Raises OSError."""
    folder = folder or paths.private_dir(paths.home() / "screenshots")
    name = f"screenshot-{time.strftime('%Y%m%d-%H%M%S')}"
    path, number = folder / f"{name}.svg", 1
    while path.exists():  # several within a second
        number += 1
        path = folder / f"{name}-{number}.svg"
    write_atomic(path, svg_of(app))
    return path
