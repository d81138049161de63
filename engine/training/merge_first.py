"""Strategy "merge": the old adapter becomes part of the base, proven, before a new one is trained on the result."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import ModelError
from engine.common.files import read_json, write_atomic
from engine.config.schema import RunConfig
from engine.export.merge.write import merge, write_json
from engine.export.proof.prove import data_rows, prove
from engine.export.proof.verdict import ROUNDING_SHARE, Proof
from engine.messages.message import Message
from engine.models.adapter.card import read_adapter
from engine.models.adapter.config import PROOF_FILE
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.phases import Phases, Sink
from engine.tokens.tokenizer import locate
from engine.training.old_adapter import parent_of


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
    told = proof.sentences()
    if proof.verdict == "failed":
        raise ModelError("training.merge-unproven", folder=target, reason=" ".join(told))
    if proof.verdict != "proven":
        sink(ev.Warn(message=Message("events.merge-not-proven", reason=Message.from_json(told[0]))))
    elif proof.rounding_share > ROUNDING_SHARE:
        sink(ev.Warn(message=Message("events.merge-rounding", share=proof.rounding_share)))
