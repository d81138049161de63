"""What a mix of sources comes to, in words: the same on the board and in lines."""

from __future__ import annotations

from engine.common.clean_text import shorten
from engine.data.mixing.presets import Preset
from engine.data.mixing.warnings import MixWarning
from engine.messages import formats
from engine.messages.catalogue import part, text
from tui.draft.mix_board import Board

_ROLES = {"new": "mix.about-new", "replay": "mix.about-replay", "general": "mix.about-general"}
TITLES: dict[Preset, str] = {
    "all": "mix.preset-all", "balanced": "mix.preset-balanced", "replay": "mix.preset-replay",
    "temperature": "mix.temperature",
}  # fmt: skip
"""The presets, and what they are called."""
PRESETS = tuple(TITLES)


def totals(board: Board, time: str) -> list[str]:
    """One pass and the run in a line each; ``time`` is how long the run takes, "" where that is not known."""
    found = board.mix
    if found is None:
        return [text("mix.unknown"), ""]
    steps, passes = board.training.steps(found.rows), board.training.passes(found.rows)
    once = "mix.one-pass-guessed" if board.guessed else "mix.one-pass"
    run = {"passes": _as_counted(float(f"{passes:.3g}")), "steps": steps, "tokens": found.tokens * passes}
    return [
        text(once, rows=found.rows, tokens=found.tokens, trained=found.trained),
        text("mix.whole-run-time", **run, time=time) if time else text("mix.whole-run", **run),
    ]


def free(board: Board) -> str:
    """What the sources without a share get, in a sentence."""
    whole = [at for at, line in enumerate(board.lines) if line.share is None]
    cap = "" if board.epochs_cap is None else text("mix.cap", passes=_as_counted(board.epochs_cap))
    if len(whole) == len(board.lines):
        return text("mix.free-all") + cap
    if not whole:
        return text("mix.free-none") + cap
    names = [shorten(board.lines[at].name, 20) for at in whole]
    together = percent(sum(board.effective(at) for at in whole))
    return text("mix.free", names=names, count=len(whole), share=together) + cap


def about(board: Board, at: int) -> str:
    """The source under the cursor: what it is for, its rows, and why some are dropped."""
    line = board.lines[at]
    name = shorten(line.name, 30)
    if line.figures is None:
        return text("mix.about-unknown", name=name)
    known = line.figures
    reasons = {"mix.too-long": known.too_long, "mix.refused": known.refused, "mix.not-trained": known.not_trained}
    dropped = [text(code, rows=count) for code, count in reasons.items() if count]
    told = text(_ROLES[line.role], name=name, rows=known.rows, tokens=round(known.tokens_mean))
    told += text("mix.held-out", rows=known.held_out) if known.held_out else ""
    if dropped:
        told += text("mix.is-dropped", reasons=dropped)
    else:
        told += text("mix.is-guessed" if known.guessed else "mix.none-dropped")
    return told + ("" if line.weight == 1 else text("mix.loss-weight", weight=line.weight))


def warning(found: MixWarning) -> str:
    """What is wrong, and what helps here."""
    hint = text("mix.repeated-hint") if found.kind == "repeated" else part(found.what, "hint")
    return f"! {text(found.what)} {hint}".rstrip()


def presets(board: Board) -> str:
    titles = [text(code) for code in list(TITLES.values())[:-1]]
    titles.append(text("mix.temperature", temperature=board.temperature))
    return "   ".join(f"{number} {title}" for number, title in enumerate(titles, start=1))


def percent(share: float, whole: bool = False) -> str:
    """ "70%", with a decimal where it says more, "12.5%", unless only ``whole`` ones are wanted."""
    return formats.percent(share, digits=0 if whole and share >= 0.01 else 1)


def _as_counted(number: float) -> int | float:
    """4.0 as 4: passes are counted, and only some counts are broken."""
    return int(number) if number == int(number) else number
