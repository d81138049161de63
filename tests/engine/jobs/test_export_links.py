"""A failed proof names the link that broke: a file for each, broken in that link and in no other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM

from engine.app.evaluate import run_request
from engine.app.export import export, plan_export
from engine.app.export_proof import faults, proof_request
from engine.evaluation.row_losses import RowLoss
from engine.jobs.export_links import Anew, broken_links
from engine.messages.message import Message
from engine.metrics.result import Comparison
from engine.runs.directory import RunDir
from engine.runs.evaluations import TUNED, Answer, Evaluation
from engine.runs.exports import Export
from tests.engine.export.gguf.families import make
from tests.engine.jobs.test_export_proof import TEMPLATE
from tests.engine.training.making import train, values

pytestmark = pytest.mark.usefixtures("module_warm")

ROWS = 24


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, module_warm: None) -> Iterator[RunDir]:
    """A run that has learnt one answer by heart, so that its answers end and cost little."""
    folder = tmp_path_factory.mktemp("links")
    base = make("Llama", folder / "llama")
    (base / "chat_template.jinja").write_text(TEMPLATE)
    rows = folder / "orders.jsonl"
    asked = [{"prompt": f"the {n} green tea in Lima", "completion": "{}"} for n in range(ROWS)]
    rows.write_text("".join(json.dumps(row) + "\n" for row in asked))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEDECK_HOME", str(folder / "home"))
        settings = values(
            base, rows, dataset={"max_length": 128, "eval_rows": 3, "test_rows": 6},
            train={"max_steps": 60, "learning_rate": 1e-2}, adapter={"r": 8, "lora_alpha": 16},
            eval={"max_new_tokens": 12, "baseline": "none"},
        )  # fmt: skip
        yield train(settings).run


@pytest.fixture(scope="module")
def made(run: RunDir, tmp_path_factory: pytest.TempPathFactory) -> Export:
    return export(plan_export(str(run.path), "gguf", ["f32", "q8_0"], tmp_path_factory.mktemp("out") / "gguf"))


@pytest.fixture
def copy(made: Export, tmp_path: Path) -> Export:
    """The exported files, to be broken."""
    import msgspec

    shutil.copytree(made.path, tmp_path / "gguf")
    return msgspec.structs.replace(made, path=str(tmp_path / "gguf"))


def proved(run: RunDir, made: Export, kind: str) -> Evaluation:
    import msgspec

    asked = proof_request(made, run)
    assert asked is not None
    only = {name: file for name, file in asked.files.items() if name == kind}
    return run_request(msgspec.structs.replace(asked, files=only), lambda *progress: None)


def file_of(made: Export, kind: str) -> Path:
    return next(Path(made.path) / name for name in made.files if name.endswith(f"-{kind}.gguf"))


def weights(file: Path, name: str) -> np.ndarray:
    return next(each.data for each in GGUFReader(file, "r+").tensors if each.name == name)


def told(found: Evaluation) -> list[str]:
    return [note.code for note in faults(found)]


def test_a_right_file_breaks_nowhere_and_tells_what_it_costs(run: RunDir, made: Export) -> None:
    found = proved(run, made, "q8_0")
    assert faults(found) == []
    ours, theirs = found.mean(TUNED, "perplexity"), found.mean("q8_0", "perplexity")
    assert ours is not None
    assert theirs is not None
    assert theirs.value == pytest.approx(ours.value, rel=0.02)
    assert ours.value < 3, "the answer was learnt, as far as a head of small weights lets it"
    assert {cost.candidate for cost in found.costs} == {TUNED, "q8_0"}
    sizes = {cost.candidate: cost.size_bytes for cost in found.costs}
    assert sizes["q8_0"] == file_of(made, "q8_0").stat().st_size
    assert all(cost.tokens_per_second for cost in found.costs)


def test_another_template_is_the_broken_link(run: RunDir, copy: Export) -> None:
    file = file_of(copy, "q8_0")
    content = file.read_bytes()
    assert content.count(b"assistant: ") >= 2
    file.write_bytes(content.replace(b"assistant: ", b"assistent: "))
    (fault,) = faults(proved(run, copy, "q8_0"))
    assert (fault.code, fault.args["fault"].code) == ("proof.fault", "proof.other-template")


def test_another_stop_token_is_the_broken_link(run: RunDir, copy: Export) -> None:
    file = file_of(copy, "q8_0")
    content = file.read_bytes()
    file.write_bytes(content.replace(b"</s>", b"</x>"))  # llama.cpp knows the usual ones by their text
    reader = GGUFReader(file, "r+")
    field = reader.fields["tokenizer.ggml.eos_token_id"]
    field.parts[field.data[0]][0] = 5
    del reader
    assert told(proved(run, copy, "q8_0")) == ["proof.endless"]


def test_other_weights_are_the_broken_link(run: RunDir, copy: Export) -> None:
    weights(file_of(copy, "f32"), "blk.1.ffn_down.weight")[:] = 0
    assert told(proved(run, copy, "f32")) == ["proof.weights"]


def test_what_the_hint_says_mends_broken_weights(run: RunDir, copy: Export) -> None:
    weights(file_of(copy, "f32"), "blk.1.ffn_down.weight")[:] = 0
    assert told(proved(run, copy, "f32")) == ["proof.weights"]
    file_of(copy, "f32").unlink()
    again = export(plan_export(str(run.path), "gguf", ["f32"], Path(copy.path)))
    assert told(proved(run, again, "f32")) == []


# What its training changes is less than a step between numbers of bfloat16, but large logits make much of it.
LOUD, GENTLE = 4.0, 1e-4


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDir:
    """A run whose adapter is too small for its base's own 16 bits."""
    base = make("Llama", tmp_path / "small")
    (base / "chat_template.jinja").write_text(TEMPLATE)
    model = AutoModelForCausalLM.from_pretrained(base)
    model.model.norm.weight.data *= LOUD
    model.to(torch.bfloat16).save_pretrained(base)
    rows = tmp_path / "orders.jsonl"
    asked = [{"prompt": f"the {n} green tea in Lima", "completion": "{}"} for n in range(ROWS)]
    rows.write_text("".join(json.dumps(row) + "\n" for row in asked))
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    settings = values(
        base, rows, model={"dtype": "bfloat16"}, dataset={"max_length": 128, "eval_rows": 3, "test_rows": 6},
        train={"max_steps": 12, "learning_rate": GENTLE}, adapter={"r": 8, "lora_alpha": 16},
        eval={"max_new_tokens": 4, "baseline": "none"},
    )  # fmt: skip
    return train(settings).run


def test_an_adapter_that_16_bits_round_away_is_told_and_the_hint_keeps_it(small: RunDir, tmp_path: Path) -> None:
    merged = export(plan_export(str(small.path), "merged", out=tmp_path / "merged"))
    asked = proof_request(merged, small)
    assert asked is not None
    (fault,) = faults(run_request(asked, lambda *progress: None))
    assert fault.code == "proof.rounding"
    whole = export(plan_export(str(small.path), "gguf", ["f32"], tmp_path / "gguf"))
    assert told(proved(small, whole, "f32")) == []


def test_a_file_that_lost_too_much_in_fewer_bits_breaks_by_quantization(run: RunDir, copy: Export) -> None:
    blocks = weights(file_of(copy, "q8_0"), "blk.1.ffn_down.weight")
    blocks[..., 2:] = 0  # a block is its scale in two bytes and 32 weights in eight bits
    del blocks
    assert told(proved(run, copy, "q8_0")) == ["proof.quantization"]


NOTHING = Anew(lambda kind: None, lambda name: False)


def losses(nats: float) -> dict[int, RowLoss]:
    return {row: RowLoss(nats * 10, 10, 40) for row in range(8)}


def answers(ended: bool = True) -> list[Answer]:
    return [Answer(candidate="x", row=row, prompt="", reference="", answer="", ended=ended) for row in range(8)]


def evaluation(worse: str = "", notes: list[Message] | None = None) -> Evaluation:
    compared = Comparison(
        candidate=TUNED, against=worse, metric="accuracy", difference=0.4, low=0.3, high=0.5, p=0.001, adjusted_p=0.001,
        test="mcnemar", n=8, verdict="better",
    )  # fmt: skip
    return Evaluation(
        name="export-x", part="test", n=8, candidates=[TUNED], metrics=["accuracy"],
        comparisons=[compared] if worse else [], notes=notes or [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "nats", "fresh", "worse", "code"),
    [
        ("q8_0", 0.5, 0.2, False, []),
        ("q4_k_m", 0.65, 0.5, False, []),
        ("q4_k_m", 0.9, 0.51, False, ["proof.quantization"]),
        ("q4_k_m", 0.9, 0.8, False, ["proof.weights"]),
        ("q4_k_m", 0.6, 0.8, True, ["proof.quantization"]),
        ("merged", 0.6, 0.5, False, ["proof.weights"]),
        ("merged", 0.5, 0.5, True, ["proof.unexplained"]),
        ("gguf-lora", 1.5, 0.5, True, ["proof.weights"]),
        ("f32", 0.6, 0.6, False, ["proof.weights"]),
        ("f16", 0.6, 0.5, False, ["proof.weights"]),
        ("bf16", 0.6, 0.6, False, ["proof.rounding"]),
    ],
)
def test_the_loss_tells_weights_from_quantization(
    name: str, nats: float, fresh: float, worse: bool, code: list[str]
) -> None:
    said = broken_links(
        evaluation(name if worse else ""), {TUNED: answers(), name: answers()},
        {TUNED: losses(0.5), name: losses(nats)}, False, Anew(lambda kind: fresh, lambda name: False),
    )  # fmt: skip
    assert [note.code for note in said] == code


@pytest.mark.parametrize(
    ("nats", "effect", "holds", "code"),
    [
        (0.6, 0.4, True, ["proof.rounding"]),
        (0.6, None, True, ["proof.rounding"]),
        (0.6, 0.4, False, ["proof.weights"]),
        (0.509, 0.012, True, ["proof.rounding"]),
        (0.509, 0.012, False, ["proof.weights"]),
        (0.509, 0.4, True, []),
        (0.509, None, True, []),
        (0.501, 0.001, True, []),
    ],
)
def test_of_a_merged_model_rounding_is_told_from_weights_and_against_what_the_adapter_changes(
    nats: float, effect: float | None, holds: bool, code: list[str]
) -> None:
    given, measured = {TUNED: answers(), "merged": answers()}, {TUNED: losses(0.5), "merged": losses(nats)}
    anew = Anew(lambda kind: None, lambda name: holds)
    assert [note.code for note in broken_links(evaluation(), given, measured, False, anew, effect)] == code


def test_a_base_that_was_in_four_bits_may_cost_what_that_changes() -> None:
    given, measured = {TUNED: answers(), "merged": answers()}, {TUNED: losses(0.5), "merged": losses(0.6)}
    assert broken_links(evaluation(), given, measured, True, NOTHING) == []
    assert broken_links(evaluation(), given, measured, False, NOTHING)
    measured["merged"] = losses(0.9)
    (note,) = broken_links(evaluation(), given, measured, True, Anew(lambda kind: None, lambda name: True))
    assert note.code == "proof.other-base"


def test_a_program_that_answers_worse_with_the_same_files_is_named() -> None:
    given = {TUNED: answers(), "ollama": answers()}
    said = broken_links(evaluation("ollama"), given, {TUNED: losses(0.5)}, False, NOTHING)
    assert [note.code for note in said] == ["proof.unexplained"]
    template = [Message("proof.fault", name="ollama", fault=Message("proof.other-count", row=1, ours=3, theirs=4))]
    assert broken_links(evaluation("ollama", template), given, {TUNED: losses(0.5)}, False, NOTHING) == []
    endless = {TUNED: answers(), "ollama": answers(ended=False)}
    said = broken_links(evaluation("ollama"), endless, {TUNED: losses(0.5)}, False, NOTHING)
    assert [note.code for note in said] == ["proof.endless"]
