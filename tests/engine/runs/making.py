"""Short ways to bring a run directory into a given state."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.common import files
from engine.messages.message import Message
from engine.metrics.result import Comparison, Mean, Verdict
from engine.runs import directory, evaluations
from engine.runs import events as ev
from engine.runs import groups as groups_of_runs
from engine.runs.directory import RunDir
from engine.runs.evaluations import Answer, Evaluation
from engine.runs.groups import Group
from engine.runs.writer import EventWriter


def step(number: int, loss: float = 1.0, **more: Any) -> ev.Step:
    values: dict[str, Any] = {
        "epoch": number / 10, "learning_rate": 1e-4, "grad_norm": 0.5, "num_tokens": 100 * number,
        "supervised_tokens": 40 * number, "tokens_per_second": 200.0, "step_time": 0.5,
    }  # fmt: skip
    return ev.Step(step=number, loss=loss, **(values | more))


def said(text: str, **parts: str) -> Message:
    """Words of nobody's catalogue, as a library says them."""
    return Message.literal(text, **parts)


def failure(title: str = "It broke", message: str = "", hint: str = "", error: str = "TunedeckError") -> ev.Failed:
    return ev.Failed(reason=said(title, message=message, hint=hint), error=error)


def write(run: RunDir, *events: ev.Event) -> None:
    """Append ``events`` to the log of ``run`` as its runner would."""
    writer = EventWriter(run.events)
    for event in events:
        writer.emit(event)
    writer.close()


def measure(
    run: RunDir, tuned: Sequence[float], base: Sequence[float] = (), *, metric: str = "exact_match",
    rows: str = "row", verdict: Verdict = "better", name: str = evaluations.TRAINING, groups: Sequence[str] = (),
    metric_sha256: str = "", tokens: int = 0, new_tokens: int = 0, prompts_sha256: str = "",
) -> None:  # fmt: skip
    """Keep an evaluation of ``run``: the scores of its result and of the untouched model on rows called ``rows``.

    Its answers have ``tokens`` each, of ``new_tokens`` that they may have.
    """
    where = evaluations.folder(run, name)
    sides = {evaluations.BASE: base, evaluations.TUNED: tuned} if base else {evaluations.TUNED: tuned}
    evaluations.keep_answers(
        where,
        [
            Answer(
                candidate=candidate, row=at, prompt=f"{rows} {at}", reference=f"answer {at}", answer=str(score),
                scores={metric: score}, group=groups[at] if groups else "", tokens=tokens,
                ended=tokens < (new_tokens or tokens + 1),
            )
            for candidate, scores in sides.items() for at, score in enumerate(scores)
        ],
    )  # fmt: skip
    means = [
        Mean(candidate=candidate, metric=metric, value=sum(scores) / len(scores), low=0.0, high=1.0, n=len(scores))
        for candidate, scores in sides.items()
    ]
    difference = means[-1].value - means[0].value
    compared = Comparison(
        candidate=evaluations.TUNED, against=evaluations.BASE, metric=metric, difference=difference, low=0.0, high=1.0,
        p=0.01, adjusted_p=0.01, test="mcnemar", n=len(tuned), verdict=verdict,
    )  # fmt: skip
    found = Evaluation(
        name=name, part="test", n=len(tuned), candidates=[*sides], metrics=[metric], means=means,
        comparisons=[compared] if base else [], metric_sha256=metric_sha256, new_tokens=new_tokens,
        prompts_sha256=prompts_sha256,
    )  # fmt: skip
    evaluations.keep(where, found)


def make_group(root: Path, seeds: Sequence[int] = (42, 43, 44), name: str = "orders") -> tuple[Group, list[RunDir]]:
    """A group whose runs have not begun."""
    group = groups_of_runs.create(name, root)
    runs = []
    for seed in seeds:
        facts = {groups_of_runs.GROUP: group.id, groups_of_runs.SEED: seed, "data": ["/data/orders.jsonl"]}
        config = f'[model]\nname_or_path = "tiny"\n[run]\nseed = {seed}\n[[data]]\npath = "/data/orders.jsonl"\n'
        runs.append(directory.create("tiny", config, f"{name} seed {seed}", root, facts))
    groups_of_runs.keep(group, name, runs)
    return group, runs


def set_facts(run: RunDir, **facts: Any) -> None:
    """Add ``facts`` to run.json."""
    files.write_atomic(run.run_json, json.dumps(run.read_run_json() | facts))


def mark_launched(run: RunDir, seconds_ago: float = 3600) -> None:
    """As if ``run`` had been launched: ``launched_t`` is in run.json."""
    set_facts(run, launched_t=time.time() - seconds_ago)


def mark_exited(run: RunDir, returncode: int, oom_kill: bool = False) -> None:
    """As the waiting process writes it when the runner has gone."""
    record = {"returncode": returncode, "oom_kill": oom_kill, "t": time.time()}
    files.write_atomic(run.exit_json, json.dumps(record))


def make_checkpoint(run: RunDir, number: int, complete: bool = True) -> None:
    folder = run.checkpoint(number)
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    if complete:
        (folder / "COMPLETE").touch()
