"""Running out of memory is told from other errors, and a step goes on in smaller pieces: with real refusals."""

from __future__ import annotations

import errno
import gc
import json
import os
import subprocess
import sys
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from engine.messages.message import Message
from engine.modeling import out_of_memory
from engine.modeling.out_of_memory import MemoryGuard, is_out_of_memory
from engine.runs import events as ev

CPU = torch.device("cpu")
REFUSED = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 8589934592 bytes. Error code 12 (Cannot allocate memory)"
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (MemoryError(), True),
        (RuntimeError(REFUSED), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("std::bad_alloc"), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_only_want_of_memory_counts_as_such(error: BaseException, expected: bool) -> None:
    assert is_out_of_memory(error) is expected
    assert (MemoryGuard(CPU, lambda event: None).shortage(error) is not None) is expected


def test_a_real_refusal_of_the_allocator_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    shortage = MemoryGuard(CPU, lambda event: None, phase="loss").shortage(caught.value)
    assert shortage is not None
    assert (shortage.cause, shortage.phase) == (Message("events.memory-asked", bytes=1 << 60), "loss")
    assert 0 < shortage.free_bytes < shortage.total_bytes  # type: ignore[operator]


class Remembers(torch.autograd.Function):
    """Keeps something in the graph until its backward pass, which ``Refused`` never lets it have."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, kept: Any) -> torch.Tensor:
        ctx.kept = kept
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[Any, None]:
        return grads[0], None


class Refused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_what_a_backward_pass_left_behind_is_given_back() -> None:
    """On the CPU the rest of its graph stays in a queue, with all that it holds, until another pass has run."""

    class Large:
        """Stands for saved tensors."""

    def fail() -> weakref.ref[Large]:
        kept = Large()
        x = torch.ones(2, requires_grad=True)
        remembers: Any = Remembers.apply(x, kept)  # type: ignore[no-untyped-call]
        with suppress(torch.OutOfMemoryError):
            (remembers + Refused.apply(x)).sum().backward()  # type: ignore[no-untyped-call]
        return weakref.ref(kept)

    held = fail()
    gc.collect()
    assert held() is not None, "torch has mended it: the extra pass is needed no more"
    with torch.no_grad():
        out_of_memory.give_back(CPU)
    assert held() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc's heap can be told to")
def test_what_the_heap_kept_of_freed_tensors_is_given_back() -> None:
    freed = [torch.ones(16_000) for _ in range(3000)]
    holds_the_end = torch.ones(16_000)
    del freed
    before = psutil.Process().memory_info().rss
    out_of_memory.free_cached()
    assert psutil.Process().memory_info().rss < before - 100_000_000
    assert holds_the_end.sum() == 16_000


def test_the_end_names_what_would_help_and_who_else_is_on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [ev.ProcessUse(pid=77, user="ann", program="python", memory=11 << 30)]
    monkeypatch.setattr(out_of_memory, "_figures", lambda device: (1, 2, 3))
    monkeypatch.setattr(out_of_memory, "_others", lambda: others)
    said: list[Any] = []
    remedies = ["Recompute layers: saves 7.1 GiB", "NF4: saves 4.0 GiB", "Rank 8: saves 0.2 GiB", "a fourth"]
    guard = MemoryGuard(torch.device("cuda", 0), said.append, lambda: remedies, phase="backward")
    guard.step = 7
    shortage = guard.shortage(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"))
    assert shortage is not None
    error = guard.ends(shortage)
    assert error.title == "Out of memory in the backward pass of a layer"
    assert error.reason.args["cause"] == Message("events.memory-asked", bytes=2 << 30)
    assert "saves 7.1 GiB, NF4: saves 4.0 GiB, Rank 8" in error.hint
    assert "a fourth" not in error.hint
    (event,) = said
    assert (event.step, event.phase, event.retry_tokens, event.others) == (7, "backward", None, others)
    assert (event.allocated_bytes, event.free_bytes, event.total_bytes) == (1, 2, 3)


@pytest.fixture(scope="module")
def long_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 rows of about 450 tokens: all at once they take some 300 MiB of the tiny model, one of them some 12."""
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    rows = [{"prompt": f"{i} tea to Oslo, " * (52 - i % 3), "completion": f"table {i}"} for i in range(24)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def stories(tiny: Path, long_rows: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """How trainings went on a system that began to refuse memory at some moment."""
    if sys.platform != "linux":
        pytest.skip("only Linux limits private memory")
    cases = ["none:0", "rehearsal:150", "train:150", "rehearsal:4", "load:0"]
    command = [sys.executable, "-m", "tests.engine.training.little_memory", str(tiny), str(long_rows), *cases]
    home = {"TUNEDECK_HOME": str(tmp_path_factory.mktemp("home")), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | home)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(told) == len(cases), done.stderr[-3000:]
    return dict(zip(cases, told, strict=True))


def test_what_does_not_fit_is_found_before_the_first_step_and_cut_smaller(stories: dict[str, Any]) -> None:
    plenty, scarce = stories["none:0"], stories["rehearsal:150"]
    assert plenty["shortages"] == []
    phase, step, tokens = scarce["shortages"][0]
    assert (phase, step) == ("loss", None)
    assert 0 < tokens < 24 * 450
    assert scarce["ended"] is None
    assert scarce["losses"] == pytest.approx(plenty["losses"], abs=1e-5)


def test_memory_that_others_take_later_costs_time_and_changes_nothing(stories: dict[str, Any]) -> None:
    plenty, scarce = stories["none:0"], stories["train:150"]
    assert scarce["shortages"][0][:2] == ["loss", 1]
    assert all(tokens for _, _, tokens in scarce["shortages"])
    assert scarce["ended"] is None
    assert scarce["losses"] == pytest.approx(plenty["losses"], abs=1e-5)


def test_with_no_memory_for_one_row_it_ends_and_says_so(stories: dict[str, Any]) -> None:
    found = stories["rehearsal:4"]
    assert found["losses"] == []
    assert found["ended"][0] == "Out of memory with a single row"
    assert "Gradient checkpointing" in found["ended"][2]
    assert found["shortages"][-1][2] is None


def test_with_no_memory_for_the_weights_it_ends_before_anything_is_trained(stories: dict[str, Any]) -> None:
    found = stories["load:0"]
    assert found["shortages"] == [["load", None, None]]
    assert found["ended"][0] == "The model does not fit into the RAM"
    assert "nf4" in found["ended"][2]
