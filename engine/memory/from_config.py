"""From a run's config to the job and profile that its memory is estimated for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from engine.config.schema import RunConfig
from engine.machine.gpu_specs import Capability, Dtype, attention_kernel, card_of, trained_dtype
from engine.memory.budget import Budget
from engine.memory.estimate import Estimate, estimate
from engine.memory.job import (
    Attention,
    Job,
    Optimizer,
    Profile,
    Quantization,
    Sharding,
    coarsest_on,
    compiled,
    padded_length,
    room_for,
    tunedeck,
)
from engine.memory.packing import computes_row_by_row
from engine.memory.speed import CPU
from engine.models.dims import ModelShape
from engine.runs.baselines import MOST_PROMPT_TOKENS, asked, by_metric

ANSWER_TOKENS = 16_384
"""Tokens of prompts and answers that an evaluation keeps in memory side by side."""
AUTO_TOKENS = {"cpu": 1024, "cuda": 8192}
USUAL_CAPABILITY: Capability = (8, 0)
"""Of a GPU given by its size alone."""
LINEAR_NAMES = {"q_proj": "q", "k_proj": "k", "v_proj": "v", "o_proj": "o", "gate_proj": "gate", "up_proj": "up",
                "down_proj": "down", "qkv_proj": "qkv", "gate_up_proj": "gate_up", "dense": "o", "fc1": "up",
                "fc2": "down"}  # fmt: skip


@dataclass(frozen=True)
class Setup:
    """A run's config on a machine. ``longest_row``: tokens of the longest row if the data were read, else
    ``dataset.max_length`` counts. ``supervised_share``: of the tokens, those with a loss; ``answer_tokens`` those of a
    row on average, 0 where that is not known. ``card`` is the GPU's name, ``capability`` its compute capability where
    the driver says it."""

    config: RunConfig
    shape: ModelShape
    device: Literal["cpu", "cuda"] = "cuda"
    gpus: int = 1
    longest_row: int | None = None
    supervised_share: float = 1.0
    card: str = ""
    capability: Capability | None = None
    answer_tokens: float = 0.0

    @property
    def device_name(self) -> str:
        """As estimates of time know it."""
        return CPU if self.device == "cpu" else self.card

    @property
    def dtype(self) -> Dtype:
        """What the model computes in; ``auto`` is bfloat16 where the GPU has it."""
        if self.config.model.dtype != "auto":
            return self.config.model.dtype
        return "bfloat16" if self.device == "cpu" else trained_dtype(self._capability)

    @property
    def kernel(self) -> Attention:
        """What torch's scaled_dot_product_attention runs as on the GPU."""
        width = self.shape.head_dim
        found = attention_kernel(self._capability, self.dtype, head_width=width, masked=self._is_masked)
        return "sdpa" if found == "flash" else found

    @property
    def _capability(self) -> Capability:
        card = card_of(self.card)
        return self.capability or (card.capability if card else USUAL_CAPABILITY)

    @property
    def _is_masked(self) -> bool:
        return self.config.dataset.packing is True or 0 < self.shape.window < self.row_tokens

    @property
    def row_tokens(self) -> int:
        """Tokens of the longest row that the run can meet, padded."""
        longest = min(self.longest_row or self.config.dataset.max_length, self.config.dataset.max_length)
        return padded_length(longest, coarsest_on(self.device))

    def with_settings(self, settings: dict[str, object]) -> Setup:
        """The same with fields like ``train.optim`` set; auto values elsewhere stay."""
        changed: dict[str, dict[str, object]] = {}
        for dotted, value in settings.items():
            section, field = dotted.split(".")
            changed.setdefault(section, {})[field] = value
        sections = {name: getattr(self.config, name).model_copy(update=values) for name, values in changed.items()}
        return replace(self, config=self.config.model_copy(update=sections))


def setup_on(
    budget: Budget, config: RunConfig, shape: ModelShape, longest_row: int | None = None,
    supervised_share: float = 1.0, answer_tokens: float = 0.0,
) -> Setup:  # fmt: skip
    """The run on the device that ``budget`` is of."""
    capability = budget.gpu.compute_capability if budget.gpu else None
    gpus = len(config.launch.devices)
    return Setup(
        config, shape, budget.device, gpus, longest_row, supervised_share, budget.name, capability, answer_tokens
    )


def job_of(setup: Setup) -> Job:
    """The job; an ``auto`` field counts as what the engine does when nobody resolves it."""
    config = setup.config
    train, adapter = config.train, config.adapter
    tokens = train.micro_batch_tokens
    budget = AUTO_TOKENS[setup.device] if tokens == "auto" else tokens
    attention = attention_of(config.model.attn_implementation, setup)
    most = setup.row_tokens * -(-train.batch_size // setup.gpus)  # of a step, on this GPU
    together = max(setup.row_tokens, min(budget, most))
    checkpointing = train.gradient_checkpointing
    recomputes = setup.device == "cuda" if checkpointing == "auto" else checkpointing
    return Job(
        shape=setup.shape,
        rows=together // setup.row_tokens,
        row_tokens=setup.row_tokens,
        method="dora" if adapter.use_dora else "lora",
        quantization=_quantization(config),
        rank=adapter.r,
        targets=_targets(adapter.target_modules),
        dropout=adapter.lora_dropout,
        trained_tables=_tables(adapter.modules_to_save),
        supervised_share=setup.supervised_share,
        checkpointing="layers" if recomputes else "none",
        attention=attention,
        optimizer=_optimizer(train.optim),
        gpus=setup.gpus,
        sharding=_sharding(config.launch.distributed, setup.gpus),
        answer_tokens=_answer_tokens(setup),
        packed_tokens=together if _packs(setup, attention) else 0,
        beside_base=train.kl_to_base is not None,
    )


def profile_of(setup: Setup) -> Profile:
    profile = tunedeck(
        setup.device,
        softcapped=setup.shape.softcapped_head,
        lean=not setup.config.adapter.use_dora,
        full_precision=setup.config.model.dtype == "float32",
        fused_norm=not setup.shape.norms_by_one_more,
        gpus=setup.gpus,
        beside_base=setup.config.train.kl_to_base is not None,
    )
    return replace(profile, compiled_bytes=compiled(answered_shapes(setup)))


def answered_shapes(setup: Setup) -> int:
    """Shapes that answers are computed in, for which a CPU keeps kernels in 16 bit: one for each number of rows."""
    if setup.device != "cpu" or setup.config.model.dtype == "float32":
        return 0
    most = max(min(count, max(1, ANSWER_TOKENS // each)) for count, each in _answered(setup))
    return len({room_for(rows) for rows in range(1, most + 1)})


def estimate_run(setup: Setup) -> Estimate:
    return estimate(job_of(setup), profile_of(setup))


def _quantization(config: RunConfig) -> Quantization:
    kind = config.model.quantization
    if kind in ("none", "auto"):
        return "none"
    return "int8" if kind == "int8" else "nf4-dq" if config.model.double_quant else "nf4"


def _targets(named: str | list[str]) -> tuple[str, ...]:
    """Names of a block's linears; a pattern or a name that is not known counts as all, the safe side."""
    names = [named] if isinstance(named, str) else named
    known = tuple(LINEAR_NAMES[name] for name in names if name in LINEAR_NAMES)
    return known if len(known) == len(names) and known else ("all",)


def _tables(modules: list[str]) -> int:
    """Embedding and head that are trained whole; each gets a copy of its own, also where the model ties them."""
    return min(2, sum(any(word in module for word in ("embed", "wte", "lm_head")) for module in modules))


def _packs(setup: Setup, attention: Attention) -> bool:
    """Whether rows lie end to end; ``auto`` may still become padding, which takes no more."""
    packing = setup.config.dataset.packing
    return computes_row_by_row(attention) if packing == "auto" else packing


def attention_of(named: str, setup: Setup) -> Attention:
    """The kernel that ``model.attn_implementation`` becomes."""
    if named == "eager" or (named == "auto" and setup.shape.unfused_attention):
        return "eager"
    if named == "auto" and setup.device == "cpu":
        return "cpu"
    if named == "flash_attention_2":
        return "flash"
    return "sdpa" if setup.device == "cpu" else setup.kernel


def _optimizer(named: str) -> Optimizer:
    known: dict[str, Optimizer] = {"adamw_8bit": "adamw_8bit", "paged_adamw_8bit": "paged_adamw_8bit"}
    return known.get(named, "adamw")


def _sharding(named: str, gpus: int) -> Sharding:
    if gpus == 1:
        return "none"
    known: dict[str, Sharding] = {"fsdp": "fsdp", "deepspeed": "zero2"}
    return known.get(named, "ddp")


def _answer_tokens(setup: Setup) -> int:
    """Prompts and answers that are in memory at once."""
    return max(min(max(ANSWER_TOKENS, each), each * count) for count, each in _answered(setup))


def _answered(setup: Setup) -> list[tuple[int, int]]:
    """How many rows are answered, and the tokens of each; with examples a prompt is as long as several rows."""
    section, sample = setup.config.eval, setup.config.sample
    mean = setup.answer_tokens or math.inf
    ask = asked(setup.config, section.generate_rows, mean, min(2 * mean, section.max_new_tokens), setup.device)
    prompt = setup.row_tokens
    if ask.examples:
        # No prompt with examples is longer than what the training computes at once.
        tokens = setup.config.train.micro_batch_tokens
        most = min(MOST_PROMPT_TOKENS, AUTO_TOKENS[setup.device] if tokens == "auto" else tokens)
        prompt = max(prompt, min(most, prompt * (1 + ask.examples)))
    groups = [(max(sample.rows, len(sample.prompts)), setup.row_tokens + section.max_new_tokens)]
    groups.append((ask.rows, prompt + ask.new_tokens))
    if by_metric(setup.config):
        groups.append((section.generate_rows, setup.row_tokens + section.max_new_tokens))
    return groups
