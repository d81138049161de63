"""What a runner that the system killed for want of RAM left in its log, for the next one to do better."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.messages.message import Message
from engine.modeling.out_of_memory import MemoryGuard, Shortage
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.writer import tail_lines

_TOLD = (b'"memory_plan"', b'"out_of_memory"', b'"phase"', b'"step"', b'"state"')


@dataclass(frozen=True)
class LastWords:
    """``budget_tokens`` were computed at once, ``phase`` was going on, and ``step`` was the last that was taken."""

    budget_tokens: int | None = None
    phase: str = ""
    step: int = 0

    @property
    def was_loading(self) -> bool:
        """Whether it was killed before there was anything to cut smaller."""
        return self.phase in ("", "import", "download", "read", "tokenise", "load")


def last_words(run: RunDir) -> LastWords:
    """Where the runner before this one stood: this one's own first word is its start."""
    now = before = LastWords()
    for line in tail_lines(run.events, 1 << 40):
        if not any(word in line for word in _TOLD):
            continue
        match ev.decode(line):
            case ev.State(state="starting"):
                before = now
            case ev.MemoryPlan(micro_batch_tokens=tokens) if tokens:
                now = replace(now, budget_tokens=min(tokens, now.budget_tokens or tokens))
            case ev.OutOfMemory(retry_tokens=tokens, phase=phase) if tokens and phase != "evaluation":
                now = replace(now, budget_tokens=tokens)
            case ev.Phase(name=name):
                now = replace(now, phase=name)
            case ev.Step(step=step):
                now = replace(now, step=step)
    return before


def smaller_budget(run: RunDir, memory: MemoryGuard, longest_row: int, budget_tokens: int) -> int:
    """Half of what the killed runner computed at once, which is said. Raises OutOfMemory where that can't help."""
    words = last_words(run)
    memory.step = words.step + 1 if words.step else None
    shortage = Shortage(Message("events.killed-for-ram"), "load" if words.was_loading else "")
    tried = min(budget_tokens, words.budget_tokens or budget_tokens)
    if words.was_loading:
        raise memory.ends(shortage, "runs.model-beyond-ram")
    if tried <= longest_row:
        raise memory.ends(shortage, "runs.out-of-memory-row")
    memory.repeats(shortage, tried // 2)
    return tried // 2
