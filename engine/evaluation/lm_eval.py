"""Tasks of EleutherAI's lm-evaluation-harness, answered by the run's adapter and its base from one loaded model.

The harness renders, asks and scores; what it says of each document is kept like any other answer, so that means,
differences and verdict are made as everywhere else. It is optional: the extra ``eval``.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from engine.common.clean_text import in_words
from engine.common.errors import DataError, MachineError
from engine.common.versions import versions
from engine.evaluation.afterwards import Afterwards, adapter_mark, renderer_of
from engine.messages.message import Message
from engine.metrics.choose import Choice
from engine.metrics.summary import summarize
from engine.modeling.load_for_use import Ready
from engine.runs import evaluations
from engine.runs.evaluations import BASE, TUNED, Answer, Evaluation
from engine.runs.one_seed import of_one_seed

PART = "tasks"
_AT_ONCE = {"cpu": 8, "cuda": 32}
_OURS = {"acc": "accuracy", "f1": "f1", "exact_match": "exact_match"}
_MOST_TEXT = 4000


def measure(after: Afterwards) -> Evaluation:
    """Carry out a request with ``tasks``; ``rows`` is how many documents of each are asked (0: all).

    What one candidate answered is kept when it is through with all tasks. Raises MachineError where the harness is not
    installed, DataError for a task that it does not know or whose data it can't get.
    """
    try:
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise MachineError("evaluate.no-lm-eval", reason=in_words(error, 200)) from error
    request = after.request
    manager = TaskManager(include_path=request.task_folder or None)
    unknown = [name for name in request.tasks if name not in manager.all_tasks]
    if unknown:
        raise DataError("evaluate.no-such-task", task=unknown[0], near=_near(unknown[0], manager.all_tasks))
    ready = after.load(after.found)
    after.note(Message("evaluate.tasks-in-template"))
    where, names = evaluations.folder(after.run, request.name), [*_of_base(request.against), TUNED]
    mark = hashlib.blake2b(f"{adapter_mark(after.found)} {request.tasks} {request.rows}".encode(), digest_size=12)
    kept = [each for each in evaluations.answers(where) if each.mark == mark.hexdigest()]
    answers: list[Answer] = []
    for name in names:
        own = [each for each in kept if each.candidate == name]
        if not own:
            after.phases.begin("tasks", candidate=name, tasks=list(request.tasks))
            after.phases.check()
            with ready.without_adapter() if name == BASE else nullcontext():
                samples, left_out = without_lower(_asked(ready, request.tasks, request.rows, manager))
                own = list(_answered(name, samples, mark.hexdigest()))
            if left_out:
                after.note(Message("evaluate.tasks-lower", metrics=left_out))
            evaluations.keep_answers(where, own)
        answers += own
    metrics = tuple(dict.fromkeys(metric for each in answers for metric in each.scores))
    found = summarize(answers, Choice("free", metrics, Message("evaluate.of-lm-eval")), candidates=names)
    evaluation = Evaluation(
        name=request.name, part=PART, n=found.n, candidates=found.candidates, metrics=found.metrics,
        reason=found.reason, data=", ".join(request.tasks), step=after.step, means=found.means,
        comparisons=found.comparisons, looked_at=found.looked_at, secondary=found.secondary, sentence=found.sentence,
        notes=[*found.notes, *after.notes, *of_one_seed(after.run, next(iter(found.metrics), ""))],
        versions=versions() | {"lm_eval": _version()},
    )  # fmt: skip
    evaluations.write_answers(where, answers)
    evaluations.keep(where, evaluation)
    return evaluation


def _of_base(against: Sequence[str]) -> list[str]:
    return [BASE] if BASE in against else []


def _asked(ready: Ready, tasks: Sequence[str], rows: int, manager: Any) -> dict[str, Any]:
    """What the harness found, with its samples by task. Nothing that runs code is allowed here. Raises DataError."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    device = ready.base.model.device
    model = HFLM(
        pretrained=ready.model, tokenizer=renderer_of(ready).tokenizer, batch_size=_AT_ONCE.get(device.type, 8),
        max_length=ready.most_positions or None,
    )  # fmt: skip
    try:
        found: dict[str, Any] = simple_evaluate(
            model=model, tasks=list(tasks), limit=rows or None, log_samples=True, task_manager=manager,
            bootstrap_iters=0, apply_chat_template=True,
        )  # fmt: skip
    except Exception as error:  # of the harness, its tasks, or whoever fetches their data
        raise DataError("evaluate.task-failed", tasks=list(tasks), reason=in_words(error, 300)) from error
    return found


def without_lower(found: dict[str, Any]) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """The samples that the harness ``found``, by task, and the names of the metrics that were left out of them.

    Those are of errors: the less the better, while here more is. A perplexity is one too, but what a sample says of it
    is a log-likelihood, from which the harness makes the figure of the whole.
    """
    samples: dict[str, list[dict[str, Any]]] = {}
    left_out: dict[str, None] = {}
    for task, some in found["samples"].items():
        upwards = (found.get("higher_is_better") or {}).get(task) or {}
        lower = {metric for metric, up in upwards.items() if up is False}
        left_out |= dict.fromkeys(f"{metric}/{task}" for each in some for metric in each["metrics"] if metric in lower)
        samples[task] = [each | {"metrics": [name for name in each["metrics"] if name not in lower]} for each in some]
    return samples, list(left_out)


def _answered(name: str, samples: dict[str, list[dict[str, Any]]], mark: str) -> Iterator[Answer]:
    """The samples as answers: one for each document and way to read the answer, with the metrics that are numbers."""
    row = 0
    for task, found in samples.items():
        filters = {sample["filter"] for sample in found}
        for sample in sorted(found, key=lambda each: (each["filter"], each["doc_id"])):
            suffix = f" ({sample['filter']})" if len(filters) > 1 else ""
            scores = {
                f"{_OURS.get(metric, metric)}/{task}{suffix}": float(sample[metric])
                for metric in sample["metrics"]
                if isinstance(sample.get(metric), int | float) and math.isfinite(sample[metric])
            }
            yield Answer(
                candidate=name, row=row, prompt=_text(sample["arguments"]), reference=_text(sample["target"]),
                answer=_text(sample["filtered_resps"]), scores=scores, mark=mark,
            )  # fmt: skip
            row += 1


def _text(value: Any) -> str:
    """What was asked or said, of choices the first."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return str(value)[:_MOST_TEXT]


def _near(name: str, known: Sequence[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, known, n=3)


def _version() -> str:
    from importlib.metadata import version

    return version("lm_eval")
