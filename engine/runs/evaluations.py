"""The evaluations kept with a run: ``evaluations/NAME/`` with every answer and one summary.

``answers.jsonl`` is appended row by row, so an evaluation that was interrupted goes on where it stood;
``evaluation.json`` is written last: an evaluation without it is not whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.common.files import read_struct, write_atomic
from engine.common.regular_files import open_to_append, read_regular
from engine.messages.message import Message
from engine.metrics import result
from engine.metrics.result import NATS, Comparison, Confusion, Mean
from engine.runs.directory import RunDir

FOLDER, ANSWERS, SUMMARY = "evaluations", "answers.jsonl", "evaluation.json"
BASE, FEW_SHOT, OLD_ADAPTER, TUNED = result.BASE, result.FEW_SHOT, result.OLD_ADAPTER, result.TUNED
TRAINING = "training"
"""Name of the evaluation that a run makes by itself, before and after its training."""
FORGETTING = "forgetting"
"""Name of the evaluation of general text and questions; with ``-RUN`` behind it of an earlier run's rows."""
EXPORT = "export-"
"""How the names of those begin that prove an export; the target stands behind it."""
_JUDGED = ".judged-by-"
_LONGEST_NAME = 80
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST_NAME - 1}}}")
_MOST_ANSWER_BYTES = 1 << 30


class Said(NamedTuple):
    """An answer: its text without special tokens, how many tokens it has, and whether it ended by itself.

    The text does not tell the others: in tokens as the tokenizer parts it, it may be shorter than it was made.
    """

    text: str
    tokens: int
    ended: bool


class Turn(msgspec.Struct, frozen=True):
    """What was said in a dialogue before the question: ``role`` is system, user, assistant or tool."""

    role: str
    text: str


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``candidate`` answered to row ``row`` (its place in the evaluation's rows, from 0).

    ``ended``: it stopped by itself, not at the limit of ``tokens``. ``scores`` by metric, NaN never; a metric that
    can't be told of this row is left out. ``group`` is the cluster of the row, "" for none. ``examples`` stood in the
    prompt. ``mark`` is the same for the same prompt and weights. ``seconds`` are its share of those of its group.
    ``prompt`` is the last turn that was asked, by ``role``, ``earlier`` are those before it; ``tools`` are the schemas
    of the functions that could be called, each as JSON text.
    """

    candidate: str
    row: int
    prompt: str
    reference: str
    answer: str
    ended: bool = True
    tokens: int = 0
    group: str = ""
    scores: dict[str, float] = {}
    examples: int = 0
    mark: str = ""
    seconds: float = 0.0
    earlier: list[Turn] = []
    role: str = "user"
    tools: list[str] = []

    @property
    def was_asked(self) -> bool:
        """Whether the model was asked; else it is known only what the row cost it.

        Of rows of earlier runs the loss is known beside the answer, which may be empty.
        """
        return bool(self.answer) or NATS not in self.scores or bool(self.prompt and self.reference)


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What answering with ``candidate`` takes: ``size_bytes`` of the files that it loads, and time.

    ``tokens_per_second`` are those of its answers, ``at_once`` of them side by side, while prompts were read too; None
    where nothing was timed.
    """

    candidate: str
    size_bytes: int
    tokens_per_second: float | None = None
    at_once: int = 1


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The summary of one evaluation. ``n`` rows of ``part``: test, validation, or file (``data``, with its hash).

    ``candidates`` in the order of a table, ``metrics`` with the one that decides first; ``reason`` says what these
    metrics were chosen by. ``looked_at`` counts the comparisons by the deciding metric that have a p, which are
    corrected together, ``secondary`` those by the others, corrected among themselves. ``sentence`` is the verdict by
    the deciding metric; ``notes`` say what a reader must know (labels never seen, empty references, too few rows).
    ``step`` is the checkpoint that was measured. ``seconds`` by candidate. ``rows_sha256`` is the same for the same
    rows with the same references in the same order, whatever file or run they come from. ``metric_sha256`` is of the
    user's own metric, "" where there is none. ``costs`` where exports were proved. Answers are greedy and have
    ``new_tokens`` at most (0: not recorded, or nothing was answered). ``prompts_sha256`` is the same for the same
    prompts, in tokens.
    """

    name: str
    part: str
    n: int
    candidates: list[str]
    metrics: list[str]
    reason: Message | None = None
    data: str = ""
    data_sha256: str = ""
    rows_sha256: str = ""
    metric_sha256: str = ""
    step: int | None = None
    means: list[Mean] = []
    comparisons: list[Comparison] = []
    confusions: list[Confusion] = []
    looked_at: int = 0
    secondary: int = 0
    sentence: Message | None = None
    notes: list[Message] = []
    seconds: dict[str, float] = {}
    versions: dict[str, str] = {}
    costs: list[Cost] = []
    new_tokens: int = 0
    prompts_sha256: str = ""

    def mean(self, candidate: str, metric: str) -> Mean | None:
        return next((each for each in self.means if (each.candidate, each.metric) == (candidate, metric)), None)

    def comparison(self, candidate: str, against: str, metric: str) -> Comparison | None:
        wanted = (candidate, against, metric)
        return next((c for c in self.comparisons if (c.candidate, c.against, c.metric) == wanted), None)


def folder(run: RunDir, name: str) -> Path:
    """Where evaluation ``name`` of a run is kept. Raises ValueError for a name that is none."""
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    return run.path / FOLDER / name


def keep_answers(where: Path, answers: list[Answer]) -> None:
    """Append answers, in one write. Raises OSError."""
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = b"".join(msgspec.json.encode(answer) + b"\n" for answer in answers)
    fd = open_to_append(where / ANSWERS)
    with open(fd, "ab") as file:  # noqa: PTH123 - of a descriptor
        file.write(lines)


def write_answers(where: Path, answers: list[Answer]) -> None:
    """Put ``answers`` in the place of all that are kept. Raises OSError."""
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(where / ANSWERS, "".join(msgspec.json.encode(answer).decode() + "\n" for answer in answers))


def answers(where: Path) -> Iterator[Answer]:
    """The answers kept so far; a line that was cut off is left out, and of two for one row the later comes later."""
    try:
        raw = read_regular(where / ANSWERS, _MOST_ANSWER_BYTES)
    except OSError:
        return
    decoder = msgspec.json.Decoder(Answer)
    for line in raw.split(b"\n"):
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            if line:
                yield decoder.decode(line)


def keep(where: Path, evaluation: Evaluation) -> None:
    """Write the summary: from now on the evaluation is whole. Raises OSError."""
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(where / SUMMARY, msgspec.json.encode(evaluation).decode("utf-8"))


def outdate(where: Path, candidate: str) -> None:
    """``candidate`` answers anew: a summary of what it answered before is one of answers that go. Raises OSError.

    Where that is stopped, neither the old figures nor a mixture of both may stand for a result.
    """
    found = read(where)
    if found is not None and candidate in found.candidates:
        (where / SUMMARY).unlink(missing_ok=True)


def read(where: Path) -> Evaluation | None:
    """The summary, None where there is none that can be read."""
    return read_struct(where / SUMMARY, Evaluation)


def is_elsewhere(name: str) -> bool:
    """Whether an evaluation is of what the training cost elsewhere, not of its own task."""
    return name == FORGETTING or name.startswith(f"{FORGETTING}-")


def is_export(name: str) -> bool:
    """Whether an evaluation proves an export: it compares files with the run's result, not that with anything else."""
    return name.startswith(EXPORT)


def earlier_run(name: str) -> str:
    """The run whose rows an evaluation of what the training cost elsewhere is of."""
    return name.removeprefix(f"{FORGETTING}-")


def judgement(name: str, judge: str) -> str:
    """What the evaluation is called in which ``judge`` judges the answers of evaluation ``name``."""
    room = max(len("12345678"), _LONGEST_NAME - len(name) - len(_JUDGED))  # its identity stands last
    return f"{name}{_JUDGED}{judge[-room:].lstrip('-.')}"


def judged(name: str) -> str:
    """The evaluation whose answers a judgement is of; of another evaluation itself."""
    return name.partition(_JUDGED)[0]


def all_of(run: RunDir) -> list[Evaluation]:
    """The whole evaluations of a run; the one that its training made first, then by time."""
    try:
        folders = sorted((run.path / FOLDER).iterdir(), key=lambda each: (each.name != TRAINING, each.stat().st_mtime))
    except OSError:
        return []
    return [found for found in map(read, folders) if found is not None]
