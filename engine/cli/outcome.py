"""What a run found out about itself, at the end of a command: the verdict in a sentence, and the figures behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.runs.directory import RunDir
    from engine.runs.evaluations import Evaluation


def own_evaluation(run: RunDir) -> Evaluation | None:
    """The evaluation that the run made by itself; None for one of an earlier version, or that did not come so far."""
    from engine.runs import evaluations

    return evaluations.read(evaluations.folder(run, evaluations.TRAINING))


def verdict(found: Evaluation) -> str:
    """The sentence that says whether it worked."""
    return text(found.sentence) if found.sentence else text("evaluate.no-verdict")


def head() -> list[str]:
    """Headers of ``lines``."""
    from engine.app.evaluation_lines import HEAD

    return [text("evaluate.column-metric"), *map(text, HEAD)]


def lines(found: Evaluation) -> Iterator[list[str]]:
    """A line for each metric and candidate: value, interval, and how the result differs from it."""
    from engine.app.evaluation_lines import by_metric

    for metric, candidates in by_metric(found):
        yield from ([metric, *cells] for cells in candidates)


def notes(found: Evaluation) -> Iterator[str]:
    """What a reader must know of the figures, and why baselines were asked or not."""
    from engine.app.evaluation_lines import notes as all_notes

    yield from (note for _, note in all_notes(found))


def as_values(found: Evaluation | None) -> dict[str, Any] | None:
    """The evaluation for a program."""
    import msgspec

    return None if found is None else msgspec.to_builtins(found)
