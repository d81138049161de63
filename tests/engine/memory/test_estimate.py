"""Phases, the peak among them, and laws that any estimate keeps."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.machine.gpu_specs import GIB
from engine.memory.estimate import GROUPS, LABELS, PHASES, estimate
from engine.memory.job import Job, LossKernel, Profile, tunedeck
from engine.memory.report import bar_groups
from tests.engine.memory.models import (
    GEMMA_2_2B,
    LLAMA_3_2_1B,
    LLAMA_3_8B,
    MISTRAL_7B,
    QWEN3_30B_A3B,
    SMOLLM2_135M,
)

OURS = tunedeck()
HF = Profile("whole logits", LossKernel("whole logits", 14, 6))
SHAPES = [LLAMA_3_8B, MISTRAL_7B, SMOLLM2_135M, GEMMA_2_2B, QWEN3_30B_A3B]

jobs = st.builds(
    Job,
    shape=st.sampled_from(SHAPES),
    rows=st.integers(1, 8),
    row_tokens=st.integers(16, 8192),
    method=st.sampled_from(["lora", "dora", "full"]),
    quantization=st.sampled_from(["none", "nf4", "nf4-dq", "int8"]),
    rank=st.integers(1, 256),
    dropout=st.sampled_from([0.0, 0.1]),
    checkpointing=st.sampled_from(["none", "layers", "offload"]),
    attention=st.sampled_from(["flash", "sdpa", "eager"]),
    optimizer=st.sampled_from(["adamw", "adamw_8bit", "paged_adamw_8bit", "sgd"]),
    supervised_share=st.floats(0.01, 1.0),
).map(lambda job: replace(job, quantization="none") if job.is_full else job)


def needed(job: Job, profile: Profile = OURS) -> float:
    return estimate(job, profile).needed_bytes


def test_every_phase_is_there_and_every_term_has_a_label() -> None:
    result = estimate(Job(LLAMA_3_8B, 1, 1024), OURS)
    assert [phase.name for phase in result.phases] == list(PHASES)
    assert {name for phase in result.phases for name in phase.terms} <= LABELS.keys()
    assert {letter for letter, _ in LABELS.values()} == set(GROUPS)


def test_the_peak_is_the_largest_phase_and_the_bar_adds_up_to_it() -> None:
    result = estimate(Job(LLAMA_3_8B, 4, 2048), OURS)
    assert result.allocated_bytes == max(phase.bytes for phase in result.phases)
    assert sum(bar_groups(result.peak).values()) == pytest.approx(result.allocated_bytes)


def test_whole_logits_make_the_loss_the_peak_and_chunks_the_layer() -> None:
    job = Job(LLAMA_3_8B, 4, 2048)
    assert estimate(job, HF).peak.name == "loss"
    assert estimate(job, OURS).peak.name == "backward"


def test_full_fine_tuning_peaks_at_the_optimizer_step() -> None:
    assert estimate(Job(MISTRAL_7B, 1, 512, method="full"), HF).peak.name == "step"


def test_published_runs_are_met() -> None:
    """Mistral-7B, rank 16 on attention, 4 rows of 4,096 on one A100: 26.705 GB live; full fine-tuning 72.43 GB."""
    attention = ("q", "k", "v", "o")
    lora = Job(MISTRAL_7B, 4, 4096, targets=attention, dropout=0.1, attention="flash")
    profile = replace(HF, adapter_input="copy32")
    assert estimate(lora, profile).allocated_bytes == pytest.approx(26.705e9, rel=0.005)
    full = Job(MISTRAL_7B, 8, 4096, method="full", attention="flash")
    assert estimate(full, HF).allocated_bytes == pytest.approx(72.435e9, rel=0.005)


def test_our_loop_is_met_as_tracked_tensor_by_tensor() -> None:
    """Peaks of the real loop's forward and backward pass, tracked over fake tensors (bytes in GiB)."""
    smol = Job(SMOLLM2_135M, 4, 512, supervised_share=0.5, checkpointing="none")
    assert estimate(smol, OURS).allocated_bytes / GIB == pytest.approx(1.625, rel=0.02)
    assert estimate(replace(smol, checkpointing="layers"), OURS).allocated_bytes / GIB == pytest.approx(0.535, rel=0.02)
    llama = Job(LLAMA_3_8B, 2, 2048, supervised_share=0.5)
    assert estimate(llama, OURS).allocated_bytes / GIB == pytest.approx(17.444, rel=0.02)
    gemma = Job(GEMMA_2_2B, 2, 1024, checkpointing="none", attention="eager")
    tracked = estimate(gemma, tunedeck(softcapped=True, fused_norm=False)).allocated_bytes / GIB
    assert tracked == pytest.approx(16.191, rel=0.02)


def test_dropout_and_the_librarys_own_layers_are_met_as_tracked() -> None:
    """The same for dropout, DoRA and tables trained whole in float32 (rank 64, 4 rows of 2,048)."""
    job = Job(LLAMA_3_2_1B, 4, 2048, rank=64, supervised_share=0.5)
    library = tunedeck(lean=False)
    for changes, profile, tracked in (
        ({"dropout": 0.1}, OURS, 4.720), ({"method": "dora"}, library, 5.916), ({"trained_tables": 2}, OURS, 13.076)
    ):  # fmt: skip
        result = estimate(replace(job, **changes), profile)  # type: ignore[arg-type]
        assert result.allocated_bytes / GIB == pytest.approx(tracked, rel=0.02), changes


def test_memory_that_nvidia_smi_shows_is_no_less_than_what_is_live_and_no_more_than_there_is() -> None:
    result = estimate(Job(LLAMA_3_8B, 4, 2048), HF)
    assert result.reserved_bytes() >= result.allocated_bytes
    assert result.shown_bytes(32 * GIB) <= 32 * GIB
    assert result.shown_bytes(None) >= result.shown_bytes(32 * GIB)


def test_paged_states_are_shown_but_not_needed() -> None:
    plain = estimate(Job(LLAMA_3_8B, 1, 512, rank=512, optimizer="adamw_8bit"), OURS)
    paged = estimate(Job(LLAMA_3_8B, 1, 512, rank=512, optimizer="paged_adamw_8bit"), OURS)
    assert paged.needed_bytes < plain.needed_bytes
    assert paged.shown_bytes() == pytest.approx(plain.shown_bytes(), rel=0.05)


@settings(max_examples=60, deadline=None)
@given(jobs, st.integers(1, 4000))
def test_longer_rows_never_need_less(job: Job, more: int) -> None:
    assert needed(replace(job, row_tokens=job.row_tokens + more)) >= needed(job)


@settings(max_examples=60, deadline=None)
@given(jobs)
def test_more_rows_never_need_less(job: Job) -> None:
    assert needed(replace(job, rows=job.rows + 1)) >= needed(job)


@settings(max_examples=60, deadline=None)
@given(jobs)
def test_a_higher_rank_never_needs_less(job: Job) -> None:
    assert needed(replace(job, rank=job.rank * 2)) >= needed(job)


@settings(max_examples=60, deadline=None)
@given(jobs)
def test_smaller_weights_never_need_more(job: Job) -> None:
    # Without a large batch, and int8 keeps inputs that recomputation drops elsewhere.
    lora = replace(job, method="lora", rows=1, row_tokens=64)
    plain, nf4, double = (needed(replace(lora, quantization=kind)) for kind in ("none", "nf4", "nf4-dq"))
    assert double <= nf4 <= plain


@settings(max_examples=60, deadline=None)
@given(jobs, st.sampled_from(["fsdp", "zero3"]))
def test_more_gpus_never_need_more_on_each(job: Job, sharding: str) -> None:
    two = replace(job, gpus=2, sharding=sharding)  # type: ignore[arg-type]
    assert needed(replace(two, gpus=8)) <= needed(two)


@settings(max_examples=60, deadline=None)
@given(jobs)
def test_an_estimate_has_no_negative_or_missing_part(job: Job) -> None:
    result = estimate(job, OURS)
    assert all(size >= 0 for phase in result.phases for size in phase.terms.values())
    assert result.needed_bytes > result.allocated_bytes > 0


def test_the_time_of_an_estimate_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    job = Job(LLAMA_3_8B, 4, 2048, quantization="nf4")
    start = time.perf_counter()
    for _ in range(200):
        needed(job)
    with capsys.disabled():
        print(f"\none estimate takes {(time.perf_counter() - start) * 5:.3f} ms")
