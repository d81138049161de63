"""Liger's kernels stay on a model only if they compute what it computed before, and are never taken in silence.

Its kernels need a GPU, so others stand in for them: what is proved is how they are put on, tried and taken off.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import MethodType, ModuleType
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import AutoModelForCausalLM
from transformers.models.llama import modeling_llama

from engine.common.errors import ConfigError, MachineError
from engine.config.schema import RunConfig, TrainSection
from engine.distributed.device import Placement
from engine.modeling.kernels import fused_norm, liger, lora_kernel
from engine.modeling.kernels.loss import hidden_states
from engine.modeling.out_of_memory import MemoryGuard
from engine.models.card import read_card
from engine.runs import events as ev
from engine.runs.steering import Steering
from engine.tokens.tokenizer import load_words
from engine.training.prepare import build
from tests.engine.training.making import train, values

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
IDS = torch.arange(20).view(2, 10)
own_rope = modeling_llama.apply_rotary_pos_emb


def model_of(tiny: Path) -> Any:
    base = AutoModelForCausalLM.from_pretrained(tiny).requires_grad_(False)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear"))
    lora_kernel.install(model)
    return model


def swiglu(mlp: Any, x: Tensor) -> Tensor:
    return mlp.down_proj(nn.functional.silu(mlp.gate_proj(x)) * mlp.up_proj(x))  # type: ignore[no-any-return]


def past_the_adapter(mlp: Any, x: Tensor) -> Tensor:
    """The same numbers while B is zero, but no gradient for it."""
    down, gate, up = (layer.base_layer for layer in (mlp.down_proj, mlp.gate_proj, mlp.up_proj))
    return down(nn.functional.silu(gate(x)) * up(x))  # type: ignore[no-any-return]


def another_activation(mlp: Any, x: Tensor) -> Tensor:
    return mlp.down_proj(nn.functional.gelu(mlp.gate_proj(x)) * mlp.up_proj(x))  # type: ignore[no-any-return]


def does_not_compile(mlp: Any, x: Tensor) -> Tensor:
    raise RuntimeError("PTX was compiled with an unsupported toolchain")


def rope(*args: Any, **kwargs: Any) -> Any:
    return own_rope(*args, **kwargs)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Tensor] | None], list[dict[str, Any]]]:
    """Installs a library that puts the given forward on every MLP, None for one that knows no such model."""
    monkeypatch.setattr(modeling_llama, "apply_rotary_pos_emb", own_rope)  # so that it is put back

    def install(forward: Callable[..., Tensor] | None) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def apply(model: Any, **options: Any) -> None:
            asked.append(options)
            if forward is not None:
                modeling_llama.apply_rotary_pos_emb = rope
                for layer in model.model.layers:
                    layer.mlp.forward = MethodType(forward, layer.mlp)
                    layer.mlp._get_name = MethodType(lambda mlp: "LigerSwiGLUMLP", layer.mlp)

        for name in ("liger_kernel", "liger_kernel.transformers"):
            module: Any = ModuleType(name)
            module.__spec__ = ModuleSpec(name, None)
            module.__path__ = []
            module._apply_liger_kernel_to_instance = apply
            monkeypatch.setitem(sys.modules, name, module)
        return asked

    return install


def test_kernels_that_compute_the_same_stay_and_the_loss_is_this_projects_own(tiny: Path, library: Any) -> None:
    asked = library(swiglu)
    model = model_of(tiny)
    expected = hidden_states(model, IDS)
    assert liger.install(model, TrainSection(), GPU) == (True, None)
    assert asked == [{"cross_entropy": False, "fused_linear_cross_entropy": False}]
    assert all("forward" in vars(layer.mlp) for layer in model.get_base_model().model.layers)
    assert modeling_llama.apply_rotary_pos_emb is rope
    torch.testing.assert_close(hidden_states(model, IDS), expected)
    assert model.training
    assert all(weight.grad is None for weight in model.parameters())


def test_the_next_model_of_a_process_is_made_of_transformers_own_parts(tiny: Path, library: Any) -> None:
    """The library puts its parts into transformers' modules: on the CPU they would fail, and they leave out biases."""
    library(swiglu)
    for _ in range(2):  # a run builds again after each pause
        assert liger.install(model_of(tiny), TrainSection(), GPU) == (True, None)
        assert modeling_llama.apply_rotary_pos_emb is rope
        liger.forget()
        assert modeling_llama.apply_rotary_pos_emb is own_rope
    config = RunConfig.model_validate(values(tiny, tiny))
    liger.install(model_of(tiny), TrainSection(), GPU)
    card = read_card(tiny)
    build(
        config, card, load_words(card, config.model), Placement(CPU, torch.float32, "no"),
        MemoryGuard(CPU, lambda event: None), Steering(),
    )  # fmt: skip
    assert modeling_llama.apply_rotary_pos_emb is own_rope


@pytest.mark.parametrize(
    ("forward", "why"),
    [
        (another_activation, "modeling.liger-differs"),
        (past_the_adapter, "modeling.liger-differs"),
        (does_not_compile, "modeling.liger-raises"),
        (None, "modeling.liger-has-none"),
    ],
)
def test_others_are_taken_off_and_said(
    tiny: Path, library: Any, forward: Callable[..., Tensor] | None, why: str
) -> None:
    library(forward)
    model = model_of(tiny)
    before = [dict(vars(module)) for module in model.modules()]
    expected = hidden_states(model, IDS)
    used, told = liger.install(model, TrainSection(), GPU)
    assert told is not None
    assert (used, told.code) == (False, "events.liger-fails")
    assert told.args["reason"].code == why
    assert modeling_llama.apply_rotary_pos_emb is own_rope
    assert [vars(module).keys() for module in model.modules()] == [kept.keys() for kept in before]
    assert torch.equal(hidden_states(model, IDS), expected)
    assert fused_norm.install(model) == 5, "torch's own fused norm takes its place"
    with pytest.raises(MachineError) as caught:
        liger.install(model, TrainSection(use_liger_kernel=True), GPU)
    assert (caught.value.code, caught.value.reason.args["fault"]) == ("modeling.liger-unusable", told.args["reason"])
    assert caught.value.hint == 'Set train.use_liger_kernel to "auto" or false.'


def test_a_library_that_can_not_be_imported_is_said(tiny: Path, library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    library(swiglu)
    monkeypatch.setitem(sys.modules, "liger_kernel.transformers", None)
    used, reason = liger.install(model_of(tiny), TrainSection(), GPU)
    assert not used
    assert reason is not None
    assert reason.args["reason"].args["kind"] == "ModuleNotFoundError"


def test_want_of_memory_in_the_trial_is_left_to_who_knows_what_of(tiny: Path, library: Any) -> None:
    def too_much(mlp: Any, x: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    library(too_much)
    model = model_of(tiny)
    with pytest.raises(torch.OutOfMemoryError):
        liger.install(model, TrainSection(), GPU)
    assert modeling_llama.apply_rotary_pos_emb is own_rope


@pytest.mark.parametrize(("wanted", "device"), [("auto", CPU), (False, GPU)])
def test_on_the_cpu_and_switched_off_nothing_is_tried(tiny: Path, library: Any, wanted: Any, device: Any) -> None:
    asked = library(swiglu)
    assert liger.install(model_of(tiny), TrainSection(use_liger_kernel=wanted), device) == (False, None)
    assert asked == []


@pytest.mark.parametrize(("before", "used", "told"), [
    (True, False, "events.liger-off"), (False, True, "events.liger-on"),
    (True, True, ""), (False, False, ""), (None, True, ""),
])  # fmt: skip
def test_a_run_that_goes_on_with_other_kernels_says_so(before: bool | None, used: bool, told: str) -> None:
    said = list(liger.told_of_change({} if before is None else {liger.FIELD: before}, used))
    assert len(said) == bool(told)
    assert all(told == each.code for each in said)


def test_asked_for_without_a_gpu_or_the_library_it_is_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    section = TrainSection(use_liger_kernel=True)
    with pytest.raises(ConfigError, match="need an NVIDIA GPU") as on_cpu:
        liger.check(section, CPU)
    with pytest.raises(MachineError, match="not installed") as missing:
        liger.check(section, GPU)
    assert "pip install 'liger-kernel>=0.8,<0.9'" in missing.value.hint
    assert '"auto" or false' in on_cpu.value.hint
    for value in ("auto", False):
        liger.check(TrainSection(use_liger_kernel=value), CPU)


def test_a_run_on_the_cpu_remembers_that_it_began_without(tiny: Path, rows: Path, library: Any) -> None:
    asked = library(swiglu)
    trained = train(values(tiny, rows, train={"max_steps": 1}))
    assert asked == []
    state = (trained.run.complete_checkpoints()[-1] / "trainer_state.json").read_text()
    assert '"train.use_liger_kernel": false' in state
    (started,) = trained.of(ev.RunStarted)
    assert "liger-kernel" not in started.versions
