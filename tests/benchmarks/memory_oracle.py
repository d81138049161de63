"""Hold the memory estimate against our own loop, tensor by tensor, without a GPU.

    python -m tests.benchmarks.memory_oracle [--quick] [--no-real]

The real loss module, adapters and layers run over fake tensors (no memory, any size), then a small model for real,
in 16, 8 and 4 bit; live bytes are tracked and compared. The last line is one JSON object: n, median, worst.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from engine.memory.estimate import estimate
from engine.memory.job import Job, Quantization
from engine.memory.profiles import GIB, tunedeck
from engine.memory.read_shape import from_config
from engine.training import lora_kernel
from engine.training import loss as training_loss
from engine.training.loss import SupervisedLoss
from tests.benchmarks.tensor_tracker import TensorTracker

CAPPED = {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}
MODELS: dict[str, dict[str, Any]] = {
    "SmolLM2-135M": {"model_type": "llama", "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9,
                     "num_key_value_heads": 3, "intermediate_size": 1536, "vocab_size": 49152,
                     "tie_word_embeddings": True},
    "Llama-3.2-1B": {"model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
                     "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 8192, "vocab_size": 128256,
                     "tie_word_embeddings": True},
    "Gemma-2-2B": {"model_type": "gemma2", "hidden_size": 2304, "num_hidden_layers": 26, "num_attention_heads": 8,
                   "num_key_value_heads": 4, "head_dim": 256, "intermediate_size": 9216,
                   "vocab_size": 256000, **CAPPED},
    "Mistral-7B": {"model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
                   "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000},
    "Qwen2.5-7B": {"model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28,
                   "num_key_value_heads": 4, "intermediate_size": 18944, "vocab_size": 152064,
                   "tie_word_embeddings": False},
    "Llama-3-8B": {"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
                   "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256},
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """One measurement: a micro-batch of ``rows`` of ``tokens``, half of the tokens supervised."""

    model: str
    rows: int
    tokens: int
    rank: int
    recomputed: bool
    dtype: torch.dtype = torch.bfloat16
    quantization: Quantization = "none"

    @property
    def supervised(self) -> int:
        return self.rows * self.tokens // 2


def points(quick: bool) -> Iterator[Point]:
    for model in MODELS:
        yield Point(model, 2, 1024, 16, True)
        yield Point(model, 1, 512, 8, False)
        if not quick:
            yield Point(model, 4, 2048, 64, True)
            yield Point(model, 1, 1024, 16, True, torch.float32)


def real_points() -> Iterator[Point]:
    kinds: tuple[Quantization, ...] = ("none", "nf4-dq", "int8")
    for quantization in kinds:
        for recomputed in (True, False):
            yield Point("SmolLM2-135M", 2, 256, 16, recomputed, quantization=quantization)


def estimated(point: Point) -> float:
    config = MODELS[point.model]
    job = Job(
        from_config(config, point.model),
        rows=point.rows,
        row_tokens=point.tokens,
        quantization=point.quantization,
        rank=point.rank,
        supervised_share=point.supervised / (point.rows * point.tokens),
        checkpointing="layers" if point.recomputed else "none",
        attention="eager" if "attn_logit_softcapping" in config else "sdpa",
    )
    profile = tunedeck(softcapped="final_logit_softcapping" in config, full_precision=point.dtype == torch.float32)
    result = estimate(job, profile)
    return max(result.phase(name).bytes for name in ("loss", "backward", "backward_end"))


def tracked_fake(point: Point) -> float:
    """Peak live bytes of forward and backward with fake weights; gradients and optimizer states are there."""
    with torch.device("meta"):
        model = make_trainable(_from_config(point), point, meta=True)
    with FakeTensorMode(allow_non_fake_inputs=True):
        _materialise(model)
        return _track(model, point)


def tracked_real(point: Point) -> float:
    """The same with real weights (random ones, written and loaded as a model folder), 4 and 8 bit included."""
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=point.dtype,
    )  # fmt: skip
    settings = {"none": None, "nf4-dq": nf4, "int8": BitsAndBytesConfig(load_in_8bit=True)}
    with tempfile.TemporaryDirectory() as folder:
        _from_config(point).save_pretrained(folder)
        loaded = AutoModelForCausalLM.from_pretrained(
            Path(folder), dtype=point.dtype, attn_implementation="sdpa",
            quantization_config=settings[point.quantization],
        )  # fmt: skip
    return _track(make_trainable(loaded, point), point)


def _from_config(point: Point) -> Any:
    values = {name: value for name, value in MODELS[point.model].items() if name != "model_type"}
    config = CONFIG_MAPPING[MODELS[point.model]["model_type"]](**values)
    attention = "eager" if "attn_logit_softcapping" in values else "sdpa"
    return AutoModelForCausalLM.from_config(config, dtype=point.dtype, attn_implementation=attention)


def make_trainable(model: Any, point: Point, meta: bool = False) -> SupervisedLoss:
    """As the engine prepares it: frozen, recomputed or not, float32 adapters with the lean kernel."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if point.recomputed:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.config.use_cache = False
    adapted = get_peft_model(
        model,
        LoraConfig(task_type="CAUSAL_LM", r=point.rank, lora_alpha=16, target_modules="all-linear"),
        low_cpu_mem_usage=meta,
    )
    lora_kernel.install(adapted)
    return SupervisedLoss(adapted).train()


def _materialise(model: SupervisedLoss) -> None:
    """Replace parameters and buffers on the meta device by empty ones of the mode in force, tied ones once."""
    made: dict[int, torch.nn.Parameter] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                if id(parameter) not in made:
                    dtype = torch.float32 if parameter.requires_grad else parameter.dtype
                    empty = torch.empty(parameter.shape, dtype=dtype)
                    made[id(parameter)] = torch.nn.Parameter(empty, requires_grad=parameter.requires_grad)
                module._parameters[name] = made[id(parameter)]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.zeros(buffer.shape, dtype=buffer.dtype)


def _track(model: SupervisedLoss, point: Point) -> float:
    tracker = TensorTracker()
    for tensor in (*model.parameters(), *model.buffers()):
        tracker.add(tensor)
        state = getattr(tensor, "quant_state", None)
        for part in _quantization_constants(state) if state is not None else ():
            tracker.add(part)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    states = [torch.zeros_like(parameter) for parameter in trained for _ in range(2)]
    for parameter in trained:
        parameter.grad = torch.zeros_like(parameter)
        tracker.add(parameter.grad)
    for state in states:
        tracker.add(state)
    with tracker:
        ids = torch.zeros((point.rows, point.tokens), dtype=torch.long)
        positions = torch.arange(point.supervised)
        targets = torch.zeros(point.supervised, dtype=torch.long)
        tracker.restart()
        loss, _ = model(ids, positions, targets)
        loss.backward()
    return float(tracker.peak)


def _quantization_constants(state: Any) -> Iterator[torch.Tensor]:
    for holder in (state, getattr(state, "state2", None)):
        if holder is not None:
            yield holder.absmax
            yield holder.code


@contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """A GPU's loss chunks, and no attention mask: under fake tensors transformers can't see that none is needed."""
    chunks = dict(training_loss.CHUNK_POSITIONS)
    training_loss.CHUNK_POSITIONS["cpu"] = chunks["cuda"]
    patched = []
    for family in {config["model_type"] for config in MODELS.values() if "attn_logit_softcapping" not in config}:
        module = importlib.import_module(f"transformers.models.{family}.modeling_{family}")
        patched.append((module, module.create_causal_mask))
        module.create_causal_mask = lambda **_: None
    try:
        yield
    finally:
        training_loss.CHUNK_POSITIONS.update(chunks)
        for module, original in patched:
            module.create_causal_mask = original


def _line(point: Point, actual: float, expected: float, kind: str) -> str:
    recomputed = "yes" if point.recomputed else "no"
    return (
        f"{point.model:14} {point.rows}x{point.tokens:>6} {point.rank:4}  {recomputed:10}  {str(point.dtype)[6:]:9} "
        f"{actual / GIB:7.3f} {expected / GIB:7.3f}  {expected / actual - 1:+8.2%}  {kind}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two points a model instead of four")
    parser.add_argument("--no-real", action="store_true", help="fake tensors only")
    arguments = parser.parse_args()
    runs = [(tracked_fake, point, "fake") for point in points(arguments.quick)]
    if not arguments.no_real:
        runs += [(tracked_real, point, f"real, {point.quantization}") for point in real_points()]
    errors = []
    print(f"{'model':14} {'tokens':>8} {'rank':>4}  recomputed  dtype     tracked   estim.     error")
    with as_on_a_gpu():
        for track, point, kind in runs:
            actual, expected = track(point), estimated(point)
            errors.append(abs(expected / actual - 1))
            print(_line(point, actual, expected, kind), flush=True)
    print(json.dumps({"n": len(errors), "median": round(statistics.median(errors), 5), "worst": round(max(errors), 5)}))


if __name__ == "__main__":
    main()
