"""The tiny model and the rows that a self-test trains: random weights, made on the spot, the same each time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.config.schema import RunConfig
from engine.distributed.device import Placement
from engine.modeling.out_of_memory import MemoryGuard
from engine.models.card import ModelCard, read_card
from engine.runs import events as ev
from engine.runs.steering import Steering
from engine.tokens.examples import Example
from engine.tokens.render import CHATML_TEMPLATE
from engine.tokens.tokenizer import Words, load_words
from engine.training.prepare import Built, build

SEED = 0
_PRECISION = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "no"}
_NAMES = {torch.bfloat16: "bfloat16", torch.float16: "float16", torch.float32: "float32"}


@dataclass(frozen=True)
class Size:
    """Dimensions of the model, and rows and tokens of the runs that measure memory."""

    hidden: int
    layers: int
    vocabulary: int
    row_words: int
    micro_batch_tokens: int


ON_CPU = Size(256, 2, 512, 40, 1024)
ON_GPU = Size(1024, 4, 32_000, 400, 8192)
"""About 110 million weights: enough for a peak that stands out from what every program on a GPU takes."""


@dataclass(frozen=True)
class Trial:
    """``device`` is cpu or cuda; ``gpus`` are what ``launch.gpus`` may name, the first of them is the device.

    ``folder`` is this self-test's own.
    """

    folder: Path
    device: torch.device
    gpus: tuple[str, ...]
    size: Size
    model: Path

    def config(self, **sections: dict[str, Any]) -> RunConfig:
        """A run on the tiny model, three steps of eight rows, nothing generated; ``sections`` go on top."""
        values: dict[str, Any] = {
            "model": {"name_or_path": str(self.model), "quantization": "none"},
            "data": [{"path": str(self.folder / "rows.jsonl")}],
            "dataset": {"max_length": 2048, "eval_rows": 0, "eval_share": 0.0},
            "adapter": {"r": 8, "lora_alpha": 16, "lora_dropout": 0.0},
            "train": {
                "max_steps": 3, "batch_size": 8, "learning_rate": 1e-3,
                "micro_batch_tokens": self.size.micro_batch_tokens,
            },
            "eval": {"every": 1000, "forgetting": False}, "checkpoint": {"every": 1000}, "sample": {"rows": 0},
            "launch": {"gpus": self.gpus[0]},
        }  # fmt: skip
        for name, section in sections.items():
            values[name] = values.get(name, {}) | section
        return RunConfig.model_validate(values)

    def built(
        self, dtype: torch.dtype, quantization: str, recompute: bool = False, device: torch.device | None = None
    ) -> Built:
        """Model, adapter and optimizer as a run would build them, with an adapter that does something already."""
        config = self.config(
            model={"quantization": quantization, "dtype": _NAMES[dtype]}, train={"gradient_checkpointing": recompute}
        )
        place = device or self.device
        memory = MemoryGuard(place, lambda event: None)
        made = build(config, self.card, self.words, Placement(place, dtype, _PRECISION[dtype]), memory, Steering())
        _fill_adapter(made.model)
        return made

    @property
    def card(self) -> ModelCard:
        return read_card(self.model)

    @property
    def words(self) -> Words:
        return load_words(self.card, self.config().model)

    def examples(self) -> list[Example]:
        """Six rows of 20 to 120 tokens, of which the second half is trained."""
        draw = torch.Generator().manual_seed(SEED)
        rows: list[Example] = []
        for length in (20, 37, 53, 64, 90, 120):
            ids = torch.randint(10, 500, (length,), generator=draw).int()
            labels = ids.clone()
            labels[: length // 2] = -100
            rows.append(Example(ids.numpy(), labels.numpy(), 0, len(rows)))
        return rows


def make_trial(folder: Path, device: torch.device, gpus: tuple[str, ...]) -> Trial:
    """Write model, tokenizer and rows into ``folder``."""
    trial = known_trial(folder, device, gpus)
    size = trial.size
    _write_model(trial.model, size)
    rows = [
        {"prompt": f"Count {number}.", "completion": " ".join(f"{number * word}" for word in range(size.row_words))}
        for number in range(1, 41)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return trial


def known_trial(folder: Path, device: torch.device, gpus: tuple[str, ...]) -> Trial:
    """The trial whose files are in ``folder``."""
    return Trial(folder, device, gpus, ON_CPU if device.type == "cpu" else ON_GPU, folder / "model")


def _write_model(folder: Path, size: Size) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer()
    config = LlamaConfig(
        vocab_size=size.vocabulary, hidden_size=size.hidden, intermediate_size=3 * size.hidden,
        num_hidden_layers=size.layers, num_attention_heads=size.hidden // 64, num_key_value_heads=size.hidden // 128,
        max_position_embeddings=4096, tie_word_embeddings=False, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, initializer_range=0.05,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer() -> Any:
    """One token a byte, and the marks of ChatML."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    names = [*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    backend = Tokenizer(models.BPE({name: number for number, name in enumerate(names)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|pad|>", model_max_length=4096
    )
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    tokenizer.chat_template = CHATML_TEMPLATE
    return tokenizer


def _fill_adapter(model: Any) -> None:
    """The same small random numbers in every adapter: a fresh one adds nothing, and half its gradients are nought."""
    draw = torch.Generator().manual_seed(SEED)
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    with torch.no_grad():
        for name in sorted(trained):
            parameter = trained[name]
            parameter.copy_(torch.randn(parameter.shape, generator=draw).mul_(0.05))


Heard = Callable[[ev.Event, Steering], None]


def run_session(trial: Trial, config: RunConfig, name: str, react: Heard) -> None:
    """Train ``config`` as a runner would, in a run folder of this self-test's own; ``react`` hears every event."""
    from engine.config import toml
    from engine.config.presets import Layer, resolve
    from engine.runs import directory
    from engine.training.session import Session

    resolved = resolve([Layer("selftest", config.model_dump(mode="json", exclude_none=True))])
    run = directory.create(name, toml.dumps(resolved), root=trial.folder / "runs")
    steering = Steering()
    Session(run, resolved.config, lambda event: react(event, steering), steering).execute(resume=False)
