"""Steps whose gradient overflows float16, or that memory runs out in, are taken whole; what they cost is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from engine.config.schema import RunConfig
from engine.data.mixing.mix import Shuffle
from engine.messages.message import Message
from engine.modeling.batches import StepPlan
from engine.modeling.kernels import lora_kernel
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.kernels.trained_copies import keep_in_float32
from engine.runs import events as ev
from engine.tokens.examples import Example
from engine.training.checkpoint import TrainerState
from engine.training.loop import NotFinite
from tests.engine.training.bare_loop import bare_loop

ROWS, BATCH = 24, 4


def net_of(dtype: torch.dtype, **lora: Any) -> SupervisedLoss:
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        vocab_size=64, initializer_range=0.08, attn_implementation="sdpa",
    )  # fmt: skip
    base = LlamaForCausalLM(config).to(dtype).requires_grad_(False)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear", **lora))
    lora_kernel.install(model)
    keep_in_float32(model)
    return SupervisedLoss(model)


class Looped:
    """A loop over random rows. ``scale`` is that of the gradient in float16, None for a loop without one."""

    def __init__(
        self, dtype: torch.dtype = torch.float32, scale: float | None = None, steps: int = 4, **lora: Any
    ) -> None:
        Accelerator(cpu=True)  # its optimizer asks for the state that this leaves
        self.net = net_of(dtype, **lora)
        self.said: list[ev.Event] = []
        self.scaler = None if scale is None else torch.amp.GradScaler("cpu", init_scale=scale)
        parameters = [parameter for parameter in self.net.parameters() if parameter.requires_grad]
        inner = torch.optim.AdamW(parameters, lr=1e-3, fused=True)
        optimizer = AcceleratedOptimizer(inner, scaler=self.scaler)  # type: ignore[no-untyped-call]

        def clip(parameters: Any, most: float) -> torch.Tensor:
            if self.scaler is not None:
                self.scaler.unscale_(inner)
            return torch.nn.utils.clip_grad_norm_(parameters, most)

        def backward(loss: torch.Tensor) -> None:
            (loss if self.scaler is None else self.scaler.scale(loss)).backward()

        accelerator: Any = SimpleNamespace(
            device=torch.device("cpu"), scaler=self.scaler, no_sync=lambda net: nullcontext(), backward=backward,
            clip_grad_norm_=clip,
        )  # fmt: skip
        config = RunConfig.model_validate(
            {
                "model": {"name_or_path": "m"}, "data": [{"path": "d"}], "dataset": {"packing": False},
                "train": {"batch_size": BATCH, "max_steps": steps, "warmup_ratio": 0.0},
                "checkpoint": {"every": 999}, "eval": {"every": 999},
            }
        )  # fmt: skip
        draw = np.random.default_rng(0)
        examples = []
        for index in range(ROWS):
            ids = draw.integers(0, 64, int(draw.integers(8, 24))).astype(np.int32)
            examples.append(Example(ids, ids.copy(), index % 2, index))
        built = SimpleNamespace(net=self.net, optimizer=optimizer, accelerator=accelerator)
        plan = StepPlan(Shuffle(ROWS, 0), BATCH, 1.0, steps)
        self.loop = bare_loop(config, plan, examples, built, 64, self.said.append, "ab")

    def run(self, state: TrainerState | None = None) -> list[Any]:
        self.state = self.loop.run(state or TrainerState(0)).state
        return self.of(ev.Step)

    def of(self, kind: type[ev.Event]) -> list[Any]:
        return [event for event in self.said if isinstance(event, kind)]


def test_a_step_that_overflows_float16_is_repeated_until_it_is_taken() -> None:
    """With such a scale the first gradient can't be held in 16 bit; no row is lost, and no step counts for nothing."""
    modest, high = Looped(torch.float16, 2.0**10), Looped(torch.float16, 2.0**30)
    expected, steps = modest.run(), high.run()
    assert high.scaler is not None
    assert high.scaler.get_scale() < 2.0**30, "it never overflowed"
    assert [step.step for step in steps] == [1, 2, 3, 4]
    assert [step.loss for step in steps] == pytest.approx([step.loss for step in expected], rel=2e-3)
    assert [step.grad_norm for step in steps] == pytest.approx([step.grad_norm for step in expected], rel=2e-2)
    assert [step.num_tokens for step in steps] == [step.num_tokens for step in expected]
    (said,) = high.of(ev.Warn)
    assert said.step == 1
    assert said.message.code == "events.overflow"
    assert modest.of(ev.Warn) == []


def test_a_gradient_that_no_scale_helps_ends_the_run() -> None:
    looped = Looped(torch.float16, 2.0**6)

    def poison(grad: torch.Tensor) -> torch.Tensor:
        return torch.full_like(grad, float("nan"))

    next(p for p in looped.net.parameters() if p.requires_grad).register_hook(poison)
    with pytest.raises(NotFinite, match="gradient is not a number"):
        looped.run()


@pytest.mark.parametrize("lora", [{"modules_to_save": ["lm_head"]}, {"trainable_token_indices": [1, 2, 3]}])
def test_weights_trained_whole_take_part_in_float16(lora: dict[str, Any]) -> None:
    """A loss scaler refuses gradients in 16 bit: such a run ended at its first step."""
    whole, reference = Looped(torch.float16, 2.0**8, **lora), Looped(torch.float32, **lora)
    found, expected = whole.run(), reference.run()
    assert [step.loss for step in found] == pytest.approx([step.loss for step in expected], rel=5e-3)
    assert [step.grad_norm for step in found] == pytest.approx([step.grad_norm for step in expected], rel=5e-2)


def failing(looped: Looped, when: Callable[[int, int], bool]) -> None:
    """Memory runs out in micro-batches of so many tokens in a step, where ``when`` says so."""
    own = looped.net.forward

    def forward(ids: torch.Tensor, *rest: Any) -> Any:
        if when(len(looped.of(ev.Step)) + 1, ids.numel()):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return own(ids, *rest)

    looped.net.forward = forward  # type: ignore[method-assign]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.loop._RETRY", 3)


def test_after_memory_ran_out_on_a_gpu_larger_micro_batches_are_tried_again_later(soon: None) -> None:
    """Somebody took memory in steps 2 to 5 and has left by step 10: the last steps are as large as the first."""
    looped = Looped(steps=12)
    looped.loop.tries_larger = True
    failing(looped, lambda step, tokens: 2 <= step <= 5 and tokens > 32)
    steps = looped.run()
    assert [short.step for short in looped.of(ev.OutOfMemory)] == [2, 5]
    assert [warned.step for warned in looped.of(ev.Warn)] == [5, 10]
    assert looped.of(ev.Warn)[0].message == Message("events.larger-again", tokens=64, step=2)
    assert looped.loop.budget == 64
    plain = Looped(steps=12).run()
    assert [step.loss for step in steps] == pytest.approx([step.loss for step in plain], abs=1e-5)


def test_a_resumed_run_tries_again_when_the_straight_one_does(soon: None) -> None:
    first = Looped(steps=3)
    first.loop.tries_larger = True
    failing(first, lambda step, tokens: step == 2 and tokens > 32)
    first.run()
    assert (first.state.larger_tokens, first.state.short_at) == (64, 2)
    second = Looped(steps=8)
    second.loop.tries_larger = True
    second.run(first.state)
    assert [warned.step for warned in second.of(ev.Warn)] == [5]
    assert second.loop.budget == 64


def test_in_ram_nothing_larger_is_tried(soon: None) -> None:
    looped = Looped(steps=12)
    failing(looped, lambda step, tokens: step == 2 and tokens > 32)
    looped.run()
    assert looped.loop.budget < 64
    assert looped.of(ev.Warn) == []


def test_losses_by_source_are_those_of_each_row() -> None:
    """They are read once a step, from all micro-batches together, and belong to the right source."""
    looped = Looped(steps=1)
    told: dict[int, list[float]] = {0: [], 1: []}
    rows = [looped.loop.examples[i] for i in looped.loop.plan.rows(1)]
    with torch.no_grad():
        for row in rows:
            ids = torch.from_numpy(row.ids.astype(np.int64))[None]
            _, losses = looped.net(ids, torch.arange(len(row.ids) - 1), ids[0, 1:])
            told[row.source] += losses.tolist()
    (step,) = looped.run()
    expected = {name: float(np.mean(told[source])) for source, name in enumerate("ab") if told[source]}
    assert step.loss_by_source == pytest.approx(expected, rel=1e-5)
