"""The figures as text and JSON, the matrix, and GPUs by size or name."""

from __future__ import annotations

import json
import re

import pytest

from engine.common.errors import MachineError
from engine.machine.gpu_specs import GIB, card_of, gpu_bytes
from engine.memory.budget import elsewhere
from engine.memory.from_config import estimate_run
from engine.memory.history import Calibration
from engine.memory.make_fit import make_fit
from engine.memory.methods import largest_tokens, method_matrix
from engine.memory.report import estimate_json, estimate_text, matrix_json, matrix_text
from engine.models.dims import from_config
from tests.engine.memory.models import LLAMA_3_8B, QWEN3_30B_A3B, SMOLLM2_135M
from tests.engine.memory.runs import setup


@pytest.mark.parametrize(
    ("text", "gib"),
    [
        ("24GiB", 24), ("24", 24), ("24g", 24), ("40 GB", 40e9 / GIB), ("8192MiB", 8), ("T4", 14.6), ("RTX 4090", 23.6),
        ("rtx4090", 23.6), ("A100-80GB", 79.3), ("NVIDIA A100-SXM4-40GB", 39.5), ("H100 80GB", 79.2), ("a10g", 22.1),
        ("NVIDIA GeForce RTX 2080 Ti", 10.8), ("4090", 23.6),
    ],
)  # fmt: skip
def test_a_gpu_is_known_by_size_or_name(text: str, gib: float) -> None:
    assert gpu_bytes(text) / GIB == pytest.approx(gib)


def test_an_unknown_gpu_gets_the_nearest_names() -> None:
    with pytest.raises(MachineError, match="a100"):
        gpu_bytes("a1000")
    for senseless in ("0GiB", "-24GiB"):
        with pytest.raises(MachineError, match="24GiB"):
            gpu_bytes(senseless)


def test_the_table_says_peak_phases_verdict_and_remedies() -> None:
    run = setup(model__quantization="none")
    result = estimate_run(run)
    text = estimate_text(result, 16 * GIB, make_fit(run, 16 * GIB), Calibration(1.01, 0.02, 3))
    assert "Layer weights" in text
    assert "<- peak" in text
    assert "Verdict: does not fit, " in text
    assert "* 4-bit base model (NF4, QLoRA)" in text
    assert "± 2% from 3 runs" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_json_has_the_same_figures_in_bytes() -> None:
    run = setup(model__quantization="nf4")
    result = estimate_run(run)
    values = json.loads(json.dumps(estimate_json(result, 24 * GIB, make_fit(run, 24 * GIB))))
    assert values["needed_bytes"] == round(result.needed_bytes)
    assert values["verdict"]["level"] == "fits"
    assert set(values["phases"]) >= {"load", "loss", "backward", "step", "evaluation", "merge", "save"}
    assert values["phases"][values["peak_phase"]]["bytes"] == values["allocated_bytes"]
    assert values["uncertain"] == []


def test_what_is_assumed_is_said() -> None:
    strange = from_config({"model_type": "brandnew", "hidden_size": 512, "num_hidden_layers": 4,
                           "num_attention_heads": 8, "vocab_size": 1000})  # fmt: skip
    text = estimate_text(estimate_run(setup(strange)), None)
    assert "architecture, intermediate_size" in " ".join(text.split())
    experts = estimate_json(estimate_run(setup(QWEN3_30B_A3B, model__quantization="nf4")), None)
    assert {"code": "memory-report.fused-experts", "args": {}} in experts["uncertain"]


def test_the_matrix_holds_the_largest_micro_batch_that_fits() -> None:
    matrix = method_matrix(LLAMA_3_8B, elsewhere(24 * GIB, "24GiB"), lengths=(1024, 4096))
    cells = matrix.tokens["qlora-4bit-recomputed"]
    assert cells[1024] % 1024 == 0
    assert cells[1024] >= 16_384
    assert matrix.tokens["lora-16bit"][4096] == 0
    run = setup(model__quantization="nf4", train__gradient_checkpointing=True, longest_row=1024, sample__rows=0)
    most = largest_tokens(run, 24 * GIB)
    exact = estimate_run(run.with_settings({"train.micro_batch_tokens": most, "train.batch_size": 10_000}))
    more = estimate_run(run.with_settings({"train.micro_batch_tokens": most + 1024, "train.batch_size": 10_000}))
    assert exact.needed_bytes <= 24 * GIB < more.needed_bytes


def test_the_matrix_prints_in_80_columns() -> None:
    matrix = method_matrix(LLAMA_3_8B, elsewhere(24 * GIB, "24GiB"))
    text = matrix_text(matrix)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "-" in text
    assert json.loads(json.dumps(matrix_json(matrix)))["micro_batch_tokens"]["lora-16bit"]["4096"] == 0


def test_columns_never_touch_however_much_fits() -> None:
    """A small model on a large GPU: millions of tokens, where eight cells were too narrow."""
    for shape, gib in ((SMOLLM2_135M, 140), (SMOLLM2_135M, 20), (LLAMA_3_8B, 178)):
        lines = matrix_text(method_matrix(shape, elsewhere(gib * GIB, "big"))).splitlines()[3:-2]
        cells = [re.split(r"\s{2,}", line.strip()) for line in lines]
        assert {len(row) for row in cells} == {7}
        assert max(len(line) for line in lines) <= 80
        figures = [cell for row in cells[1:] for cell in row[1:]]
        assert all(re.fullmatch(r"-|> 1M|\d{1,3}(,\d{3})*", cell) for cell in figures)
        assert any("> 1M" in line for line in lines) is (shape is SMOLLM2_135M and gib == 140)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("NVIDIA RTX A6000", True), ("NVIDIA RTX 6000 Ada Generation", True), ("NVIDIA H100 80GB HBM3", True),
        ("NVIDIA A100-PCIE-40GB", True), ("Quadro RTX 8000", True), ("NVIDIA GeForce RTX 4080 SUPER", True),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", False), ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", False),
        ("NVIDIA RTX 4000 Ada Generation", False), ("24GiB", False),
    ],
)  # fmt: skip
def test_a_card_is_known_by_the_name_its_driver_gives_it_and_never_taken_for_a_larger_one(
    name: str, known: bool
) -> None:
    assert (card_of(name) is not None) is known
