"""A picture of the screen shows each character as wide as the terminal does."""

from __future__ import annotations

import html
import re

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.widgets import Static

from tui.screenshot import svg_of


class _Mixed(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("训练 loss & 验证损失 0.42")
        yield Static("loss 0.42")


async def test_chinese_is_as_wide_as_its_cells() -> None:
    async with _Mixed().run_test(size=(40, 4)) as pilot:
        svg = svg_of(pilot.app)
    told = re.findall(r'textLength="([\d.]+)"[^>]*>([^<]+)</text>', svg)
    widths = {html.unescape(words): float(length) for length, words in told}
    plain, mixed = (next(words for words in widths if part in words) for part in ("loss\xa00.42", "训练"))
    cell = widths[plain] / len(plain)
    assert widths[mixed] == pytest.approx(cell * cell_len(mixed), rel=1e-3)
    assert "@font-face" not in svg
