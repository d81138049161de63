"""How a run goes on from what was learnt before: merged into its base, or taken over with its optimizer's state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import ModelError, own_words
from engine.common.files import read_json, write_atomic
from engine.config.schema import RunConfig
from engine.export.merge.write import merge, write_json
from engine.export.proof.prove import data_rows, prove
from engine.export.proof.verdict import ROUNDING_SHARE, Proof
from engine.messages.message import Message
from engine.models.adapter.card import AdapterCard, optimizer_file, read_adapter
from engine.models.adapter.config import CONFIG_FILE, PROOF_FILE
from engine.models.weights import hash_files
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.phases import Phases, Sink
from engine.tokens.tokenizer import locate


@dataclass(frozen=True)
class MergedBase:
    """The merged model in ``path``; ``config`` names it as the model of the rest of the run.

    ``proof`` are the values of ``Proof.as_values``. Quantization, if asked for, happens when it is loaded.
    """

    path: Path
    config: RunConfig
    proof: dict[str, Any]


def merge_first(run: RunDir, config: RunConfig, phases: Phases) -> MergedBase:
    """Merge ``strategy.adapter`` into ``model.name_or_path``, into the run's ``merged/``, and prove it.

    What a resumed run finds there proven is used as it is. When ``phases`` ends it a merge leaves nothing, a proof
    leaves the merged model. Raises ModelError when the proof fails; everything is kept.
    """
    target = run.merged
    settled = _settled(config, target)
    if settled is not None:
        return settled
    base = locate(config.model, phases.progress("download", "bytes", model=config.model.name_or_path))
    adapter = read_adapter(config.strategy.adapter)
    if not target.is_dir():
        write_atomic(run.parents, json.dumps([parent_of(adapter, "merge")], indent=1))
        phases.begin("merge", adapter=adapter.name, base=base.name)
        told = phases.progress("merge", "bytes", adapter=adapter.name, base=base.name)
        merge(base.path, [(adapter.path, 1.0)], target, told, trust_base=config.strategy.trust_base)
    phases.begin("prove")
    told = phases.progress("prove", "steps")
    proof = prove(
        base.path, [(adapter.path, 1.0)], target, data_rows(config, target),
        "cuda" if torch.cuda.is_available() else "cpu", told, config.model.trust_remote_code,
    )  # fmt: skip
    write_json(target / PROOF_FILE, proof.as_values())
    _judge(proof, target, phases.sink)
    return MergedBase(target, _on_merged(config, target), proof.as_values())


def _settled(config: RunConfig, target: Path) -> MergedBase | None:
    """The merged model of an earlier start of this run, if its proof was passed."""
    proof = read_json(target / PROOF_FILE)
    if proof.get("verdict") not in ("proven", "not comparable"):
        return None
    return MergedBase(target, _on_merged(config, target), proof)


def _on_merged(config: RunConfig, target: Path) -> RunConfig:
    model = config.model.model_copy(
        update={"name_or_path": str(target.absolute()), "revision": "main", "allow_pickle": False}
    )
    return config.model_copy(update={"model": model})


def _judge(proof: Proof, target: Path, sink: Sink) -> None:
    told = proof.told()
    if proof.verdict == "failed":
        raise ModelError("training.merge-unproven", folder=target, reason=Message("export.told-all", told=told))
    if proof.verdict != "proven":
        sink(ev.Warn(message=Message("events.merge-not-proven", reason=told[0])))
    elif proof.rounding_share > ROUNDING_SHARE:
        sink(ev.Warn(message=Message("events.merge-rounding", share=proof.rounding_share)))


def take_over(run: RunDir, config: RunConfig, optimizer: Any, sink: Sink) -> None:
    """At a run's first start: note its parents in ``parents.json`` and, if asked, load the old optimizer's state.

    The note is made now because the old adapter may be gone when the run ends. A state that is not there or does not
    fit is a warning; the optimizer then starts anew. Raises ModelError when the adapter can't be read.
    """
    if config.strategy.kind != "continue":
        return
    card = read_adapter(config.strategy.adapter, config.model.allow_pickle)
    write_atomic(run.parents, json.dumps([parent_of(card, "continue")], indent=1))
    if config.strategy.take_optimizer:
        refused = take_optimizer(optimizer, optimizer_file(card))
        if refused:
            sink(ev.Warn(message=Message("events.optimizer-not-taken", reason=refused)))


def parent_of(card: AdapterCard, kind: str) -> dict[str, str]:
    """The record of ``card`` as a parent: where it lies, which run made it, and the hashes of tensors and config."""
    digest, of_config = hash_files([card.file, card.path / CONFIG_FILE]).values()
    return {
        "kind": kind, "path": str(card.path.absolute()), "run": card.run, "sha256": digest, "config_sha256": of_config
    }  # fmt: skip


def read_parents(run: RunDir) -> list[dict[str, str]]:
    """What ``take_over`` noted; none for a run that began afresh."""
    try:
        noted = json.loads(run.parents.read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return noted if isinstance(noted, list) else []


def take_optimizer(optimizer: Any, file: Path | None) -> Message | None:
    """Load moments and step counts from ``file``; rates and decay stay this run's own. Returns why not, or None.

    Groups are flattened: other trainers part the weights by decay, which keeps their order within LoRA's matrices.
    """
    if file is None:
        return Message("events.optimizer-missing")
    try:
        old = torch.load(file, weights_only=True, map_location="cpu")
        ids = list(chain.from_iterable(group["params"] for group in old["param_groups"]))
        states = [old["state"][number] for number in ids]
    except Exception as error:  # a file of any origin may fail in any way
        return Message("events.optimizer-unreadable", file=file, reason=own_words(error, 200))
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    refused = _why_not(parameters, states, _state_names(optimizer))
    if refused:
        return Message("events.optimizer-unfit", file=file, reason=refused)
    groups = optimizer.state_dict()["param_groups"]
    numbers = chain.from_iterable(group["params"] for group in groups)
    optimizer.load_state_dict({"state": dict(zip(numbers, states, strict=True)), "param_groups": groups})
    return None


def _state_names(optimizer: Any) -> set[str]:
    inner = getattr(optimizer, "optimizer", optimizer)  # accelerate puts its own around it
    return {"exp_avg", "exp_avg_sq"} if isinstance(inner, torch.optim.AdamW) else {"state1", "state2"}


def _why_not(parameters: list[torch.Tensor], states: list[dict[str, Any]], names: set[str]) -> Message | None:
    if len(parameters) != len(states):
        return Message("events.optimizer-count", theirs=len(states), ours=len(parameters))
    for parameter, state in zip(parameters, states, strict=True):
        if not names <= state.keys():
            return Message("events.optimizer-other")
        if "exp_avg" in names and state["exp_avg"].shape != parameter.shape:
            return _shapes(state["exp_avg"].shape, parameter.shape)
        if "state1" in names and state["state1"].numel() != parameter.numel():
            return _shapes((state["state1"].numel(),), (parameter.numel(),))
    return None


def _shapes(theirs: Sequence[int], ours: Sequence[int]) -> Message:
    return Message("events.optimizer-shape", theirs=str(list(theirs)), ours=str(list(ours)))
