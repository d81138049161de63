"""Models as the engine trains them, over fake tensors or with random weights, and the live bytes of one micro-batch."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import get_peft_model
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import _disable_current_modes
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from engine.config.schema import RunConfig
from engine.memory.from_config import Setup, estimate_run
from engine.modeling.adapters import lora_config, needs_autocast
from engine.modeling.kernels import fused_norm, lora_kernel
from engine.modeling.kernels import loss as training_loss
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.kernels.trained_copies import keep_in_float32
from engine.models.dims import from_config
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
ADAPTERS: dict[str, dict[str, Any]] = {
    "lora": {},
    "dora": {"use_dora": True},
    "dropout": {"lora_dropout": 0.1},
    "tables": {"modules_to_save": ["embed_tokens", "lm_head"]},
}
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


@dataclass(frozen=True)
class Point:
    """One measurement: a micro-batch of ``rows`` of ``tokens``, half of the tokens supervised."""

    model: str
    rows: int
    tokens: int
    rank: int
    recomputed: bool
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    quantization: Literal["none", "nf4", "int8"] = "none"
    adapter: str = "lora"

    @property
    def supervised(self) -> int:
        return self.rows * self.tokens // 2

    @property
    def is_capped(self) -> bool:
        return "attn_logit_softcapping" in MODELS[self.model]

    def config(self) -> RunConfig:
        """The run whose micro-batch this is."""
        return RunConfig.model_validate({
            "model": {"name_or_path": self.model, "quantization": self.quantization, "dtype": self.dtype},
            "adapter": {"r": self.rank, "lora_alpha": 16, **ADAPTERS[self.adapter]},
            "data": [{"path": "rows.jsonl"}],
            "dataset": {"max_length": self.tokens},
            "train": {"batch_size": 64, "micro_batch_tokens": self.rows * self.tokens,
                      "gradient_checkpointing": self.recomputed, "optim": "adamw"},
        })  # fmt: skip


def expected(point: Point) -> float:
    """The estimate's peak of forward and backward on a GPU."""
    shape = from_config(MODELS[point.model], point.model)
    result = estimate_run(Setup(point.config(), shape, "cuda", supervised_share=0.5))
    return max(result.phase(name).bytes for name in ("loss", "backward", "backward_end"))


def tracked_fake(point: Point) -> float:
    """Peak live bytes of forward and backward with fake weights; gradients and optimizer states are there."""
    with torch.device("meta"):
        adapted = _adapt(_from_config(point), point, meta=True)
    fused_norm.install(adapted)
    with FakeTensorMode(allow_non_fake_inputs=True):
        _materialise(adapted)
        return _track(adapted, point)


def tracked_real(point: Point) -> float:
    """The same with real weights (random ones, written and loaded as a model folder), 4 and 8 bit included."""
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=DTYPES[point.dtype],
    )  # fmt: skip
    settings = {"none": None, "nf4": nf4, "int8": BitsAndBytesConfig(load_in_8bit=True)}
    with tempfile.TemporaryDirectory() as folder:
        _from_config(point).save_pretrained(folder)
        loaded = AutoModelForCausalLM.from_pretrained(
            Path(folder), dtype=DTYPES[point.dtype], attn_implementation="sdpa",
            quantization_config=settings[point.quantization],
        )  # fmt: skip
    adapted = _adapt(loaded, point)
    fused_norm.install(adapted)
    return _track(adapted, point)


def _from_config(point: Point) -> Any:
    values = {name: value for name, value in MODELS[point.model].items() if name != "model_type"}
    config = CONFIG_MAPPING[MODELS[point.model]["model_type"]](**values)
    attention = "eager" if point.is_capped else "sdpa"
    return AutoModelForCausalLM.from_config(config, dtype=DTYPES[point.dtype], attn_implementation=attention)


def _adapt(model: Any, point: Point, meta: bool = False) -> Any:
    """As the engine prepares it: frozen, recomputed or not, float32 adapters with the lean kernel where it can be."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if point.recomputed:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.config.use_cache = False
    adapted = get_peft_model(model, lora_config(point.config().adapter), low_cpu_mem_usage=meta)
    lora_kernel.install(adapted)
    keep_in_float32(adapted)
    return adapted


def _materialise(model: torch.nn.Module) -> None:
    """Replace parameters and buffers on the meta device by empty ones of the mode in force, tied ones once."""
    made: dict[int, torch.nn.Parameter] = {}
    for module in model.modules():
        for field, parameter in module._parameters.items():
            if parameter is not None:
                if id(parameter) not in made:
                    raised = parameter.requires_grad  # as PEFT does outside the meta device
                    empty = torch.empty(parameter.shape, dtype=torch.float32 if raised else parameter.dtype)
                    made[id(parameter)] = torch.nn.Parameter(empty, requires_grad=parameter.requires_grad)
                module._parameters[field] = made[id(parameter)]
        for field, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[field] = torch.zeros(buffer.shape, dtype=buffer.dtype)


class FusedNorm(torch.autograd.Function):
    """RMSNorm with the memory of a GPU's operator: it keeps its input and a float32 number a row."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        ctx.save_for_backward(x, weight, x.new_empty(x.shape[:-1], dtype=torch.float32))
        if isinstance(x, FakeTensor):
            return torch.empty_like(x)
        with _disable_current_modes():
            wide = x.float()
            return (wide * (wide.square().mean(-1, keepdim=True) + eps).rsqrt() * weight.float()).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return torch.empty_like(grads[0]).copy_(grads[0]), None, None


def _track(adapted: Any, point: Point) -> float:
    net = SupervisedLoss(adapted).train()
    tracker = TensorTracker()
    tracker.add_model(net)
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    states = [torch.zeros_like(parameter) for parameter in trained for _ in range(2)]
    for parameter in trained:
        parameter.grad = torch.zeros_like(parameter)
        tracker.add(parameter.grad)
    for state in states:
        tracker.add(state)
    mixed = point.dtype != "float32" and needs_autocast(adapted)
    with tracker:
        ids = torch.zeros((point.rows, point.tokens), dtype=torch.long)
        positions = torch.arange(point.supervised)
        targets = torch.zeros(point.supervised, dtype=torch.long)
        tracker.restart()
        with torch.autocast("cpu", dtype=DTYPES[point.dtype]) if mixed else nullcontext():
            loss, _ = net(ids, positions, targets)
        loss.backward()
    return float(tracker.peak)


@contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """A GPU's loss chunks, dropout and norm, and no attention mask: with fake tensors transformers can't see that none
    is needed."""
    undo: list[Callable[[], None]] = []

    def put(holder: Any, name: str, value: Any) -> None:
        original = getattr(holder, name)
        undo.append(lambda: setattr(holder, name, original))
        setattr(holder, name, value)

    chunks = training_loss.CHUNK_POSITIONS
    put(training_loss, "CHUNK_POSITIONS", {**chunks, "cpu": chunks["cuda"]})
    put(torch.nn.functional, "rms_norm", lambda x, shape, weight, eps: FusedNorm.apply(x, weight, eps))
    put(torch.nn.Dropout, "forward", lambda self, x: torch.native_dropout(x, self.p, self.training)[0])
    for family in {config["model_type"] for config in MODELS.values() if "attn_logit_softcapping" not in config}:
        module = importlib.import_module(f"transformers.models.{family}.modeling_{family}")
        for name in ("create_causal_mask", "create_sliding_window_causal_mask"):
            if hasattr(module, name):
                put(module, name, lambda **_: None)
    try:
        yield
    finally:
        for step in undo:
            step()
