"""Trains random weights of an 8B's shapes with tunedeck, TRL or Unsloth, in this process: ``tests.benchmarks.gpu``."""

from __future__ import annotations

import importlib.util
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

WARM_UP, ROWS, RANK, SEED = 2, 2, 16, 0
LLAMA_3_8B = {
    "vocab_size": 128_256, "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 8192,
}  # fmt: skip
TINY = {
    "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One training: two rows of ``length`` tokens a step."""

    length: int
    quantization: str
    steps: int
    tiny: bool

    @property
    def name(self) -> str:
        return f"{'lora' if self.quantization == 'none' else 'qlora'}-{self.length}"


@dataclass(frozen=True)
class Measured:
    """``peak_bytes`` is torch's allocated memory on a GPU, else the process's resident memory; so is the prediction.

    None where the device does not tell, or nothing is known of it.
    """

    engine: str
    tokens_per_second: float
    step_seconds: float
    loss: float
    peak_bytes: int
    reserved_bytes: int | None
    recomputed: bool
    micro_batch_tokens: int
    attention: str
    liger: bool
    predicted_tokens_per_second: float | None = None
    predicted_by: str = ""
    predicted_peak_bytes: int | None = None
    tflops: float | None = None
    mfu: float | None = None


def sees_gpu() -> bool:
    """Whether torch can compute on a GPU here."""
    import torch

    return torch.cuda.is_available()


def measure(engine: str, task: Task) -> dict[str, Any]:
    """Train ``task`` with ``engine`` in this process. Memory that runs out is an answer, other errors are errors."""
    if engine == "unsloth":
        import unsloth  # noqa: F401 - it changes transformers and must be there first
    from engine.distributed.device import see_only, settle_memory
    from engine.machine.snapshot import read_machine_now

    machine = read_machine_now()
    if machine is not None and machine.freest is not None:  # one card: some trainers share out over all they see
        see_only(machine.freest.uuid or str(machine.freest.index))
    settle_memory()
    from engine.modeling.out_of_memory import is_out_of_memory

    with tempfile.TemporaryDirectory(prefix="tunedeck-benchmark-") as folder:
        try:
            plan = Plan(Path(folder), task, use_liger=engine != "tunedeck_plain")
            measured = RUN[engine](plan)
        except Exception as error:
            if not is_out_of_memory(error) and "OutOfMemory" not in type(error).__name__:
                raise
            return {"engine": engine, "failed": "out of memory"}
    return {"device": plan.device_name, **asdict(plan.judged(replace(measured, engine=engine)))}


class Plan:
    """What ``auto`` makes of ``task`` on this machine, and the model that every engine trains."""

    def __init__(self, folder: Path, task: Task, use_liger: bool = True) -> None:
        """``folder`` takes the model's config and tokenizer; there are no files of weights."""
        from transformers import LlamaConfig

        from engine.config.schema import RunConfig
        from engine.distributed.device import place
        from engine.memory.fit import fit
        from engine.modeling.kernels.attention import choices, planned
        from engine.models.dims import from_folder
        from engine.training.memory.plan import own_budget
        from tests.tiny import make_tiny_model

        self.folder, self.task = make_tiny_model(folder / "model"), task
        (self.folder / "model.safetensors").unlink()
        shape = TINY if task.tiny else LLAMA_3_8B
        rope = {"rope_type": "default", "rope_theta": 500_000.0}
        LlamaConfig(**shape, rope_parameters=rope, tie_word_embeddings=False).save_pretrained(self.folder)
        asked = RunConfig.model_validate(
            {
                "model": {"name_or_path": str(self.folder), "quantization": task.quantization},
                "data": [{"path": "none"}], "adapter": {"r": RANK, "lora_alpha": 2 * RANK, "lora_dropout": 0.0},
                "dataset": {"max_length": task.length, "packing": False},
                "train": {
                    "batch_size": ROWS, "max_steps": WARM_UP + task.steps,
                    "use_liger_kernel": "auto" if use_liger else False,
                },
                "eval": {"every": 10_000}, "checkpoint": {"every": 10_000}, "sample": {"rows": 0, "every": 10_000},
                "launch": {"gpus": "auto" if sees_gpu() else "cpu"},
            }
        )  # fmt: skip
        self.placement = place(asked)
        self.attention = choices(self.folder, asked.model, self.placement).names[0]
        self.dtype = str(self.placement.dtype).removeprefix("torch.")
        really = {
            "model.dtype": self.dtype,
            "model.attn_implementation": planned(self.folder, asked.model, self.placement),
        }
        budget = own_budget(self.placement.device)
        share = (task.length - 1) / task.length
        fitted = fit(
            asked.with_settings(really), from_folder(self.folder), budget, longest_row=task.length,
            supervised_share=share,
        )  # fmt: skip
        self.config = asked.with_settings(fitted.resolution.settings)
        self.estimate, self.device_name = fitted.estimate, budget.name if self.is_gpu else "CPU"

    @property
    def is_gpu(self) -> bool:
        return self.placement.device.type == "cuda"

    @property
    def recomputes(self) -> bool:
        return self.config.train.gradient_checkpointing is True

    def model(self, attention: str) -> Any:
        """The model on the device, frozen."""
        packs_scales = self.config.model.double_quant
        return random_llama(self.folder, self.task.quantization, packs_scales, self.placement, attention)

    def rows(self) -> list[Any]:
        """Token ids (length,) of as many rows as a run of all steps sees."""
        import numpy as np

        generator = np.random.default_rng(SEED)
        vocabulary = (TINY if self.task.tiny else LLAMA_3_8B)["vocab_size"]
        count = ROWS * (WARM_UP + self.task.steps)
        return list(generator.integers(0, vocabulary, (count, self.task.length), dtype=np.int32))

    def judged(self, measured: Measured) -> Measured:
        """With what was predicted of tunedeck's own run, and the share of the card's peak."""
        import torch

        from engine.machine.cpu_specs import Cpu, core_flops
        from engine.machine.gpu_specs import card_of
        from engine.memory.speed import flops_per_token
        from engine.memory.throughput import expected
        from engine.messages.catalogue import text

        job = self.estimate.job
        reached = measured.tokens_per_second * flops_per_token(replace(job, checkpointing="none")) / 1e12
        card = card_of(self.device_name) if self.is_gpu else None
        measured = replace(measured, tflops=round(reached, 3), mfu=round(reached / card.tflops, 3) if card else None)
        if not measured.engine.startswith("tunedeck"):
            return measured
        pace = expected(job, self.estimate.profile, self.device_name, cpu=Cpu(torch.get_num_threads(), core_flops()))
        beside = 0 if self.is_gpu else self.estimate.profile.context_bytes
        return replace(
            measured, predicted_tokens_per_second=round(pace.tokens_per_second, 1) if pace else None,
            predicted_by=text(pace.origin) if pace else "",
            predicted_peak_bytes=int(self.estimate.allocated_bytes + beside),
        )  # fmt: skip


def random_llama(folder: Path, quantization: str, packs_scales: bool, placement: Any, attention: str) -> Any:
    """A frozen Llama of the config in ``folder``, its weights drawn on the device one after another.

    With ``nf4`` each linear layer but the head is quantized as soon as it is drawn, its scales too if ``packs_scales``.
    """
    import bitsandbytes as bnb
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config, device, dtype = LlamaConfig.from_pretrained(folder), placement.device, placement.dtype
    with torch.device("meta"):
        model = LlamaForCausalLM._from_config(config, dtype=dtype, attn_implementation=attention)
    torch.manual_seed(SEED)

    def drawn(like: torch.Tensor) -> torch.Tensor:
        made = torch.empty(like.shape, dtype=dtype, device=device)
        return made.fill_(1.0) if made.dim() == 1 else made.normal_(0.0, 0.02)

    for name, module in list(model.named_modules()):
        if quantization == "nf4" and isinstance(module, torch.nn.Linear) and module is not model.lm_head:
            packed = bnb.nn.Linear4bit(
                module.in_features,
                module.out_features,
                bias=False,
                compute_dtype=dtype,
                quant_type="nf4",
                device="meta",
            )
            packed.weight = bnb.nn.Params4bit(
                drawn(module.weight),
                requires_grad=False,
                quant_type="nf4",
                compress_statistics=packs_scales,
                module=packed,
            ).to(device)
            packed.support_avx512bf16_for_cpu = False  # its packing has no backward pass
            model.set_submodule(name, packed)
        else:
            for key, weight in list(module.named_parameters(recurse=False)):
                module.register_parameter(key, torch.nn.Parameter(drawn(weight), requires_grad=False))
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(device)
    model.is_loaded_in_4bit = quantization == "nf4"
    model.config.use_cache = False
    return model


def run_tunedeck(plan: Plan) -> Measured:
    """The product's own adapter, kernels, optimizer and loop."""
    import numpy as np

    from engine.data.mixing.mix import Shuffle
    from engine.modeling.batches import StepPlan
    from engine.modeling.kernels.attention import avoid_plans
    from engine.modeling.kernels.proof import attention_fault, proved_head
    from engine.modeling.load import BaseModel
    from engine.runs import events as ev
    from engine.runs.steering import Steering
    from engine.tokens.examples import Example
    from engine.training.checkpoint import TrainerState
    from engine.training.prepare import assemble
    from tests.engine.training.bare_loop import bare_loop

    avoid_plans()
    model = plan.model(plan.attention)
    fault, (head, _) = attention_fault(model), proved_head(model)
    if fault or head is None:
        raise SystemExit(f"{plan.attention} {fault}" if fault else "The loss can't be reproduced.")
    card: Any = None  # there are no files
    base = BaseModel(model, None, card, frozenset(), 0, "", head)
    built = assemble(plan.config, base, plan.placement, Steering())
    labels = [np.where(np.arange(len(ids)) == 0, -100, ids) for ids in plan.rows()]
    examples = [Example(ids, label, 0, row) for row, (ids, label) in enumerate(zip(plan.rows(), labels, strict=True))]
    steps: list[ev.Step] = []

    def sink(event: ev.Event) -> None:
        if isinstance(event, ev.Step):
            steps.append(event)

    tokens = plan.config.train.micro_batch_tokens
    assert isinstance(tokens, int)
    loop = bare_loop(plan.config, StepPlan(Shuffle(len(examples), SEED), ROWS, 1), examples, built, tokens, sink)
    _restart_peak(plan)
    loop.run(TrainerState(0))
    times = [step.step_time or 0.0 for step in steps[WARM_UP:]]
    return _measured(plan, sum(times), steps[0].loss, loop.budget, model.config._attn_implementation, built.used_liger)


def run_trl(plan: Plan, tuned: bool = False) -> Measured:
    """TRL's SFTTrainer; ``tuned`` it recomputes as tunedeck does and takes flash attention and Liger's kernels."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    ends: list[float] = []
    losses: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            _wait(plan)
            ends.append(time.monotonic())

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            losses.extend([float(logs["loss"])] if logs and "loss" in logs else [])

    has_liger = plan.is_gpu and importlib.util.find_spec("liger_kernel") is not None
    more = {"gradient_checkpointing": plan.recomputes, "use_liger_kernel": has_liger} if tuned else {}
    config = SFTConfig(
        output_dir=str(plan.folder / "out"), per_device_train_batch_size=ROWS, max_steps=WARM_UP + plan.task.steps,
        learning_rate=2e-4, lr_scheduler_type="constant", max_length=plan.task.length, logging_steps=1,
        report_to="none", save_strategy="no", seed=SEED, use_cpu=not plan.is_gpu,
        bf16=plan.dtype == "bfloat16", fp16=plan.dtype == "float16", **more,
    )  # fmt: skip
    model = plan.model(plan.attention if tuned and "flash" in plan.attention else "sdpa")
    trainer = SFTTrainer(
        model=model, args=config, processing_class=AutoTokenizer.from_pretrained(plan.folder),
        train_dataset=Dataset.from_list([{"input_ids": ids.tolist()} for ids in plan.rows()]),
        peft_config=LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[Clock()],
    )  # fmt: skip
    _restart_peak(plan)
    trainer.train()
    seconds, attention = ends[-1] - ends[WARM_UP - 1], model.config._attn_implementation
    measured = _measured(plan, seconds, losses[0], ROWS * plan.task.length, attention, has_liger and tuned)
    return replace(measured, recomputed=bool(trainer.args.gradient_checkpointing))


def run_unsloth(plan: Plan) -> Measured:
    """Unsloth's own model and recomputation in a plain loop. It reads files only: they are written first."""
    import torch
    from unsloth import FastLanguageModel

    random_llama(plan.folder, "none", False, plan.placement, "eager").save_pretrained(plan.folder)
    torch.cuda.empty_cache()
    model, _ = FastLanguageModel.from_pretrained(
        str(plan.folder), max_seq_length=plan.task.length, load_in_4bit=plan.task.quantization == "nf4"
    )
    model = FastLanguageModel.get_peft_model(
        model, r=RANK, lora_alpha=2 * RANK, lora_dropout=0.0,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        use_gradient_checkpointing="unsloth" if plan.recomputes else False,
    )  # fmt: skip
    optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], lr=2e-4, fused=True)
    rows = torch.tensor([ids.tolist() for ids in plan.rows()], device=plan.placement.device)
    losses, ends = [], []
    _restart_peak(plan)
    for batch in rows.split(ROWS):
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        ends.append(time.monotonic())
    return _measured(plan, ends[-1] - ends[WARM_UP - 1], losses[0], ROWS * plan.task.length, "Unsloth's", False)


def _measured(plan: Plan, seconds: float, loss: float, tokens: int, attention: str, liger: bool) -> Measured:
    import torch

    from engine.modeling.memory_peaks import restart_peak

    if not math.isfinite(loss):
        raise SystemExit(f"The loss is {loss}: what follows would be the speed of something else.")
    trained = ROWS * plan.task.length * plan.task.steps
    return Measured(
        engine="", tokens_per_second=round(trained / seconds, 1), step_seconds=round(seconds / plan.task.steps, 4),
        loss=round(loss, 3), peak_bytes=torch.cuda.max_memory_allocated() if plan.is_gpu else restart_peak(),
        reserved_bytes=torch.cuda.max_memory_reserved() if plan.is_gpu else None, recomputed=plan.recomputes,
        micro_batch_tokens=tokens, attention=attention, liger=liger,
    )  # fmt: skip


def _restart_peak(plan: Plan) -> None:
    import torch

    from engine.modeling.memory_peaks import restart_peak

    if plan.is_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    else:
        restart_peak()


def _wait(plan: Plan) -> None:
    import torch

    if plan.is_gpu:
        torch.cuda.synchronize()


RUN: dict[str, Callable[[Plan], Measured]] = {
    "tunedeck": run_tunedeck, "tunedeck_plain": run_tunedeck, "trl": run_trl,
    "trl_tuned": lambda plan: run_trl(plan, tuned=True), "unsloth": run_unsloth,
}  # fmt: skip
