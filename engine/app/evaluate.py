"""A run evaluated afterwards: what is asked is checked here, a child process carries it out, and the result is kept."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from engine.common.child import run_answering
from engine.common.errors import ConfigError, MachineError, RunError, TunedeckError
from engine.config.presets import Layer, overrides, resolve
from engine.config.provenance import COMMAND_LINE, SET
from engine.config.schema import RUN_PREFIX
from engine.messages.message import Message
from engine.metrics import words
from engine.models.adapter.find import find_adapter
from engine.runs import directory, evaluations, failures
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import (
    EvaluationRequest,
    ExtractRequest,
    JudgeRequest,
    MixRequest,
    ProofRequest,
)
from engine.runs.evaluations import BASE, FEW_SHOT, OLD_ADAPTER, TRAINING, TUNED, Answer, Evaluation

_JOBS: dict[type, str] = {
    EvaluationRequest: "engine.jobs.evaluate",
    ProofRequest: "engine.jobs.export_proof",
    JudgeRequest: "engine.jobs.judge",
    MixRequest: "engine.jobs.mix",
    ExtractRequest: "engine.jobs.extract",
}
OWN = "held-out"
"""Name of an evaluation on the run's own held-out rows, where none is given."""
STOPPED = 130
_OWN_NAMES = (BASE, FEW_SHOT, OLD_ADAPTER, TUNED)


class Stopped(Exception):
    """A person ended it; ``kept`` answers are there for the next time."""

    def __init__(self, kept: int) -> None:
        super().__init__(kept)
        self.kept = kept


def request(
    run: RunDir, *, data: str = "", settings: Sequence[str] = (), against: Sequence[str] = (BASE,), name: str = "",
    rows: int | None = None, new_tokens: int = 0, unseen_only: bool = False, trust_base: bool = False,
) -> EvaluationRequest:  # fmt: skip
    """What to ask the child for. ``settings`` are ``data.0.FIELD=VALUE`` texts for the file ``data``.

    Other runs in ``against`` are named as a person names them. Raises TunedeckError for what can be told at once.
    """
    from engine.config import toml

    find_adapter(str(run.path))
    config = toml.load(run.config).config
    values = _source(data, settings) if data else None
    if settings and not data:
        raise ConfigError("evaluate.settings-without-data", given=" ".join(settings))
    chosen = name or (OWN if values is None else _slug(Path(data).stem))
    return EvaluationRequest(
        run=str(run.path.absolute()), name=checked_name(chosen), against=tuple(_others(run, against)), data=values,
        rows=config.eval.generate_rows if rows is None else rows, new_tokens=new_tokens, unseen_only=unseen_only,
        trust_base=trust_base,
    )  # fmt: skip


def tasks_request(
    run: RunDir, tasks: Sequence[str], *, task_folder: str = "", against: Sequence[str] = (BASE,), name: str = "",
    rows: int | None = None, trust_base: bool = False,
) -> EvaluationRequest:  # fmt: skip
    """What to ask the child for where lm-eval's ``tasks`` bring the rows. Raises TunedeckError, as ``request``."""
    from importlib.util import find_spec

    find_adapter(str(run.path))
    if find_spec("lm_eval") is None:
        raise MachineError("evaluate.no-lm-eval", reason="No module named 'lm_eval'")
    stray = [each for each in against if each != BASE]
    if stray:
        raise ConfigError("evaluate.tasks-alone", option=f"--against {stray[0]}")
    if task_folder and not Path(task_folder).expanduser().is_dir():
        raise ConfigError("evaluate.no-task-folder", path=task_folder)
    return EvaluationRequest(
        run=str(run.path.absolute()), name=checked_name(name or _slug("-".join(tasks))), against=tuple(against),
        rows=rows or 0, trust_base=trust_base, tasks=tuple(tasks),
        task_folder=str(Path(task_folder).expanduser().absolute()) if task_folder else "",
    )  # fmt: skip


def checked_name(name: str) -> str:
    """``name`` as that of an evaluation. Raises ConfigError for one that makes no folder, or is the training's."""
    if name == TRAINING:
        raise ConfigError("evaluate.name-taken", name=name)
    try:
        evaluations.folder(RunDir(Path()), name)
    except ValueError:
        raise ConfigError("evaluate.bad-name", name=name) from None
    return name


def _source(data: str, settings: Sequence[str]) -> dict[str, Any]:
    """The entry of ``data`` with what ``settings`` say of it. Raises ConfigError, DataError for what is not there."""
    from engine.data.files.hub import is_hub_id
    from engine.data.files.opened import check_name
    from engine.data.files.sources import source_files

    given = overrides(settings)
    stray = [key for key in given if key != "data"] + [f"data.{at}" for at in given.get("data", {}) if at != 0]
    if stray:
        raise ConfigError("evaluate.settings-elsewhere", field=stray[0])
    path = data if data.startswith(RUN_PREFIX) else check_name(data)
    made = resolve([Layer(COMMAND_LINE, {"model": {"name_or_path": "-"}, "data": [{"path": path}]}), Layer(SET, given)])
    source = made.config.data[0]
    if not (source.is_run or is_hub_id(path) or os.path.isdir(path)):  # noqa: PTH112 - no name makes it raise
        source_files(source)
    return source.model_dump(mode="json", exclude_none=True)


def _others(run: RunDir, against: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in against:
        if name in (BASE, FEW_SHOT):
            found.append(name)
            continue
        other = directory.find(name)
        if other.path.resolve() == run.path.resolve():
            raise RunError("evaluate.against-itself", run=run.id)
        find_adapter(str(other.path))
        found.append(str(other.path.absolute()))
    found = list(dict.fromkeys(found))
    names = [*_OWN_NAMES, *(Path(path).name for path in found if path not in (BASE, FEW_SHOT))]
    for path in found:  # answers are kept by this name: two of one name would be taken for each other
        if path not in (BASE, FEW_SHOT) and names.count(Path(path).name) > 1:
            raise ConfigError("evaluate.same-name", name=Path(path).name, path=path)
    return found


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:60].lower() or "file"


def run_request(
    asked: EvaluationRequest | ProofRequest, on_progress: Callable[[int, int | None, Message], None],
    on_note: Callable[[Message], None] = lambda note: None, on_silence: Callable[[], None] = lambda: None,
) -> Evaluation:  # fmt: skip
    """Carry ``asked`` out in a process of its own. Raises Stopped when it was ended, TunedeckError.

    What ``on_progress`` or ``on_silence`` (twice a second) raises ends the child, which keeps what was answered.
    """
    run = RunDir(Path(asked.run))
    where = evaluations.folder(run, asked.name)
    with failures.noted(run, "proof" if isinstance(asked, ProofRequest) else "evaluation", asked.name):
        said = ask_child(asked, on_progress, on_note, on_silence)
        if said["type"] == "stopped":
            raise Stopped(kept_in(where))
        result = evaluations.read(where)
        if result is None:
            raise TunedeckError("evaluate.ended", code=0, said="")
    return result


def ask_child(
    asked: EvaluationRequest | ProofRequest | JudgeRequest | MixRequest | ExtractRequest,
    on_progress: Callable[[int, int | None, Message], None],
    on_note: Callable[[Message], None], on_silence: Callable[[], None] = lambda: None,
) -> dict[str, Any]:  # fmt: skip
    """The last word of the child for such a request: of type result or stopped. Raises TunedeckError."""
    arguments = [_JOBS[type(asked)], msgspec.json.encode(asked).decode()]
    return run_answering(arguments, "evaluate.ended", on_progress, on_note, on_silence)


def kept_in(where: Path) -> int:
    """How many answers are kept in an evaluation's folder."""
    return len({(answer.candidate, answer.row) for answer in evaluations.answers(where)})


@dataclass(frozen=True)
class RowOf:
    """One row as the candidates answered it. ``loss`` is how much worse the run's answer is than the best other one."""

    row: int
    prompt: str
    reference: str
    answers: Mapping[str, Answer]


def worst_rows(where: Path, evaluation: Evaluation, most: int = 3) -> list[RowOf]:
    """The rows that the last candidate answered worst by the deciding metric: where others were better come first."""
    metric = next((name for name in evaluation.metrics if name not in ("macro_f1",)), "")
    newest: dict[int, dict[str, Answer]] = {}
    for answer in evaluations.answers(where):
        newest.setdefault(answer.row, {})[answer.candidate] = answer
    ours = TUNED if TUNED in evaluation.candidates else next(iter(reversed(evaluation.candidates)), "")
    sign = -1.0 if metric in words.LOWER_IS_BETTER else 1.0
    ranked = []
    for row, answers in sorted(newest.items()):
        if ours not in answers or metric not in answers[ours].scores:
            continue
        mine = sign * answers[ours].scores[metric]
        others = [
            sign * each.scores[metric] for name, each in answers.items() if name != ours and metric in each.scores
        ]
        behind = max(0.0, max(others, default=mine) - mine)
        ranked.append((-behind, mine, row))
    top = max((mine for _, mine, _ in ranked), default=0.0)
    wrong = [each for each in sorted(ranked) if each[1] < top or each[0] < 0]
    return [
        RowOf(row, newest[row][ours].prompt, newest[row][ours].reference, newest[row]) for _, _, row in wrong[:most]
    ]
