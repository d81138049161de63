"""Checks across fields, and the one form every finding about a config takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.config.schema import DatasetSection, RunConfig

LEAST_REPLAY, MOST_REPLAY = 0.01, 0.5
"""Shares of old rows under which they hardly help, and above which they stand in the way."""


@dataclass(frozen=True)
class Issue:
    """A finding. ``field`` is the TOML path (``train.batch_size``, ``data.0.path``); ``fix`` says what to do."""

    level: Literal["error", "warning", "note"]
    field: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" + (f" {self.fix}" if self.fix else "")


def check(config: RunConfig) -> list[Issue]:
    """Everything that can be said about ``config`` without opening a file or loading a model."""
    return list(_findings(config))


def errors(issues: list[Issue]) -> list[Issue]:
    return [issue for issue in issues if issue.level == "error"]


def _findings(config: RunConfig) -> Iterator[Issue]:
    train, dataset, adapter, model = config.train, config.dataset, config.adapter, config.model
    yield from _strategy(config)
    if isinstance(train.micro_batch_tokens, int) and train.micro_batch_tokens < dataset.max_length:
        yield Issue(
            "warning", "train.micro_batch_tokens",
            f"{train.micro_batch_tokens:,} is less than dataset.max_length ({dataset.max_length:,}): "
            "a longer row is still computed whole, alone.",
        )  # fmt: skip
    if train.optim.endswith("8bit"):
        yield Issue("note", "train.optim", "8-bit states need an NVIDIA GPU.", 'Without one use optim = "adamw".')
    if model.quantization == "int8":
        yield Issue(
            "note", "model.quantization",
            "each layer looks for outliers, and on a GPU the host waits for that: hundreds of times a micro-batch.",
            '"nf4" takes half of its memory and is usually faster; "none" is the fastest where it fits.',
        )  # fmt: skip
    if train.learning_rate > 2e-3:
        yield Issue(
            "warning", "train.learning_rate", f"{train.learning_rate:g} is high even for LoRA and may diverge.",
            "1e-4 to 5e-4 is usual.",
        )  # fmt: skip
    if adapter.lora_alpha / adapter.r > 8:
        yield Issue("warning", "adapter.lora_alpha", "more than 8 times the rank: the update is scaled up a lot.")
    if model.trust_remote_code:
        yield Issue("warning", "model.trust_remote_code", "Python code that comes with the model will be run.")
    if model.allow_pickle:
        yield Issue("warning", "model.allow_pickle", "pickled weights can run any code when they are loaded.")
    held_out = dataset.eval_share if dataset.eval_rows is None else dataset.eval_rows
    if not held_out:
        yield Issue("warning", "dataset.eval_share", "nothing is held out: nobody can tell whether it learnt.")
    together = (dataset.eval_share if dataset.eval_rows is None else 0) + dataset.test_share
    if dataset.test_rows is None and together >= 1:
        yield Issue(
            "error", "dataset.test_share",
            f"with dataset.eval_share it makes {together:.0%}: nothing is left to train on.",
            "Together they must stay below 1.",
        )  # fmt: skip
    if config.launch.distributed in ("fsdp", "deepspeed"):
        yield Issue(
            "error", "launch.distributed", "this version keeps a whole copy of the model on each GPU.",
            'Set it to "auto"; several GPUs are launch.gpus = "0,1".',
        )  # fmt: skip
    yield from _devices(config)
    yield from _targets(adapter.target_modules)
    if config.eval.early_stopping_patience and not held_out:
        yield Issue("error", "eval.early_stopping_patience", "needs held-out rows.", "Set dataset.eval_share.")
    if dataset.too_long == "split" and dataset.train_on != "all":
        yield Issue("note", "dataset.too_long", "only plain text is split; longer dialogues are dropped.")
    yield from _of_overlap(dataset)
    if dataset.packing is True and model.attn_implementation in ("sdpa", "eager"):
        yield Issue(
            "note", "dataset.packing",
            f"{model.attn_implementation} parts packed rows by a mask over whole sequences: more memory, no speed.",
            'Use "auto", or attn_implementation = "flash_attention_2", which takes row by row.',
        )  # fmt: skip
    yield from _of_mix(config)
    if model.chat_template.endswith(".jinja") and not Path(model.chat_template).is_file():
        yield Issue("error", "model.chat_template", f"no such file: {model.chat_template}")


def _devices(config: RunConfig) -> Iterator[Issue]:
    """Several devices are several GPUs, or several processes on the CPU."""
    devices = config.launch.devices
    if len(devices) == 1:
        return
    gpus = [name for name in devices if name != "cpu"]
    if len(gpus) != len(set(gpus)):
        yield Issue("error", "launch.gpus", f"a GPU is named twice: {config.launch.gpus}", "Name each once.")
    elif "auto" in devices or 0 < len(gpus) < len(devices):
        yield Issue("error", "launch.gpus", f"{config.launch.gpus} is no list of GPUs.", 'Name them, e.g. "0,1".')
    elif config.train.batch_size < len(devices):
        yield Issue(
            "error", "train.batch_size", f"{config.train.batch_size} rows a step can't occupy {len(devices)} devices.",
            f"Set it to {len(devices)} or more.",
        )  # fmt: skip


def _targets(named: str | list[str]) -> Iterator[Issue]:
    """A text that is neither "all-linear" nor a pattern: PEFT takes every text for a regular expression."""
    if not isinstance(named, str):
        return
    names = [name for name in re.split(r"[,;\s]+", named) if name]
    if not names:
        yield Issue("error", "adapter.target_modules", "names no layers.", 'Write "all-linear", or a list of names.')
    elif len(names) > 1 and all(re.fullmatch(r"[\w.]+", name) for name in names):
        yield Issue(
            "error", "adapter.target_modules", f"'{named[:60]}' is one text, which would be taken for a pattern.",
            f"Write a list: {json.dumps(names)}",
        )  # fmt: skip
    else:
        try:
            re.compile(named)
        except re.error as error:
            yield Issue("error", "adapter.target_modules", f"'{named[:60]}' is no pattern that can be read: {error}.")


def _of_overlap(dataset: DatasetSection) -> Iterator[Issue]:
    """Pieces of a text must go on; what they share is computed twice."""
    overlap, limit = dataset.split_overlap, dataset.max_length
    if overlap and dataset.too_long != "split":
        yield Issue("note", "dataset.split_overlap", 'only used with too_long = "split".')
    elif overlap >= limit:
        yield Issue(
            "error", "dataset.split_overlap", f"{overlap:,} is not less than dataset.max_length ({limit:,}): "
            "no piece of a text would bring anything new.", f"Set it to {limit // 8:,}, or leave it out.",
        )  # fmt: skip
    elif 2 * overlap > limit:
        yield Issue(
            "warning", "dataset.split_overlap", f"{overlap / limit:.0%} of each piece repeat the one before: a text is "
            f"computed {limit / (limit - overlap):.1f} times over.", f"{limit // 8:,} is usually enough.",
        )  # fmt: skip


def _strategy(config: RunConfig) -> Iterator[Issue]:
    strategy = config.strategy
    if strategy.kind != "fresh" and not strategy.adapter:
        yield Issue(
            "error", "strategy.adapter", f"'{strategy.kind}' needs the adapter it goes on from.",
            "Name its folder, or the run that made it.",
        )  # fmt: skip
    elif strategy.kind == "fresh" and strategy.adapter:
        yield Issue("note", "strategy.adapter", "a fresh start does not use the old adapter.")
    if strategy.take_optimizer and strategy.kind != "continue":
        yield Issue("note", "strategy.take_optimizer", "only 'continue' can take over an optimizer's state.")


def _of_mix(config: RunConfig) -> Iterator[Issue]:
    """What can be said of shares and roles before the rows are counted."""
    shares = [source.share for source in config.data]
    given = sum(share for share in shares if share is not None)
    if None in shares and given >= 1:
        yield Issue(
            "error", "data", f"the shares add up to {given:.0%}, which leaves nothing for the sources without one.",
            "Lower them, or give every source a share.",
        )  # fmt: skip
    if all(source.role == "replay" for source in config.data):
        yield Issue("error", "data.0.role", "every source is replay: nothing new would be learnt.", 'Use role = "new".')
    for index, source in enumerate(config.data):
        if source.streaming and source.max_rows is None:
            yield Issue(
                "error", f"data.{index}.max_rows", "a stream has no end that is known: say how many rows to draw.",
                "10_000 is a beginning.",
            )  # fmt: skip
        if source.role == "replay" and source.share is None:
            yield Issue(
                "warning", f"data.{index}.share", "replay without a share takes all of its rows each pass.",
                "0.1 (a tenth of the tokens) is usual.",
            )  # fmt: skip
        elif source.role == "replay" and (effect := replay_effect(source.share or 0.0)):
            yield Issue(
                "warning", f"data.{index}.share", f"{source.share:.1%} of replay {effect}.",
                "0.1 (a tenth of the tokens) is usual.",
            )  # fmt: skip


def replay_effect(share: float) -> str:
    """What is wrong with so much replay; "" for nothing."""
    if share < LEAST_REPLAY:
        return "hardly keeps what was known"
    return "slows the learning of the new" if share > MOST_REPLAY else ""
