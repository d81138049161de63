"""Small pieces of text that screens are made of, each in the colour of its meaning: badge, figure, gauge, key."""

from __future__ import annotations

from typing import Literal

from textual.content import Content

from tui.words import gauge_parts

Tone = Literal["", "accent", "good", "look", "lost", "muted"]
STYLES: dict[Tone, str] = {
    "": "", "accent": "$accent", "good": "$success", "look": "$warning", "lost": "$error", "muted": "$muted",
}  # fmt: skip


def toned(words: str, tone: Tone, *, bold: bool = False) -> Content:
    """``words`` in the colour of ``tone``."""
    style = f"{'bold ' if bold else ''}{STYLES[tone]}".strip()
    return Content.styled(words, style) if style else Content(words)


def badge(words: str, tone: Tone = "") -> Content:
    """A word of state on the second tone, one space at each side: `` fits ``."""
    return Content.styled(f" {words} ", f"bold {STYLES[tone] or '$foreground'} on $panel")


def figure(label: str, value: str, unit: str = "", tone: Tone = "") -> Content:
    """``label`` quiet, ``value`` bright, the unit said once behind it."""
    return Content.assemble(
        (f"{label} ", "$muted"), toned(value, tone, bold=True), (f" {unit}" if unit else "", "$muted")
    )


def chip(key: str, words: str) -> Content:
    """A key and what it does, as the foot of a screen shows them."""
    return Content.assemble((key, "bold $accent"), (f" {words}", ""))


def gauge(share: float, width: int, unicode: bool, tone: Tone = "accent") -> Content:
    """A bar ``width`` cells wide, filled to ``share`` (0 to 1; what is beyond is cut)."""
    full = round(max(0.0, min(1.0, share)) * width)
    on, off = gauge_parts(unicode)
    return Content.assemble((on * full, STYLES[tone]), (off * (width - full), "$border-blurred"))


def row(*pieces: Content, gap: int = 2) -> Content:
    """``pieces`` side by side, ``gap`` cells between them; empty ones leave none."""
    return Content(" " * gap).join(piece for piece in pieces if piece.plain)
