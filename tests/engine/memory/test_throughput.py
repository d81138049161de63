"""How fast a run will be: what was measured here counts most, and what is only computed is called rough."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.machine.cpu_specs import BF16_CORE_FLOPS, CORE_FLOPS, Cpu, core_flops
from engine.machine.gpu_specs import CARDS
from engine.memory import throughput
from engine.memory.job import Job, tunedeck
from engine.memory.speed import flops_per_token, on_card, seconds_per_token
from engine.messages.message import Message
from tests.engine.memory.models import LLAMA_3_8B, QWEN3_30B_A3B, SMOLLM2_135M

LORA = Job(SMOLLM2_135M, rows=4, row_tokens=256, checkpointing="none")
QLORA = replace(LORA, quantization="nf4-dq")
OURS = tunedeck()
CARD = "NVIDIA A100-SXM4-80GB"


def measured(job: Job, rate: float, kind: throughput.Kind = "run", device: str = CARD) -> None:
    throughput.record(job.shape.name, throughput.method_of(job), device, rate, job.tokens, kind)


@pytest.mark.usefixtures("home")
class TestHistory:
    def test_runs_of_the_same_model_and_method_count_first(self) -> None:
        for rate in (510, 530, 900):
            measured(LORA, rate)
        measured(QLORA, 100)
        measured(LORA, 50, "probe")
        found = throughput.expected(LORA, OURS, CARD, throughput.read())
        assert found == throughput.Expected(530, Message("memory.pace-run", runs=3))

    def test_a_probe_counts_where_there_was_no_run(self) -> None:
        measured(LORA, 50, "probe")
        measured(QLORA, 100)
        assert throughput.expected(LORA, OURS, CARD, throughput.read()) == throughput.Expected(
            50, Message("memory.pace-probe"), "probe"
        )

    def test_another_method_of_the_model_is_scaled_by_the_work_each_takes(self) -> None:
        measured(QLORA, 100)
        found = throughput.expected(LORA, OURS, CARD, throughput.read())
        assert found is not None
        assert found.tokens_per_second == pytest.approx(
            100 * seconds_per_token(QLORA, OURS, CARD) / seconds_per_token(LORA, OURS, CARD)
        )
        assert found.origin == Message("memory.pace-other-method", runs=1)

    def test_larger_pieces_are_faster_on_a_gpu_and_not_on_the_cpu(self) -> None:
        for device in (CARD, "CPU, 2 threads"):
            measured(LORA, 100, device=device)
        large = replace(LORA, rows=64)
        on_gpu, on_cpu = (throughput.expected(large, OURS, device, throughput.read()) for device in (CARD, "RAM"))
        assert on_gpu is not None
        assert on_gpu.tokens_per_second > 110
        assert on_cpu == throughput.Expected(100, Message("memory.pace-run", runs=1))

    def test_other_devices_and_models_do_not_count(self) -> None:
        measured(LORA, 100, device="Tesla T4")
        measured(replace(LORA, shape=LLAMA_3_8B), 100)
        found = throughput.expected(LORA, OURS, CARD, throughput.read())
        assert found is not None
        assert found.origin == Message("memory.pace-gpu")

    @pytest.mark.parametrize(
        "damage",
        [b"\xff\x00garbage\n", b"{}\n", b'{"model": 1}\n[]\nnull\n', b'{"model": "m", "method"', b"[" * 50_000],
    )
    def test_a_damaged_history_hurts_nobody(self, damage: bytes) -> None:
        measured(LORA, 100)
        with throughput.history_file().open("ab") as file:
            file.write(damage + b"\n")
        measured(LORA, 200)
        assert [seen.tokens_per_second for seen in throughput.read()] == [100, 200]

    @pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
    def test_senseless_rates_are_not_kept(self, rate: float) -> None:
        measured(LORA, rate)
        assert throughput.read() == []

    def test_a_history_that_cannot_be_written_is_no_error(self, home: Path) -> None:
        home.write_text("a file where the folder should be")
        measured(LORA, 100)
        assert throughput.read() == []


@pytest.mark.parametrize(
    ("flags", "measured"),
    [("flags\t: fpu avx2 avx512f", 200), ("flags\t: fpu avx2 avx512f avx512_bf16", 799), ("Features\t: fp bf16", 799)],
)
def test_from_the_work_alone_the_pace_on_a_cpu_is_right_within_a_factor_of_two(
    tmp_path: Path, flags: str, measured: float
) -> None:
    """A 135M model on two cores: what was measured on a CPU without instructions for bfloat16, and on one with them."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{flags}\nprocessor\t: 1\n{flags}\n")
    on_cpu = throughput.expected(LORA, OURS, "CPU", cpu=Cpu(2, core_flops(cpuinfo)))
    assert on_cpu is not None
    assert measured / 2 < on_cpu.tokens_per_second < measured * 2
    assert on_cpu.rough


def test_instructions_for_bfloat16_help_nothing_in_float32() -> None:
    plain, quick = Cpu(2), Cpu(2, BF16_CORE_FLOPS)
    whole = tunedeck(full_precision=True)
    assert seconds_per_token(LORA, whole, "CPU", quick) == seconds_per_token(LORA, whole, "CPU", plain)
    assert seconds_per_token(LORA, OURS, "CPU", quick) < seconds_per_token(LORA, OURS, "CPU", plain) / 3


def test_a_cpu_that_does_not_tell_counts_as_a_plain_one(tmp_path: Path) -> None:
    assert core_flops(tmp_path / "nowhere") == CORE_FLOPS


@pytest.mark.parametrize(
    ("job", "card", "rough"),
    [
        (Job(LLAMA_3_8B, rows=4, row_tokens=2048), CARD, False),
        (Job(LLAMA_3_8B, rows=4, row_tokens=2048, quantization="nf4-dq"), "NVIDIA GeForce RTX 4090", False),
        (Job(LLAMA_3_8B, rows=4, row_tokens=2048, quantization="int8"), CARD, True),
        (Job(LLAMA_3_8B, rows=4, row_tokens=2048, method="dora"), CARD, True),
        (Job(LLAMA_3_8B, rows=4, row_tokens=2048), "Tesla T4", True),
        (LORA, CARD, True),
        (Job(QWEN3_30B_A3B, rows=4, row_tokens=2048), CARD, True),
    ],
)
def test_rough_is_said_only_where_nothing_near_was_measured_or_published(job: Job, card: str, rough: bool) -> None:
    found = throughput.expected(job, OURS, card)
    assert found is not None
    assert found.rough is rough
    pace_here = throughput.Pace(job.shape.name, throughput.method_of(job), card, 1000, job.tokens)
    measured_here = throughput.expected(job, OURS, card, [pace_here])
    assert measured_here is not None
    assert not measured_here.rough


def test_a_small_model_waits_for_the_host_unless_many_tokens_go_through_at_once() -> None:
    """A kernel takes some microseconds to start, however little it computes: 27 ms a micro-batch for 30 layers."""
    rates = [
        tokens / on_card(replace(LORA, rows=tokens // 256), OURS, CARDS["h100"]) for tokens in (1024, 2048, 8192, 16384)
    ]
    assert rates[1] / rates[0] > 1.8
    assert 1.1 < rates[3] / rates[2] < 1.5


@pytest.mark.parametrize(
    "change",
    [{"checkpointing": "layers"}, {"attention": "math"}, {"attention": "eager"}, {"dropout": 0.05}, {"method": "dora"},
     {"quantization": "nf4-dq"}, {"quantization": "int8"}, {"rank": 256}],
)  # fmt: skip
def test_whatever_computes_or_moves_more_is_slower(change: dict[str, Any]) -> None:
    plain = Job(LLAMA_3_8B, rows=1, row_tokens=2048, checkpointing="none")
    assert on_card(replace(plain, **change), OURS, CARDS["4090"]) > 1.01 * on_card(plain, OURS, CARDS["4090"])


def test_of_experts_only_those_that_a_token_visits_count() -> None:
    experts = Job(QWEN3_30B_A3B, rows=1, row_tokens=1024, checkpointing="none")
    assert flops_per_token(experts) < 0.2 * 2 * 2 * QWEN3_30B_A3B.parameters


def test_of_an_unknown_card_nothing_is_claimed() -> None:
    assert throughput.expected(LORA, OURS, "Card of Tomorrow") is None
    assert throughput.expected(LORA, OURS, "24GiB") is None
