"""The monitor's single lines: what this run is, how it goes, what it does now, how it ended."""

from __future__ import annotations

from rich.text import Text

from engine.common.clean_text import clean, shorten
from engine.messages.catalogue import text
from engine.runs import story
from engine.runs.curves import Series
from engine.runs.state import RunState
from engine.units import percent
from tui import words

STATE_STYLES = {"running": "good", "finished": "good", "paused": "look", "stopping": "look", "stopped": "look",
                "failed": "lost", "crashed": "lost", "damaged": "lost"}  # fmt: skip

_SHORTEST_NAME = 8


def subject(name: str, state: RunState) -> Text:
    """Name of the run, its model and method."""
    line = Text(clean(name, keep_newlines=False), style="bold")
    started = state.started
    if started:
        about = "  ".join(part for part in (started.model, started.method, started.strategy) if part)
        line.append(f"   {clean(about, keep_newlines=False)}", style="not bold")
    return line


def standing(state: RunState, alive_words: str = "") -> Text:
    """The state, and once the run has ended how far it came; what moves each second is said elsewhere."""
    parts = [alive_words or state.state]
    if state.ended and state.total_steps and not alive_words:
        parts.append(f"{state.done_steps:,}/{state.total_steps:,}")
    return Text("   ".join(parts), style="bold")


def gauges(state: RunState, width: int, muted: str = "") -> Text:
    """Loss, eval, learning rate, gradient, speed and time left, as many as ``width`` holds whole."""
    step = state.step
    average = _last(state.series.get("loss_average"))
    held_out = next((e for e in reversed(state.evals) if e.loss is not None), None)
    found = [("loss", words.loss(average if average is not None else (step.loss if step else None)))]
    found.append(("eval", words.loss(held_out.loss) if held_out else "-"))
    if step:
        found.append(("lr", words.rate(step.learning_rate)))
        found.append(("grad", words.number(step.grad_norm)))
        found.append(("tok/s", words.number(_recent(state.series.get("tokens_per_second")))))
    if state.ended:
        found.append(("took", words.duration(took(state))))
    elif state.eta_s:  # 0: it is over at any moment, or takes longer than before
        found.append(("ETA", words.duration(state.eta_s)))
    if state.step and width > 100:
        found.append(("epoch", f"{state.step.epoch:.2f}"))
        found.append(("tokens", f"{state.step.num_tokens:,}"))
    line = Text(end="", no_wrap=True)
    for index, (label, value) in enumerate(found):
        piece = f"{'   ' if index else ''}{label} {value}"
        if len(line.plain) + len(piece) > width:
            break
        line.append(f"{'   ' if index else ''}{label} ", style=muted)
        line.append(value, style="bold")
    return line


def took(state: RunState) -> float | None:
    """Seconds from the run's first start to its last event."""
    if state.finished and state.finished.seconds:
        return state.finished.seconds
    return state.last_t - state.started_t if state.started_t else None


def progress(
    state: RunState, now: float, width: int, unicode: bool, phase_since: float | None, resumable: str = ""
) -> Text:
    """What the runner is doing and how far it is; a phase that can't be counted shows its seconds.

    ``resumable`` names the checkpoint that an ended run can go on from.
    """
    if state.ended:
        return Text(ending(state, resumable), no_wrap=True, end="")
    if state.state == "created":
        return Text("this run was never started", end="")
    phase = state.phase
    if state.state == "starting" and state.started is None and (phase is None or phase.name == "import"):
        return Text("the runner is starting; the training libraries take a few seconds to load", end="")
    done, total, unit, name = None, None, "", "working"
    if phase:
        done, total, unit = phase.done, phase.total, phase.unit
        name = text(phase.message) if phase.message else phase.name
    if phase is None and state.step is None:
        name = "getting ready"
    elif phase is None or phase.name == "train":
        done, total, unit, name = state.done_steps, state.total_steps, "steps", "training"
    if state.state in ("paused", "stopping"):
        name = text(story.state(state.state, state.reason))
    name = clean(name, keep_newlines=False)
    if not total:
        waited = "" if phase_since is None else f", {words.about(now - phase_since)}"
        return Text(f"{name}{waited}", no_wrap=True, end="")
    if done == total and phase_since is not None and now - phase_since > 3 and not state.step:
        return Text(f"{name}: done; working on, {words.about(now - phase_since)}", no_wrap=True, end="")
    if unit == "bytes":
        count = f"{words.size(done or 0)} of {words.size(total)}"
    else:
        count = f"{done or 0:,.0f} of {total:,.0f} {unit}".rstrip()
    share = (done or 0) / total
    room = min(30, width - len(name) - len(count) - 10)
    bar = f"  {words.bar(share, room, unicode)}" if room >= 6 else ""
    left = width - len(count) - 8
    if len(name) > left:  # the figures count more than what they are of
        name = shorten(name, left) if left >= _SHORTEST_NAME else ""
    return Text(f"{name}{bar} {percent(share):>5}  {count}".strip(), no_wrap=True, end="")


def ending(state: RunState, resumable: str = "") -> str:
    """One sentence on how a run ended."""
    after = f" after {words.duration(took(state))}" if took(state) else ""
    if state.state == "finished":
        return f"finished{after}"
    if state.state == "stopped":
        way = f"r goes on from {resumable}" if resumable else "there is no checkpoint to go on from"
        return f"stopped{after} at step {state.done_steps:,}; {way}"
    return f"{state.state}{after} at step {state.done_steps:,}"


def trouble(state: RunState, resumable: str) -> tuple[str, str, str] | None:
    """Title, message and way on of a run that failed or crashed; None for every other."""
    if state.state == "failed" and state.failure:
        error = state.failure.as_error
        title, message, hint = error.title, error.message, error.hint
    elif state.state == "damaged":
        return "The files of this run are damaged", text(state.reason) if state.reason else "", ""
    elif state.state in ("failed", "crashed"):
        title = "The training ended without a word of its own" if state.state == "crashed" else "The training failed"
        message, hint = text(state.reason) if state.reason else "", ""
    else:
        return None
    way = (
        f"r goes on from {resumable}." if resumable else "There is no checkpoint to go on from: n on Home starts anew."
    )
    return clean(title), clean(message), clean(f"{hint} {way}".strip())


def _last(series: Series | None) -> float | None:
    return series.last() if series else None


def _recent(series: Series | None, count: int = 5) -> float | None:
    """Mean of the newest values: single steps jump too much to read."""
    if series is None or not series.length:
        return None
    values = series.y[max(0, series.length - count) : series.length]
    return sum(values) / len(values)
