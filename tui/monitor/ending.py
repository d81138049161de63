"""After memory ended the run on the monitor: find out why, off the screen's thread, and restart it with a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.runs.directory import RunDir
from engine.runs.state import RunState

if TYPE_CHECKING:
    from engine.app.post_mortem import PostMortem
    from engine.app.remedy import Way
    from engine.machine.snapshot import Machine
    from engine.memory.out_of_memory import Remedy
    from tui.world import Spawn


class Ending:
    """``found`` is the post-mortem of the state that was examined last; None while the run has none."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self.found: PostMortem | None = None
        self.machine: Machine | None = None
        self._examined: tuple[int, str, bool] | None = None

    def wants(self, state: RunState) -> bool:
        """Whether ``state`` is to be examined: it ended for memory, and since then nothing was learnt."""
        if state.state not in ("failed", "crashed"):
            self.found = self._examined = None
            return False
        from engine.app.post_mortem import ended_for_memory

        mark = (state.last_seq, state.reason, self.machine is not None)
        if mark == self._examined or not ended_for_memory(state):
            return False
        self._examined = mark
        return True

    def examine(self, state: RunState) -> PostMortem | None:
        """Read config and model, and think; for a thread."""
        from engine.app.post_mortem import examine

        return examine(self.run, state, self.machine.gpus if self.machine else ())

    def remedy(self, number: int) -> Remedy | None:
        """Remedy ``number``, from 1."""
        known = self.found.remedies if self.found else ()
        return known[number - 1] if 1 <= number <= len(known) else None

    def way(self, remedy: Remedy) -> Way:
        from engine.app.remedy import way_of

        assert self.found is not None
        return way_of(self.run, self.found, remedy)

    def apply(self, remedy: Remedy, spawn: Spawn) -> RunDir:
        """Change and launch; returns the run that runs now. For a thread; raises TunedeckError."""
        from engine.app.remedy import apply

        assert self.found is not None
        return apply(self.run, self.found, remedy, lambda run, resume: spawn(run, resume=resume), self.machine)
