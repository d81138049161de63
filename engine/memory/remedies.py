"""What to do after memory ran out: up to three ways on, measured by what happened, never touching batch or data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.machine.gpus import Gpu
from engine.memory.from_config import Setup, estimate_run
from engine.memory.plan import LEAST_WORTH, Change, candidates
from engine.memory.postmortem import Failure, Measured, measure, named
from engine.memory.profiles import GIB
from engine.memory.speed import slow_down

Carries = Literal["all", "without optimizer", "nothing"]
"""What of a checkpoint fits a changed run."""
_CARRIES: dict[str, Carries] = {
    "train.micro_batch_tokens": "all",
    "train.gradient_checkpointing": "all",
    "model.attn_implementation": "all",
    "launch.gpus": "all",
    "train.optim": "without optimizer",
}
_ORDER: tuple[Carries, ...] = ("all", "without optimizer", "nothing")
MOST = 3
OTHERS_MATTER = 0.5 * GIB
MOST_TOGETHER = 6


@dataclass(frozen=True)
class Remedy:
    """``settings`` by dotted field. ``saved_bytes`` at the peak; ``slow_down`` 0.5 is half as long again.

    ``carries`` says what of a checkpoint can be gone on with. ``enough``: it fits then, by what was measured.
    ``wait_bytes``: so much must be free on the GPU before a start makes sense.
    """

    title: str
    reason: str
    settings: dict[str, object]
    saved_bytes: float
    slow_down: float
    carries: Carries
    enough: bool
    same_result: bool = True
    wait_bytes: float | None = None

    @property
    def gain(self) -> str:
        """ "saves 7.1 GiB, about 50% slower"."""
        verb = "frees" if self.wait_bytes else "has" if "launch.gpus" in self.settings else "saves"
        more = " more" if verb == "has" else ""
        parts = [f"{verb} {self.saved_bytes / GIB:.1f} GiB{more}"] if self.saved_bytes else []
        if self.slow_down > 0.005:
            parts.append(f"about {self.slow_down * 100:.0f}% slower")
        if not self.enough:
            parts.append("not enough by itself")
        return ", ".join(parts)


def remedies(failure: Failure, setup: Setup | None, gpus: Sequence[Gpu] = ()) -> tuple[Remedy, ...]:
    """At most three, the best first. ``setup`` is the run as it failed, every ``auto`` resolved; None: not known.

    ``gpus`` are those of the machine now: a freer one is a remedy too.
    """
    found = measure(failure, setup) if setup is not None else None
    chosen = list(_changes(setup, found)[:MOST]) if setup is not None and found is not None else []
    needed = found.needed_bytes(estimate_run(setup)) if setup is not None and found is not None else None
    waiting = _wait(failure, needed)
    if waiting is not None:
        chosen.insert(1 if chosen and chosen[0].enough else 0, waiting)
    freer = _other_gpu(failure, needed, gpus)
    if freer is not None:
        chosen.insert(0, freer)
    return tuple(chosen[:MOST])


def carries(settings: Mapping[str, object]) -> Carries:
    """What of a checkpoint a run can go on with after ``settings`` have changed."""
    return max((_CARRIES.get(field, "nothing") for field in settings), key=_ORDER.index, default="all")


def _changes(setup: Setup, found: Measured) -> list[Remedy]:
    """Changed settings: those that suffice first; when none does, the fewest that do together lead."""
    single = sorted((_weigh(setup, change, found) for change in candidates(setup)), key=_rank)
    worth = [remedy for remedy in single if remedy.saved_bytes >= LEAST_WORTH]
    if not worth or worth[0].enough:
        return worth
    together = _together(setup, found)
    return ([together] if together is not None else []) + worth


def _weigh(setup: Setup, change: Change, found: Measured) -> Remedy:
    before, after = estimate_run(setup), estimate_run(setup.with_settings(change.settings))
    needed = found.needed_bytes(after)
    return Remedy(
        change.title, change.reason, change.settings, found.needed_bytes(before) - needed,
        slow_down(before, after, setup.device_name), carries(change.settings), needed <= found.room_bytes,
        change.same_result,
    )  # fmt: skip


def _rank(remedy: Remedy) -> tuple[bool, int, bool, float, float]:
    return (not remedy.enough, _ORDER.index(remedy.carries), not remedy.same_result, round(remedy.slow_down, 2),
            -remedy.saved_bytes)  # fmt: skip


def _together(setup: Setup, found: Measured) -> Remedy | None:
    """Changes added one by one until it fits: those that keep the checkpoint first, then the largest."""
    settings: dict[str, object] = {}
    titles: dict[str, str] = {}
    same = True
    for _ in range(MOST_TOGETHER):
        now = setup.with_settings(settings)
        weighed = [_weigh(now, change, found) for change in candidates(now)]
        weighed = [remedy for remedy in weighed if remedy.saved_bytes >= LEAST_WORTH]
        if not weighed:
            return None
        enough = [remedy for remedy in weighed if remedy.enough]
        best = min(enough, key=_rank) if enough else min(
            weighed, key=lambda remedy: (_ORDER.index(remedy.carries), -remedy.saved_bytes)
        )  # fmt: skip
        settings |= best.settings
        titles |= dict.fromkeys(best.settings, best.title)
        same = same and best.same_result
        if best.enough:
            whole = Change("; ".join(dict.fromkeys(titles.values())), "Together they are enough.", settings, 0, 0,
                           same, True)  # fmt: skip
            return _weigh(setup, whole, found)
    return None


def _wait(failure: Failure, needed: float | None) -> Remedy | None:
    """Where the run would fit without the others: start again once they are gone."""
    if failure.device != "cuda" or failure.total_bytes is None or failure.room_bytes is None:
        return None
    held = failure.total_bytes - failure.room_bytes
    if held < OTHERS_MATTER or needed is None or needed > failure.total_bytes:
        return None
    who = named(failure.others, most=1)
    names = who[0].rpartition(", ")[0] or who[0] if who else "others"
    return Remedy(
        f"Start it again once {names} has freed the GPU" if who else "Start it again once others have freed the GPU",
        "Nothing about the run changes; it starts only if the memory is free by then.",
        {}, held, 0.0, "all", True, wait_bytes=needed,
    )  # fmt: skip


def _other_gpu(failure: Failure, needed: float | None, gpus: Sequence[Gpu]) -> Remedy | None:
    """The freest other GPU, if the run fits there."""
    least = needed if needed is not None else failure.room_bytes
    if failure.device != "cuda" or failure.gpu is None or least is None:
        return None
    others = [gpu for gpu in gpus if gpu.index != failure.gpu and (gpu.free_bytes or 0) > least]
    best = max(others, key=lambda gpu: gpu.free_bytes or 0, default=None)
    if best is None:
        return None
    free = best.free_bytes or 0
    return Remedy(
        f"Use GPU {best.index}, {best.name or 'another one'}: {free / GIB:.1f} GiB free now",
        "Nothing else about the run changes.",
        {"launch.gpus": best.key}, max(0.0, free - (failure.room_bytes or free)), 0.0, "all", True,
    )  # fmt: skip
