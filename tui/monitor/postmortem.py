"""After memory ended a run: find out why, off the screen's thread, restart it with a remedy, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from engine.messages.catalogue import clauses, part, sentences, text
from engine.messages.message import Message
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
        self._examined: tuple[int, Message | None, bool] | None = None

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


_WAYS = {
    "all": "monitor.way-checkpoint", "without optimizer": "monitor.way-new-optimizer", "nothing": "monitor.way-new-run",
}  # fmt: skip


def facts(found: PostMortem, roomy: bool) -> RenderableType:
    """Why, and who else was there; ``roomy`` adds what was held and asked for."""
    told: list[RenderableType] = [_what(found.what)] if found.what is not None else []
    if roomy or not found.is_explained:
        told.append(Text(_shortage(found)))
    if found.others:
        told.append(Text(text("monitor.also-on-gpu", who=clauses(*map(text, found.others)))))
    return Group(*told)


def fix(remedy: Remedy, resumable: bool) -> str:
    """A remedy and how the run goes on with it, in a line."""
    return clauses(text(remedy.message), _way(remedy, resumable))


def whole(found: PostMortem, resumable: bool, muted: str) -> RenderableType:
    """The same with a reason and the settings for each remedy."""
    told: list[RenderableType] = [Text(text(found.title), style="bold")]
    told += [_what(found.what)] if found.what is not None else []
    told += [Text(_shortage(found))] if found.shortage else []
    told += [Text(text("monitor.also-on-gpu", who=each)) for each in found.others]
    told.append(Text())
    for remedy in found.remedies:
        told.append(Text(text(remedy.what), style="bold"))
        told += [Padding(Text(line, style=muted), (0, 0, 0, 2)) for line in _details(remedy, resumable)]
    told += [] if found.remedies else [Text(text("monitor.no-remedy"))]
    return Group(*told)


def _what(message: Message) -> Text:
    told = text(message)
    return Text(sentences(told[:1].upper() + told[1:]))


def _shortage(found: PostMortem) -> str:
    return sentences(*map(text, found.shortage))


def _way(remedy: Remedy, resumable: bool) -> str:
    return text(_WAYS[remedy.carries] if resumable else "monitor.way-restart")


def _details(remedy: Remedy, resumable: bool) -> Iterator[str]:
    yield part(remedy.what, "why")
    yield clauses(*map(text, remedy.gain), _way(remedy, resumable))
    if remedy.settings:
        yield ", ".join(f"{field} = {json.dumps(value)}" for field, value in remedy.settings.items())
