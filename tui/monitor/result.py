"""What the training changed: the verdict where there is one, the figures of before and after, and answers."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.metrics import words
from engine.runs import events as ev
from engine.runs import story
from engine.runs.evaluations import is_elsewhere
from engine.runs.state import RunState
from tui.monitor import change, memory, verdict
from tui.monitor.change import Change
from tui.monitor.verdict import Outcome
from tui.words import label

PARTS = {"validation": "monitor.validation-rows", "test": "monitor.test-rows"}
_MOST_ANSWERS = 3
_LONGEST_ANSWER = 600  # characters shown of one answer


def headline(state: RunState, width: int = 1000) -> str:
    """``exact match 0% -> 97% (n = 100; test 95%, n = 80)   loss 2.311 -> 0.421 (test 0.433)``; "" without an after.

    Both figures of the test where it is all there is. Of ``width`` cells as many figures as have room whole.
    """
    found = [(state.evals_at("before", part), after) for part in PARTS if (after := state.evals_at("after", part))]
    if not found:
        return ""
    (before, after), test = found[0], found[1][1] if len(found) > 1 else None
    parts: list[tuple[str, ...]] = []  # each in its forms, the longest first
    for name, value in after.metrics.items():
        old = before.metrics.get(name) if before else None
        before_it, after_it = words.value(name, old, digits=0), words.value(name, value, digits=0)
        change = text("monitor.metric-change", metric=words.metric(name), before=before_it, after=after_it)
        told = {"change": change, "n": after.n}
        if after.n and test:
            tested = words.value(name, test.metrics.get(name), digits=0)
            parts.append((text("monitor.change-of-test", **told, test=tested, of=test.n), change))
        else:
            parts.append((text("monitor.change-of", **told), change) if after.n else (change,))
    if after.loss is not None:
        change = text("monitor.loss-change", before=before.loss if before else None, after=after.loss)
        longest = [text("monitor.loss-change-of-test", change=change, test=test.loss)] if test else []
        parts.append((*longest, change))
    line = ""
    for forms in parts:
        longer = (f"{line}   {form}" if line else form for form in forms)
        line = next((each for each in longer if cell_len(each) <= width), line)
    return line


def result(
    state: RunState, style: Callable[[str], str], adapter: str = "", outcome: Outcome | None = None,
    unicode: bool = True, steers: bool = True,
) -> RenderableType:  # fmt: skip
    """The whole result of a run: verdict, before and after, answers, where the adapter is, memory; or what is missing.

    ``style`` gives the theme's colour of a name, "" where there are none. Who does not ``steer`` is told of no key.
    """
    muted, is_measured = style("muted"), bool(headline(state))
    table = memory.measured_table(state, muted)
    done = [Text(text(Message("steering.done", what=said)), style=muted) for said in [state.interventions] if said]
    where = [Text.assemble((f"{text('home.adapter')}  ", muted), adapter, overflow="fold")] if adapter else []
    last: list[RenderableType] = [*where, *done, *([Text(), table] if table is not None else [])]
    if outcome is None and not is_measured:
        return Group(Text(_not_yet(state, steers), style=muted), Text(), answers(state, muted, steers=steers), *last)
    if outcome is None:
        return Group(comparison(state, style, unicode), Text(), answers(state, muted, _MOST_ANSWERS), *last)
    figures = [*verdict.changes(outcome), *_loss(state)]
    rows = verdict.answers(outcome, muted, _short) or [answers(state, muted)]
    remarks = verdict.notes(outcome, muted)
    return Group(
        verdict.banner(outcome, style, unicode), change.table([("", figures)], style, unicode),
        *_elsewhere(state, steers), Text(), verdict.table(outcome, style), Text(), *rows,
        *([remarks] if remarks is not None else []), *last,
    )  # fmt: skip


def _loss(state: RunState) -> list[Change]:
    """The held-out loss before and after; nothing where it was not measured."""
    before, after = state.evals_at("before"), state.evals_at("after")
    if after is None or after.loss is None:
        return []
    return [Change.of_loss(text("report.eval-loss"), before.loss if before else None, after.loss)]


def _elsewhere(state: RunState, steers: bool) -> list[Text]:
    """What it cost elsewhere: what was measured at the end, else the newest reading of the gauge."""
    told = [each.sentence for each in state.evaluations if is_elsewhere(each.name) and each.sentence is not None]
    if not told and state.forgetting:
        told = [story.forgetting(state.forgetting[-1])]
    if steers and told and state.ended and state.forgetting and state.forgetting[-1].mark in ("look", "stop"):
        told.append(Message("monitor.less-forgetting"))
    lines = [clean(text(each), keep_newlines=False) for each in told]
    return [Text(line[:1].upper() + line[1:]) for line in lines]


def comparison(state: RunState, style: Callable[[str], str], unicode: bool) -> RenderableType:
    """Before and after: a line for each metric and the loss, those of the test below those of the validation."""
    sections = []
    for part in PARTS:
        after = state.evals_at("after", part)
        if after is not None:
            kind = text(PARTS[part])
            counted = after.n and not _differs(after)
            head = text("monitor.rows-of", kind=kind, rows=after.n) if counted else kind
            sections.append((head, _changes(state.evals_at("before", part), after)))
    return change.table(sections, style, unicode)


def _changes(before: ev.Eval | None, after: ev.Eval) -> list[Change]:
    of = "  n = {:,}" if _differs(after) else ""
    told = [
        Change.of_metric(
            text(words.metric(name)) + of.format(after.n), name, before.metrics.get(name) if before else None, value,
            digits=0,
        )
        for name, value in after.metrics.items()
    ]  # fmt: skip
    if after.loss is not None:
        title = text("app.loss") + of.format(after.loss_rows)
        told.append(Change.of_loss(title, before.loss if before else None, after.loss))
    return told


def _differs(after: ev.Eval) -> bool:
    """Whether the answers are of fewer rows than the loss."""
    return bool(after.metrics) and after.loss is not None and after.loss_rows != after.n


def answers(state: RunState, muted: str, most: int = 8, steers: bool = True) -> RenderableType:
    """For each prompt the answer before training beside the newest one, and what was wanted."""
    by_index: dict[int, list[ev.Sample]] = {}
    for sample in state.samples:
        by_index.setdefault(sample.index, []).append(sample)
    if not by_index:
        return Text(text("monitor.no-samples" if state.ended or not steers else "monitor.no-samples-yet"), style=muted)
    blocks: list[RenderableType] = []
    for _, samples in sorted(by_index.items())[:most]:
        blocks.extend(_pair(samples, muted))
    return Group(*blocks)


def _pair(samples: list[ev.Sample], muted: str) -> list[RenderableType]:
    before = next((s for s in samples if s.moment == "before"), None)
    later = [s for s in samples if s.moment != "before"]
    now = later[-1] if later else None
    newest = now or samples[-1]
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    table.add_row(Text(text("monitor.before-training"), style=muted), Text(_when(now), style=muted))
    table.add_row(_answer(before), _answer(now))
    rows: list[RenderableType] = [Text(_short(newest.prompt, 240), style="bold"), table]
    if newest.reference is not None:
        wanted = _short(newest.reference)
        same = now is not None and now.answer.strip() == newest.reference.strip()
        verdict = f"  {text('monitor.matches')}" if same else ""
        rows.append(Text.assemble((label("monitor.reference"), muted), wanted, (verdict, "bold")))
    rows.append(Text())
    return rows


def _when(sample: ev.Sample | None) -> str:
    if sample is None:
        return text("monitor.not-yet")
    return text("monitor.after-training") if sample.moment == "after" else text("monitor.at-step", step=sample.step)


def _answer(sample: ev.Sample | None) -> Text:
    if sample is None:
        return Text("-")
    return Text(_short(sample.answer) or text("monitor.empty-answer"))


def _short(answer: str, most: int = _LONGEST_ANSWER) -> str:
    answer = clean(answer).strip()
    if len(answer) <= most:
        return answer
    return f"{answer[:most].rstrip()} ... {text('monitor.characters', count=len(answer))}"


def _not_yet(state: RunState, steers: bool) -> str:
    if state.state in ("failed", "crashed"):
        return text("monitor.ended-unmeasured")
    if state.state == "stopped":
        told = text("monitor.stopped-unmeasured")
        return f"{told} {text('monitor.resume-goes-on')}" if steers else told
    return text("monitor.no-evaluation" if state.ended else "monitor.measured-later")
