"""Checks across fields, and the one form every finding about a config takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.config.metric_names import USER_METRIC
from engine.config.schema import DatasetSection, RunConfig
from engine.messages.catalogue import part, text
from engine.messages.message import Message

LEAST_REPLAY, MOST_REPLAY = 0.01, 0.5
"""Shares of old rows under which they hardly help, and above which they stand in the way."""


@dataclass(frozen=True)
class Issue:
    """A finding. ``field`` is the TOML path (``train.batch_size``, ``data.0.path``).

    ``what`` says it: the entry's value what is wrong, its ``hint`` what to do.
    """

    level: Literal["error", "warning", "note"]
    field: str
    what: Message

    @property
    def message(self) -> str:
        return text(self.what)

    @property
    def fix(self) -> str:
        return part(self.what, "hint")

    @property
    def line(self) -> Message:
        """All of it, for one line."""
        return Message("config.issue", field=self.field, what=self.what)

    def __str__(self) -> str:
        return text(self.line)


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
            Message("rules.micro-batch-below-row", tokens=train.micro_batch_tokens, longest=dataset.max_length),
        )  # fmt: skip
    if train.optim.endswith("8bit"):
        yield Issue("note", "train.optim", Message("rules.optim-8bit"))
    if model.quantization == "int8":
        yield Issue("note", "model.quantization", Message("rules.int8-slow"))
    if train.learning_rate > 2e-3:
        yield Issue("warning", "train.learning_rate", Message("rules.rate-high", rate=train.learning_rate))
    if adapter.lora_alpha / adapter.r > 8:
        yield Issue("warning", "adapter.lora_alpha", Message("rules.alpha-high"))
    if model.trust_remote_code:
        yield Issue("warning", "model.trust_remote_code", Message("rules.remote-code"))
    if model.allow_pickle:
        yield Issue("warning", "model.allow_pickle", Message("rules.pickle"))
    held_out = dataset.eval_share if dataset.eval_rows is None else dataset.eval_rows
    if not held_out:
        yield Issue("warning", "dataset.eval_share", Message("rules.nothing-held-out"))
    together = (dataset.eval_share if dataset.eval_rows is None else 0) + dataset.test_share
    if dataset.test_rows is None and together >= 1:
        yield Issue("error", "dataset.test_share", Message("rules.nothing-to-train", share=together))
    if config.launch.distributed in ("fsdp", "deepspeed"):
        yield Issue("error", "launch.distributed", Message("rules.whole-copies"))
    yield from _devices(config)
    yield from _targets(adapter.target_modules)
    if config.eval.early_stopping_patience and not held_out:
        yield Issue("error", "eval.early_stopping_patience", Message("rules.patience-without-rows"))
    if config.eval.best_by != "loss" and not held_out:
        yield Issue("error", "eval.best_by", Message("rules.best-by-without-rows"))
    if config.eval.baseline in ("zero_shot", "few_shot") and not (config.eval.metrics or config.eval.metric_file):
        yield Issue("note", "eval.baseline", Message("rules.baseline-unused"))
    if USER_METRIC in config.eval.metrics and not config.eval.metric_file:
        yield Issue("error", "eval.metrics", Message("rules.no-metric-file"))
    if dataset.too_long == "split" and dataset.train_on != "all":
        yield Issue("note", "dataset.too_long", Message("rules.only-text-is-split"))
    yield from _of_overlap(dataset)
    if dataset.packing is True and model.attn_implementation in ("sdpa", "eager"):
        yield Issue("note", "dataset.packing", Message("rules.packing-by-mask", kernel=model.attn_implementation))
    yield from _of_mix(config)
    if model.chat_template.endswith(".jinja") and not Path(model.chat_template).is_file():
        yield Issue("error", "model.chat_template", Message("rules.no-template-file", path=model.chat_template))


def _devices(config: RunConfig) -> Iterator[Issue]:
    """Several devices are several GPUs, or several processes on the CPU."""
    devices = config.launch.devices
    if len(devices) == 1:
        return
    gpus = [name for name in devices if name != "cpu"]
    if len(gpus) != len(set(gpus)):
        yield Issue("error", "launch.gpus", Message("rules.gpu-named-twice", gpus=config.launch.gpus))
    elif "auto" in devices or 0 < len(gpus) < len(devices):
        yield Issue("error", "launch.gpus", Message("rules.no-list-of-gpus", gpus=config.launch.gpus))
    elif config.train.batch_size < len(devices):
        yield Issue(
            "error", "train.batch_size",
            Message("rules.batch-below-devices", rows=config.train.batch_size, devices=len(devices)),
        )  # fmt: skip


def _targets(named: str | list[str]) -> Iterator[Issue]:
    """A text that is neither "all-linear" nor a pattern: PEFT takes every text for a regular expression."""
    if not isinstance(named, str):
        return
    field, names = "adapter.target_modules", [name for name in re.split(r"[,;\s]+", named) if name]
    if not names:
        yield Issue("error", field, Message("rules.no-layers"))
    elif len(names) > 1 and all(re.fullmatch(r"[\w.]+", name) for name in names):
        yield Issue("error", field, Message("rules.list-as-text", given=named[:60], names=json.dumps(names)))
    else:
        try:
            re.compile(named)
        except re.error as error:
            yield Issue("error", field, Message("rules.no-pattern", given=named[:60], reason=str(error)))


def _of_overlap(dataset: DatasetSection) -> Iterator[Issue]:
    """Each piece of a text must bring something new; what pieces share is computed twice."""
    field, overlap, limit = "dataset.split_overlap", dataset.split_overlap, dataset.max_length
    if overlap and dataset.too_long != "split":
        yield Issue("note", field, Message("rules.overlap-unused"))
    elif overlap >= limit:
        yield Issue("error", field, Message("rules.overlap-whole", overlap=overlap, longest=limit, enough=limit // 8))
    elif 2 * overlap > limit:
        yield Issue(
            "warning", field,
            Message("rules.overlap-large", share=overlap / limit, times=limit / (limit - overlap), enough=limit // 8),
        )  # fmt: skip


def _strategy(config: RunConfig) -> Iterator[Issue]:
    strategy = config.strategy
    if strategy.kind != "fresh" and not strategy.adapter:
        yield Issue("error", "strategy.adapter", Message("rules.adapter-needed", kind=strategy.kind))
    elif strategy.kind == "fresh" and strategy.adapter:
        yield Issue("note", "strategy.adapter", Message("rules.adapter-unused"))
    if strategy.take_optimizer and strategy.kind != "continue":
        yield Issue("note", "strategy.take_optimizer", Message("rules.optimizer-unused"))


def _of_mix(config: RunConfig) -> Iterator[Issue]:
    """What can be said of shares and roles before the rows are counted."""
    shares = [source.share for source in config.data]
    given = sum(share for share in shares if share is not None)
    if None in shares and given >= 1:
        yield Issue("error", "data", Message("rules.shares-take-all", share=given))
    if all(source.role == "replay" for source in config.data):
        yield Issue("error", "data.0.role", Message("rules.all-replay"))
    for index, source in enumerate(config.data):
        if source.streaming and source.max_rows is None:
            yield Issue("error", f"data.{index}.max_rows", Message("rules.endless-stream"))
        if source.role == "replay" and source.share is None:
            yield Issue("warning", f"data.{index}.share", Message("rules.replay-without-share"))
        elif source.role == "replay" and (effect := replay_effect(source.share or 0.0)):
            what = Message("rules.replay-share", share=source.share, effect=effect)
            yield Issue("warning", f"data.{index}.share", what)


def replay_effect(share: float) -> Message | None:
    """What is wrong with so much replay; None for nothing."""
    if share < LEAST_REPLAY:
        return Message("rules.replay-too-small")
    return Message("rules.replay-too-large") if share > MOST_REPLAY else None
