"""One model in memory at a time: load it, run the texts through it, keep a few logits and the loss, let it go."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import BitsAndBytesConfig

from engine.common.clean_text import in_words
from engine.common.errors import MachineError, ModelError
from engine.export.proof.verdict import Difference
from engine.modeling.adapters import put_on
from engine.modeling.model_files import load_model

KEPT_ROWS, KEPT_TOKENS = 8, 48  # of these every logit is kept: 230 MB with a vocabulary of 150,000


@dataclass(frozen=True)
class Answers:
    """What a model made of the texts: logits (positions, vocabulary) in float32 on the CPU, and the loss of all."""

    logits: torch.Tensor
    loss_sum: float
    tokens: int

    @property
    def perplexity(self) -> float:
        return float(torch.exp(torch.tensor(self.loss_sum / max(1, self.tokens), dtype=torch.float64)))


def ask(model: Any, rows: Sequence[Sequence[int]], device: torch.device, on_row: Callable[[], None]) -> Answers:
    """Run every row (token ids) through ``model``; ``on_row`` is called after each and may raise."""
    kept, loss_sum, tokens = [], 0.0, 0
    with torch.inference_mode():
        for number, row in enumerate(rows):
            ids = torch.tensor([list(row)], device=device)
            logits = model(input_ids=ids, use_cache=False).logits[0].float()
            if len(row) > 1:
                loss_sum += float(torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="sum"))
                tokens += len(row) - 1
            if number < KEPT_ROWS:
                kept.append(logits[:KEPT_TOKENS].cpu())
            on_row()
    return Answers(torch.cat(kept), loss_sum, tokens)


def compare(expected: Answers, found: Answers) -> Difference:
    """``found`` against ``expected``; the vocabulary may have grown in one of them, its common part counts."""
    width = min(expected.logits.shape[1], found.logits.shape[1])
    p, q = expected.logits[:, :width], found.logits[:, :width]
    largest, kl = 0.0, 0.0
    for one, other in zip(p.split(64), q.split(64), strict=True):  # double precision, 64 positions at a time
        apart = (one - other).abs().max()
        largest = max(largest, float(apart)) if bool(torch.isfinite(apart)) else float("nan")
        log_p, log_q = one.double().log_softmax(-1), other.double().log_softmax(-1)
        kl += float((log_p.exp() * (log_p - log_q)).sum())
    return Difference(largest, max(0.0, kl / len(p)), expected.perplexity, found.perplexity)


@contextmanager
def loaded(
    folder: Path, dtype: torch.dtype, device: torch.device, quantization: str = "none", trust_remote_code: bool = False,
    double_quant: bool = True,
) -> Iterator[Any]:  # fmt: skip
    """A model for as long as the block lasts. Raises ModelError or MachineError when it can't be loaded."""
    try:
        model = load_model(
            folder, dtype=dtype, device_map={"": device}, use_safetensors=True, trust_remote_code=trust_remote_code,
            quantization_config=_quantized(quantization, dtype, double_quant),
        ).model.eval()  # fmt: skip
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise MachineError("export.out-of-memory", folder=folder, dtype=str(dtype).removeprefix("torch.")) from error
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise ModelError("export.model-unusable", folder=folder, reason=in_words(error, 300)) from error
    try:
        yield model
    finally:
        del model
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()


def attach(model: Any, adapters: Sequence[tuple[Path, float]], vocab_size: int) -> Any:
    """``model`` with the adapters on it, unmerged, as PEFT computes them. Raises ModelError."""
    if vocab_size != model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(vocab_size, mean_resizing=False)
    (_, weight), *others = adapters
    adapted = model
    for number, (folder, _) in enumerate(adapters):
        adapted = put_on(adapted, folder, f"a{number}")
    if others or weight != 1:
        names = [f"a{number}" for number in range(len(adapters))]
        adapted.base_model.set_adapter(names)
        for module in adapted.modules():
            scaling = getattr(module, "scaling", None)
            if isinstance(scaling, dict):
                for name, (_, factor) in zip(names, adapters, strict=True):
                    if name in scaling:
                        scaling[name] *= factor
    return adapted.eval()


def rows_in_vocabulary(folder: Path) -> int:
    """The vocabulary's size by the model's config."""
    config = json.loads((folder / "config.json").read_bytes())
    inner = config.get("text_config")
    return int(config.get("vocab_size") or (inner or {})["vocab_size"])


def _quantized(quantization: str, dtype: torch.dtype, double_quant: bool) -> BitsAndBytesConfig | None:
    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    if quantization == "nf4":
        return BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=double_quant,
            bnb_4bit_compute_dtype=dtype,
        )  # fmt: skip
    return None
