"""What a run's log says of its events, one line each; not yet cleaned for the terminal."""

from __future__ import annotations

from engine.runs import events as ev

_GIB = 2**30
_MOST_NAMES = 8


def evaluation(event: ev.Eval) -> str:
    loss = "" if event.loss is None else f"loss {event.loss:.3f}"
    metrics = [f"{name.replace('_', ' ')} {value:.0%}" for name, value in event.metrics.items()]
    name = "test" if event.part == "test" else "eval"
    return f"{name} {event.moment} training: {_with_n([loss], metrics, event)}"


def outcome(before: ev.Eval | None, after: ev.Eval) -> str:
    """What ``after`` measured, behind what ``before`` did: "exact match 2% -> 97%, loss 2.311 -> 0.421 (n = 100)"."""
    old = before.metrics if before else {}
    metrics = [
        f"{name.replace('_', ' ')} {f'{old[name]:.0%}' if name in old else '-'} -> {value:.0%}"
        for name, value in after.metrics.items()
    ]
    loss = ""
    if after.loss is not None:
        first = "-" if before is None or before.loss is None else f"{before.loss:.3f}"
        loss = f"loss {first} -> {after.loss:.3f}"
    return _with_n(metrics, [loss], after)


def _with_n(first: list[str], second: list[str], event: ev.Eval) -> str:
    """Metrics and loss in the order given, with the rows they are of: once where these are as many."""
    if event.metrics and event.loss is not None and event.loss_rows != event.n:
        count = {True: event.loss_rows, False: event.n}
        told = [f"{part} (n = {count[part.startswith('loss')]:,})" for part in (*first, *second) if part]
        return ", ".join(told)
    rows = event.n if event.metrics else event.loss_rows
    return f"{', '.join(part for part in (*first, *second) if part)} (n = {rows:,})"


def rows(event: ev.Rows) -> str:
    """What is trained on, how much of it is learnt and padded, and what was left out."""
    parts = [f"{event.supervised_share:.0%} of them learnt"]
    if event.padding_share is not None:
        parts.append(f"{event.padding_share:.1%} of what is computed is padding")
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in event.dropped.items() if count)
    text = f"{event.rows:,} rows to learn from, {event.tokens:,} tokens: {', '.join(parts)}"
    text += "".join(f"; {count:,} row{'s' if count != 1 else ''} with {what}" for what, count in event.noted.items())
    for source, names in event.unused.items():
        of = f" of {source}" if len(event.unused) > 1 else ""
        more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
        text += f"; columns{of} not used: {', '.join(names[:_MOST_NAMES])}{more}"
    origin = "from the cache" if event.cached else "tokenised"
    return f"{text}; {f'left out: {left_out}; ' if left_out else ''}{origin} in {event.seconds:.1f} s"


def checkpoint(event: ev.Checkpoint) -> str:
    size = f"{event.size_bytes / 1e6:.{1 if event.size_bytes < 1e7 else 0}f} MB, {event.seconds:.1f} s"
    return f"{event.path} saved ({size})"


def memory_plan(event: ev.MemoryPlan) -> str:
    place = f" of {event.available_bytes / _GIB:.1f}" if event.available_bytes else ""
    text = f"memory: needs {event.needed_bytes / _GIB:.1f}{place} GiB on {event.name or event.device}"
    return f"{text}; {event.verdict}" if event.verdict else text


def memory_measured(event: ev.MemoryMeasured) -> str:
    """The largest measured phase beside its prediction."""
    if not event.measured:
        return f"memory of the {event.moment}: not measured"
    phase = max(event.measured, key=lambda name: event.measured[name])
    predicted = event.predicted.get(phase)
    beside = f", predicted {predicted / _GIB:.2f}" if predicted else ""
    return f"memory of the {event.moment}: {event.measured[phase] / _GIB:.2f} GiB at its peak{beside}"


def out_of_memory(event: ev.OutOfMemory) -> str:
    """What ran out where, and whether the step is repeated in smaller pieces."""
    step = "" if event.step is None else f", step {event.step:,}"
    where = f" in {event.phase.replace('_', ' ')}" if event.phase else ""
    if event.retry_tokens is None:
        return f"out of memory{where}{step}"
    return f"out of memory{where}{step}: repeated {event.retry_tokens:,} tokens at a time, with the same result"
