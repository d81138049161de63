"""The monitor's single lines: what this run is, how it goes, what it does now, how it ended."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from engine.common.clean_text import clean
from engine.messages import formats
from engine.messages.catalogue import text
from engine.runs import story
from engine.runs.state import RunState
from tui import words
from tui.monitor import figures
from tui.monitor.now import meaning
from tui.widgets.line import cut_cells

STATE_STYLES = {"running": "good", "finished": "good", "paused": "look", "stopping": "look", "stopped": "look",
                "failed": "lost", "crashed": "lost", "damaged": "lost"}  # fmt: skip

_SHORTEST_NAME = 8
_SHORTEST_BAR = 8
_COMING = {"evaluation": "monitor.next-evaluation", "checkpoint": "monitor.next-checkpoint"}
_LEAST_TO_JUDGE_S = 2.0


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
    parts = [alive_words or text(story.state(state.state))]
    if state.ended and state.total_steps and not alive_words:
        parts.append(f"{state.done_steps:,}/{state.total_steps:,}")
    return Text("   ".join(parts), style="bold")


def progress(
    state: RunState, now: float, width: int, unicode: bool, phase_since: float | None, resumable: str = "",
    steers: bool = True,
) -> Text:  # fmt: skip
    """What the runner is doing and how far it is; a phase that can't be counted shows its seconds.

    ``resumable`` names the checkpoint that an ended run can be resumed from; who does not steer is told of no key.
    """
    said = ending(state, resumable, steers) if state.ended else _progress(state, now, width, unicode, phase_since)
    return Text(said, no_wrap=True, end="")


def _progress(state: RunState, now: float, width: int, unicode: bool, phase_since: float | None) -> str:
    if state.state == "created":
        return text("monitor.never-started")
    phase = state.phase
    if state.state == "starting" and state.started is None and (phase is None or phase.name == "import"):
        return text("monitor.loading-libraries")
    done, total, unit, name, trains = None, None, "", text("monitor.getting-ready"), False
    if phase is not None and phase.name != "train":
        done, total, unit = phase.done, phase.total, phase.unit
        name = words.said(phase.message or phase.name)
    elif phase is not None or state.step is not None:
        done, total, unit, trains = state.done_steps, state.total_steps, "steps", state.state == "running"
        name = text("monitor.training")
    if state.state in ("paused", "stopping"):
        name = text(story.state(state.state, state.reason))
    since = None if phase_since is None else now - phase_since
    if not total:
        return name if since is None else text("monitor.for", what=name, time=since)
    if done == total and since is not None and since > 3 and not state.step:
        return text("monitor.done-still-working", what=name, time=since)
    count = text(
        "monitor.bytes-of" if unit == "bytes" else "monitor.count-of", done=round(done or 0), total=round(total)
    )
    if unit and unit != "bytes":
        count += f" {words.said(story.named(story.UNITS, unit))}"
    share = formats.percent((done or 0) / total)
    following = _following(state) if trains else ""
    if following and cell_len(count) + 8 + _SHORTEST_BAR + cell_len(following) > width:
        following = ""
    if following:
        count += f"   {following}"
        name = "" if cell_len(name) + cell_len(count) + 10 + _SHORTEST_BAR > width else name
    room = min(30, width - cell_len(name) - cell_len(count) - 10)
    bar = f"  {words.bar((done or 0) / total, room, unicode)}" if room >= 6 else ""
    left = width - cell_len(count) - 8
    if cell_len(name) > left:  # the figures count more than what they are of
        name = cut_cells(name, left) if left >= _SHORTEST_NAME else ""
    return f"{name}{bar} {share:>5}  {count}".strip()


def _following(state: RunState) -> str:
    """The next evaluation and the next checkpoint, each in steps and in time: one line where both come at once."""
    coming = state.coming
    if not coming:
        return ""
    alike = len({each.steps for each in coming}) == 1
    told = [coming[0]] if alike else coming
    code = "monitor.next-both" if alike and len(coming) > 1 else ""
    parts = [text(code or _COMING[each.kind], steps=each.steps, time=each.seconds) for each in told]
    return "   ".join(parts)


def awaited(state: RunState, now: float) -> tuple[str, ...]:
    """What the curve waits for until the first step: what is going on, for how long still, and what follows."""
    if state.step is not None:
        return ()
    if state.ended or state.state == "created":
        return (text("monitor.no-step-done" if state.ended else "monitor.never-started"),)
    said, phase = [text("monitor.curve-awaited")], state.phase
    if phase is not None and phase.name != "train":
        what, since = words.said(phase.message or phase.name), now - (state.phase_t or now)
        if phase.total:
            unit = "bytes" if phase.unit == "bytes" else ""
            done, total = round(phase.done or 0), round(phase.total)
            count = text("monitor.bytes-of" if unit else "monitor.count-of", done=done, total=total)
            what = text("widgets.named", name=what, value=count)
        said.append(text("monitor.now", what=text("monitor.for", what=what, time=since) if since >= 1 else what))
        if phase.total and phase.done and since >= _LEAST_TO_JUDGE_S and phase.done < phase.total:
            left = since / phase.done * (phase.total - phase.done)
            said[-1] = text("monitor.now-left", now=said[-1], left=left)
        if found := meaning(state):
            said.append(found)
    if state.total_steps:
        said.append(text("monitor.then-training", steps=state.total_steps))
    return tuple(said)


def ending(state: RunState, resumable: str = "", steers: bool = True) -> str:
    """One sentence on how a run ended."""
    seconds = figures.took(state)
    said = text(story.state(state.state))
    said = said if seconds is None else text("monitor.ended-after", state=said, time=seconds)
    if state.state == "finished":
        return said
    said = text("monitor.ended-at", ending=said, step=state.done_steps)
    if state.state != "stopped":
        return said
    if resumable:
        code = "monitor.resumes-from" if steers else "monitor.can-resume-from"
        return text(code, ending=said, checkpoint=resumable)
    return text("monitor.no-checkpoint", ending=said)


def trouble(state: RunState, resumable: str, steers: bool = True) -> tuple[str, str, str] | None:
    """Title, message and way on of a run that failed or crashed; None for every other.

    Who does not ``steer`` is told what can be done, and no key.
    """
    reason, hint = words.said(state.reason), ""
    if state.state == "failed" and state.failure:
        error = state.failure.as_error
        title, reason, hint = error.title, error.message, error.hint
    elif state.state == "damaged":
        return text("monitor.damaged"), reason, ""
    elif state.state in ("failed", "crashed"):
        title = text("monitor.crashed" if state.state == "crashed" else "monitor.failed")
    else:
        return None
    if steers:
        way = text("monitor.way-on", checkpoint=resumable) if resumable else text("monitor.no-way-on")
    else:
        watched = "monitor.way-on-watched" if resumable else "monitor.no-way-on-watched"
        way = text(watched, checkpoint=resumable)
    return title, reason, f"{hint} {way}".strip()
