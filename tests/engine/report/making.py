"""Runs with everything a report can show, made by hand."""

from __future__ import annotations

import json
import random
from pathlib import Path

from engine.common.files import write_atomic
from engine.messages.message import Message
from engine.metrics.result import Comparison, Confusion, Mean
from engine.runs import evaluations
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.evaluations import BASE, FEW_SHOT, TUNED, Answer, Evaluation
from engine.runs.writer import EventWriter
from tests.tui import fake_runs

GIB = 2**30
LABELS = ["billing", "refund", "login problem", "delivery", "damaged goods", "cancel order"]
VERDICT = "Better: the tuned model answers 94% of 120 test tickets right, the base model 31% (+63 points, 53 to 72)."
EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\x1b[31m\x00\u202e{{ 7*7 }}'
"""Text that would run, load, steer a terminal or turn the page around."""
CONFIG = """\
# A tunedeck run. `tunedeck run THIS_FILE` repeats it.

[run]
name = "{name}" # you
seed = 42 # default
notes = "" # default

[model]
name_or_path = "{model}" # you
revision = "main" # default
quantization = "auto" # default

[strategy]
kind = "fresh" # default

[adapter]
r = 16 # default
lora_alpha = 32.0 # default

[[data]]
path = "{data}" # you
role = "new" # default

[dataset]
max_length = 512 # preset first-steps
test_rows = 120 # you

[train]
num_train_epochs = 3.0 # default
batch_size = 16 # default
learning_rate = 0.0003 # you
"""


def whole_run(root: Path, name: str = "Support tickets", total: int = 300, evil: str = "") -> RunDir:
    """A finished run with everything: plan, rows, warnings, samples, origins, evaluation. ``evil`` is in all texts."""
    run, writer = fake_runs.new_run(root, name + evil, total)
    model, data = "smollm2-135m", f"/home/ada/tickets{evil}.jsonl"
    quoted = json.dumps(data)[1:-1]
    write_atomic(run.config, CONFIG.format(name="x", model=model, data=quoted))
    _log(writer, total, evil)
    _record(run, data, total)
    keep_evaluation(run, evil)
    keep_elsewhere(run, evil)
    return run


def _log(writer: EventWriter, total: int, evil: str) -> None:
    started = fake_runs.started(total)
    fields = {name: getattr(started, name) for name in started.__struct_fields__}
    versions = {"python": "3.11.7", "tunedeck": "0.1.0", "torch": "2.13.0+cpu", "peft": "0.21.2"}
    fields |= {"train_rows": 456, "eval_rows": 24, "test_rows": 120, "versions": versions}
    fields |= {"model": f"SmolLM2-135M{evil}", "device": f"NVIDIA H100 80GB{evil}", "v": 2}
    writer.emit(ev.RunStarted(**fields))
    writer.emit(ev.State(state="starting"))
    writer.emit(
        ev.Rows(rows=456, tokens=51_204, supervised_share=0.07, padding_share=0.02, dropped={"too-long": 3},
                unused={f"tickets{evil}": ["id", "created"]})
    )  # fmt: skip
    writer.emit(
        ev.MemoryPlan(
            device="cuda:0", name="NVIDIA H100 80GB", total_bytes=80 * GIB, available_bytes=78 * GIB,
            needed_bytes=3 * GIB, shown_bytes=int(3.2 * GIB), settings={"model.quantization": "none"},
            reasons={"model.quantization": Message.literal(f"16-bit weights fit{evil}")},
        )
    )  # fmt: skip
    writer.emit(ev.Warn(message=Message("events.plain-template")))
    writer.emit(ev.Warn(message=Message.literal(f"careful{evil}")))
    writer.emit(ev.Eval(step=0, moment="before", loss=2.311, n=24))
    writer.emit(ev.Eval(step=0, moment="before", part="test", loss=2.4, n=120, metrics={"accuracy": 0.31}))
    _forgetting(writer, 0, "before")
    fake_runs.train(writer, 1, total, total)
    for at in (total // 3, 2 * total // 3):
        _forgetting(writer, at, "during")
    _forgetting(writer, total, "after")
    writer.emit(ev.Eval(step=total, moment="after", loss=0.421, n=24, seconds=12))
    writer.emit(ev.Eval(step=total, moment="after", part="test", loss=0.43, n=120, metrics={"accuracy": 0.94}))
    predicted = {"load": 0.4 * GIB, "loss": 2.1 * GIB, "backward": 2.9 * GIB, "step": 1.2 * GIB}
    writer.emit(
        ev.MemoryMeasured(
            moment="run", of="allocated", predicted={name: int(size) for name, size in predicted.items()},
            measured={name: int(size * 0.97) for name, size in predicted.items()},
        )
    )  # fmt: skip
    writer.emit(ev.Finished(outcome="finished", step=total, adapter="adapter", seconds=431.0))
    writer.close()


def _forgetting(writer: EventWriter, step: int, moment: str) -> None:
    general = 0.14 * step / 300
    by = [Message("forgetting.by-divergence", value=general)] if general > 0.1 else []
    writer.emit(
        ev.Forgetting(
            step=step, moment=moment, kl_task=1.6 * step / 300, kl_prompts=0.2, kl_general=general, base_loss=3.02,
            kl_before=0.0, general_loss=3.02 + general, mark="look" if by else "fine",
            task_rows=16, general_rows=12, reasons=by,
        )
    )  # fmt: skip


def _record(run: RunDir, data: str, total: int) -> None:
    weights = "/models/smollm2-135m/model.safetensors"
    files = [
        {"part": part, "source": 0, "path": path, "size": size, "mtime_ns": 1, "sha256": digit * 64, "rows": rows}
        for part, path, size, digit, rows in (
            ("data", data, 88_321, "a", 600), ("model", weights, 269_060_552, "b", None),
        )
    ]  # fmt: skip
    write_atomic(run.origins, json.dumps({"files": files, "accepted": []}))
    run.adapter.mkdir()
    record = {
        "base": {"name_or_path": "smollm2-135m"}, "strategy": "fresh", "step": total, "parents": [],
        "data": [{"path": data, "role": "new", "tokens": 51_204}],
    }  # fmt: skip
    write_atomic(run.adapter / "tunedeck.json", json.dumps(record))


def keep_elsewhere(run: RunDir, evil: str = "") -> None:
    """What general text and an earlier run's rows showed, as the run keeps it."""
    for name, part, said in (
        ("forgetting", "general", "General text is predicted worse: loss +0.140 over 12 texts"),
        ("forgetting-soups", "old", "soups is kept: accuracy -0.5, within 2% of before (40 rows)"),
    ):
        means = [
            Mean(candidate=candidate, metric=metric, value=value, low=value - 0.02, high=value + 0.02, n=12)
            for candidate, shift in ((BASE, 0.0), (TUNED, 0.14))
            for metric, value in (("loss", 3.02 + shift), ("answered", 0.9 - shift))
        ]
        evaluations.keep(
            evaluations.folder(run, name),
            Evaluation(name=name, part=part, n=12, candidates=[BASE, TUNED], metrics=["loss", "answered"], means=means,
                       sentence=Message.literal(said + evil)),
        )  # fmt: skip


def keep_evaluation(run: RunDir, evil: str = "", rows: int = 120) -> Evaluation:
    """An evaluation of a classification as the run itself would keep it, with its answers."""
    chance = random.Random(7)
    labels = [label + evil for label in LABELS]
    skill = {BASE: 0.31, FEW_SHOT: 0.62, TUNED: 0.94}
    answers, counts = [], [[0] * (len(labels) + 1) for _ in labels]
    for row in range(rows):
        wanted = chance.randrange(len(labels))
        prompt = f"Ticket {row}: my parcel is late and nobody answers the phone. What is this about?{evil}"
        for candidate, share in skill.items():
            given = wanted if chance.random() < share else chance.randrange(len(labels) + 1)
            said = [*labels, f"Sure! I think this is about the parcel.{evil}"][given]
            if candidate == TUNED:
                counts[wanted][given] += 1
            answers.append(
                Answer(candidate=candidate, row=row, prompt=prompt, reference=labels[wanted], answer=said,
                       ended=given < len(labels), tokens=4, scores={"accuracy": float(given == wanted)})
            )  # fmt: skip
    where = evaluations.folder(run, evaluations.TRAINING)
    evaluations.keep_answers(where, answers)
    means = []
    for candidate in skill:
        right = [answer.scores["accuracy"] for answer in answers if answer.candidate == candidate]
        share = sum(right) / rows
        for metric, value in (("accuracy", share), ("macro_f1", share - 0.02)):
            means.append(
                Mean(candidate=candidate, metric=metric, value=value, low=max(0.0, value - 0.05),
                     high=min(1.0, value + 0.05), n=rows)
            )  # fmt: skip
    comparisons = [
        Comparison(candidate=TUNED, against=BASE, metric="accuracy", difference=0.625, low=0.53, high=0.72, p=1e-9,
                   adjusted_p=2e-9, test="mcnemar", n=rows, verdict="better"),
        Comparison(candidate=TUNED, against=FEW_SHOT, metric="accuracy", difference=0.03, low=-0.02, high=0.08, p=0.2,
                   adjusted_p=0.4, test="mcnemar", n=rows, verdict="unclear"),
    ]  # fmt: skip
    found = Evaluation(
        name=evaluations.TRAINING, part="test", n=rows, candidates=list(skill), metrics=["accuracy", "macro_f1"],
        reason=Message.literal(f"The answers are 6 classes, so accuracy decides{evil}"), step=300, means=means,
        comparisons=comparisons, confusions=[Confusion(candidate=TUNED, labels=labels, counts=counts)], looked_at=2,
        sentence=Message.literal(VERDICT + evil), notes=[Message.literal(f"2 comparisons, corrected by Holm.{evil}")],
    )  # fmt: skip
    evaluations.keep(where, found)
    return found
