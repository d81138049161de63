"""Everything that a report says of a run, read from its directory; what can't be read counts as unknown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from engine.common.errors import TunedeckError
from engine.common.places import Places, paths_in, places
from engine.common.regular_files import read_regular
from engine.config import toml
from engine.config.schema import RunConfig
from engine.messages.message import Message
from engine.models import origins
from engine.models.adapter.config import AdapterRecord, read_record
from engine.models.licence import licence_of
from engine.models.lineage import Line, draw, key_of, read_lineage
from engine.models.local import model_folder
from engine.models.origins import Origin
from engine.runs import evaluations
from engine.runs.directory import RunDir
from engine.runs.evaluations import Answer, Evaluation
from engine.runs.follow import Follower
from engine.runs.state import RunState

_MOST_CONFIG_BYTES = 4 << 20


@dataclass(frozen=True)
class Evaluated:
    """One evaluation with its answers by candidate and row."""

    summary: Evaluation
    answers: dict[str, dict[int, Answer]] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What is known of ``run`` at Unix time ``made_t``.

    ``config`` is None and ``config_text`` "" where the file can't be read; ``licence`` "" where it is not known.
    ``family`` is the lineage of this run alone; ``accepted`` are changes of its files that a person agreed to go on
    with; ``broken_lines`` of the log made no sense.
    """

    run: RunDir
    name: str
    state: RunState
    made_t: float
    config: RunConfig | None = None
    config_text: str = ""
    record: AdapterRecord | None = None
    origins: Sequence[Origin] = ()
    evaluations: Sequence[Evaluated] = ()
    family: Sequence[Line] = ()
    licence: str = ""
    accepted: Sequence[Message] = ()
    broken_lines: int = 0

    @property
    def places(self) -> Places:
        """Paths of this machine that its texts may name, and what stands for them in what others read."""
        config = self.config.model_dump(mode="json") if self.config else {}
        model = model_folder(self.config) if self.config else None
        family = [line.node.path for line in self.family]
        return places(
            [self.run.path, self.run.path.absolute(), *paths_in(config), *(each.path for each in self.origins), *family,
             *([model] if model else [])]
        )  # fmt: skip

    @property
    def seconds(self) -> float | None:
        """How long the run took, or has taken so far."""
        state = self.state
        if state.finished and state.finished.seconds:
            return state.finished.seconds
        return state.last_t - state.started_t if state.started_t else None


def read(run: RunDir) -> Facts:
    """All of it. Takes a second for a log of 100,000 steps; never raises for what a run's files hold."""
    follower = Follower(run)
    state = follower.catch_up()
    config, config_text = _config(run)
    return Facts(
        run, run.name, state, time.time(), config, config_text,
        read_record(run.adapter), origins.read(run), [_with_answers(run, each) for each in evaluations.all_of(run)],
        _family(run), _licence(config),
        [Message.from_json(each.get("said")) for each in origins.accepted_changes(run)], follower.tail.broken_lines,
    )  # fmt: skip


def _config(run: RunDir) -> tuple[RunConfig | None, str]:
    written = ""
    try:
        written = read_regular(run.config, _MOST_CONFIG_BYTES).decode("utf-8", "replace")
        return toml.load(run.config).config, written
    except (TunedeckError, OSError):
        return None, written


def _with_answers(run: RunDir, summary: Evaluation) -> Evaluated:
    found: dict[str, dict[int, Answer]] = {}
    with suppress(ValueError):  # a name that no evaluation has
        for answer in evaluations.answers(evaluations.folder(run, summary.name)):
            found.setdefault(answer.candidate, {})[answer.row] = answer
    return Evaluated(summary, found)


def _family(run: RunDir) -> list[Line]:
    return draw(read_lineage(run.path.parent).around(key_of(run)))


def _licence(config: RunConfig | None) -> str:
    """That of the base model; a model that is gone says nothing."""
    if config is None:
        return ""
    folder = None
    with suppress(OSError, TunedeckError):
        folder = model_folder(config)
    return licence_of(config.model.name_or_path, folder)
