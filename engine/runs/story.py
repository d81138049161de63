"""What a run's log says of its events: a message each, for whoever shows them to put into words."""

from __future__ import annotations

from collections.abc import Mapping

from engine.messages.message import Message
from engine.metrics import words
from engine.runs import events as ev
from engine.runs.state import rise

_MOST_NAMES = 8
STATES = {
    "created": "runs.created", "starting": "runs.starting", "running": "runs.running", "paused": "runs.paused",
    "stopping": "runs.stopping", "finished": "runs.finished", "stopped": "runs.stopped", "failed": "runs.failed",
    "crashed": "runs.crashed", "damaged": "runs.damaged",
}  # fmt: skip
COMMANDS = {
    "stop": "runs.stop", "save": "runs.save", "pause": "runs.pause", "resume": "runs.resume", "sample": "runs.sample",
    "set": "runs.set", "rollback": "runs.rollback",
}  # fmt: skip
UNITS = {
    "rows": "events.rows", "batches": "events.batches", "answers": "events.answers",
    "steps": "events.steps",
}  # fmt: skip
_EVALS = {
    ("validation", "before"): "events.eval-before", ("validation", "during"): "events.eval-during",
    ("validation", "after"): "events.eval-after", ("test", "before"): "events.test-before",
    ("test", "after"): "events.test-after",
}  # fmt: skip
_DROPPED = {
    "unreadable": "events.dropped-unreadable", "repeated": "events.dropped-repeated",
    "too-long": "events.dropped-too-long", "unrenderable": "events.dropped-unrenderable",
    "unsupervised": "events.dropped-unsupervised", "weightless": "events.dropped-weightless",
    "skipped": "steering.dropped-skipped",
}  # fmt: skip
PHASES = {
    "load": "memory.phase-load", "loss": "memory.phase-loss", "backward": "memory.phase-backward",
    "backward_end": "memory.phase-backward-end", "step": "memory.phase-step",
    "evaluation": "memory.phase-evaluation", "save": "memory.phase-save", "merge": "memory.phase-merge",
}  # fmt: skip


def named(names: Mapping[str, str], key: str, **args: object) -> Message:
    """The message of ``key``; a log may hold a key that nobody knows: it is shown as it is."""
    return Message(names[key], **args) if key in names else Message.literal(key.replace("_", " "))


def state(name: str, reason: Message | None = None) -> Message:
    """A state of a run, with why it is in it."""
    said = named(STATES, name)
    return said if reason is None else Message("events.because", what=said, reason=reason)


def answer(event: ev.ControlAck) -> Message:
    """A command and what the runner answered."""
    return _answered(event, named(COMMANDS, event.command))


def answer_to(event: ev.ControlAck) -> Message:
    """The same with who gave the command, where that is known."""
    command = named(COMMANDS, event.command)
    return _answered(event, Message("events.asked-by", what=command, who=event.by) if event.by else command)


def _answered(event: ev.ControlAck, command: Message) -> Message:
    said = event.message or Message("events.done" if event.ok else "events.refused")
    return Message("events.because", what=command, reason=said)


def progress(event: ev.Phase) -> Message:
    """How far a counted phase is."""
    what, done, total = event.message or Message.literal(event.name), event.done or 0, event.total or 0
    if event.unit == "bytes":
        return Message("events.progress-bytes", what=what, done=done, total=total)
    return Message("events.progress", what=what, done=int(done), total=int(total), unit=named(UNITS, event.unit))


def evaluation(event: ev.Eval) -> Message:
    loss = [] if event.loss is None else [Message("events.loss", loss=event.loss)]
    metrics = [
        Message("events.metric", name=words.metric(key), value=words.value(key, value, digits=0))
        for key, value in event.metrics.items()
    ]
    code = _EVALS.get((event.part, event.moment), "events.eval-during")
    return Message(code, figures=_of_rows([(loss, event.loss_rows), (metrics, event.n)]))


MARKS = {
    "fine": "forgetting.fine", "look": "forgetting.look", "stop": "forgetting.stop", "unknown": "forgetting.unknown",
}  # fmt: skip


SAME_LOSS = 5e-4
"""Nats a token, half of the last digit that is shown."""


def forgetting(event: ev.Forgetting) -> Message:
    """The mark of the gauge and its figures."""
    figures = [] if event.kl_task is None else [Message("forgetting.figure-task", value=event.kl_task)]
    if event.kl_general is not None:
        if event.moment == "before" or (event.kl_before or 0.0) < SAME_LOSS:
            figures.append(Message("forgetting.figure-general", value=event.kl_general))
        else:  # an adapter that is continued is away from its base at the start: the mark is about the rise
            told = {"before": event.kl_before, "after": event.kl_general}
            figures.append(Message("forgetting.figure-general-from", **told))
    if event.general_loss is not None and event.general_before is not None:
        told = {"rows": event.general_rows, "before": event.general_before, "after": event.general_loss}
        if event.base_loss is None or abs(event.base_loss - event.general_before) < SAME_LOSS:
            figures.append(Message("forgetting.figure-loss", **told))
        else:  # an adapter that is continued has lost or won something already
            figures.append(Message("forgetting.figure-loss-of-base", **told, base=event.base_loss))
    texts, answers = rise(event.texts_loss, event.texts_before), rise(event.answers_loss, event.answers_before)
    if texts is not None and answers is not None and event.moment != "before":
        parts = {"texts": words.difference("loss", texts), "answers": words.difference("loss", answers)}
        figures.append(Message("forgetting.figure-parts", **parts))
    if event.old_loss is not None and event.old_before is not None and event.moment != "before":
        figures.append(Message("forgetting.figure-old", before=event.old_before, after=event.old_loss))
    return Message("forgetting.line", mark=named(MARKS, event.mark), figures=figures)


def outcome(before: ev.Eval | None, after: ev.Eval) -> Message:
    """What ``after`` measured, behind what ``before`` did: "exact match 2% -> 97%, loss 2.311 -> 0.421 (n = 100)"."""
    old: Mapping[str, float] = before.metrics if before else {}
    metrics = [
        Message(
            "events.metric-change",
            name=words.metric(key),
            before=words.value(key, old.get(key), digits=0),
            after=words.value(key, value, digits=0),
        )
        for key, value in after.metrics.items()
    ]
    first = before.loss if before else None
    loss = [] if after.loss is None else [Message("events.loss-change", before=first, after=after.loss)]
    return _of_rows([(metrics, after.n), (loss, after.loss_rows)])


def _of_rows(groups: list[tuple[list[Message], int]]) -> Message:
    """Figures with the rows that they are of: said once where these are as many."""
    there = [(figures, rows) for figures, rows in groups if figures]
    if len({rows for _, rows in there}) > 1:
        each = [Message("events.figure-of", figures=figures, rows=rows) for figures, rows in there]
        return Message("events.figures", figures=each)
    figures = [each for some, _ in there for each in some]
    return Message("events.figure-of", figures=figures, rows=there[0][1] if there else 0)


def rows(event: ev.Rows) -> list[Message]:
    """What is trained on, how much of it is supervised and padded, and what was left out: a line each."""
    first: dict[str, object] = {
        "rows": event.rows, "tokens": event.tokens, "supervised": event.supervised_share, "seconds": event.seconds,
        "padding": event.padding_share,
    }  # fmt: skip
    said = [Message("events.rows-cached" if event.cached else "events.rows-tokenised", **first)]
    left_out = [named(_DROPPED, why, rows=count) for why, count in event.dropped.items() if count]
    if left_out:
        said.append(Message("events.rows-left-out", reasons=left_out))
    said += event.noted
    for source, names in event.unused.items():
        more = [Message("events.more", count=len(names) - _MOST_NAMES)] if len(names) > _MOST_NAMES else []
        said.append(Message("events.columns-unused", source=source, columns=[*names[:_MOST_NAMES], *more]))
    return said


def checkpoint(event: ev.Checkpoint) -> Message:
    return Message("events.checkpoint", path=event.path, size=event.size_bytes, seconds=event.seconds)


def memory_plan(event: ev.MemoryPlan) -> Message:
    device = event.name or event.device
    if not event.needed_bytes:
        return Message("events.plan-unknown", device=device)
    free, verdict = event.available_bytes, event.verdict or ""
    return Message("events.plan", needed=event.needed_bytes, free=free, device=device, verdict=verdict)


def memory_measured(event: ev.MemoryMeasured) -> Message:
    """The largest measured phase beside its prediction."""
    if not event.measured:
        return Message("events.not-measured")
    phase = max(event.measured, key=lambda name: event.measured[name])
    code = "events.measured-rehearsal" if event.moment == "rehearsal" else "events.measured-run"
    return Message(code, measured=event.measured[phase], predicted=event.predicted.get(phase))


def out_of_memory(event: ev.OutOfMemory) -> Message:
    """What ran out where, and whether the step is repeated in smaller pieces."""
    where = [named(PHASES, event.phase)] if event.phase else []
    where += [] if event.step is None else [Message("events.at-step", step=event.step)]
    said = Message("events.out-of-memory-in", where=where) if where else Message("events.out-of-memory")
    if event.retry_tokens is None:
        return said
    return Message("events.repeated", what=said, tokens=event.retry_tokens)


def spike(event: ev.Spike) -> Message:
    """What is out of line in a step, and by how much."""
    if event.kind == "not-finite":
        return Message("steering.not-finite", step=event.step, loss=event.loss, norm=event.grad_norm)
    return Message("steering.spike", step=event.step, loss=event.loss, expected=event.expected)


def alarm(event: ev.Spike | ev.Forgetting) -> Message:
    """What wants a person, in a sentence."""
    return spike(event) if isinstance(event, ev.Spike) else forgetting(event)


def rate_lowered(event: ev.RateLowered) -> Message:
    return Message("steering.rate-lowered", factor=event.factor, scale=event.scale, step=event.step + 1)


def rolled_back(event: ev.RolledBack) -> list[Message]:
    """Where the run went back to, and what changed with that: a line each."""
    said = [Message("steering.rolled-back", step=event.step, steps=event.from_step - event.step)]
    if event.rate_factor is not None:
        said.append(Message("steering.rate-from-there", factor=event.rate_factor))
    if event.skipped_rows:
        said.append(Message("steering.rows-skipped", rows=event.skipped_rows, steps=event.skipped_steps))
    return [*said, *event.undone]
