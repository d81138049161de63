"""The proof of a merge: the same texts through base + adapter and through the merged model, and how far apart."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import MachineError
from engine.export.merge.adapter_change import Adapter, open_adapter
from engine.export.merge.plan import Plan, config_of, make_plan
from engine.export.proof.models import Answers, ask, attach, compare, loaded, rows_in_vocabulary
from engine.export.proof.rows import ROW_TOKENS, ROWS, own_rows
from engine.export.proof.verdict import Proof
from engine.export.proof.weights import check_weights, put_exact
from engine.export.tensor_files import DTYPES
from engine.machine.host import read_host
from engine.models.card import ModelCard, read_card
from engine.models.weight_hash import weight_files
from engine.models.weights import read_header

Progress = Callable[[int, int], None]


def prove(
    base: Path,
    adapters: Sequence[tuple[str | Path, float]],
    merged: Path,
    rows: Sequence[Sequence[int]] = (),
    device: str = "cpu",
    on_progress: Progress = lambda done, total: None,
    trust_remote_code: bool = False,
) -> Proof:
    """Compare ``base`` + ``adapters`` with ``merged`` on ``rows`` of token ids (none: a few texts of our own).

    The written tensors are checked against the exact sums; then base + adapter and the merged model answer, in float32
    where that fits into memory, and in the merged files' own 16 bits; where the adapter was trained on a quantized
    base, with that base too. Where a GPU ``device`` is too small, the CPU computes. ``on_progress`` gets tensors and
    texts done and in all, and may raise. Raises ModelError and MachineError when something can't be loaded.
    """
    card = read_card(merged)
    reason = _not_comparable(adapters)
    if reason:
        return Proof(0, 0, reason=reason)
    texts = [list(row)[:ROW_TOKENS] for row in rows if len(row) > 1][:ROWS] or own_rows(merged)
    where = torch.device(device if device == "cpu" or _fits(card, 2, torch.device(device)) else "cpu")
    full = _fits(card, 4, where)
    if not full and not _fits(card, 2, where):
        raise MachineError(
            "The memory is too small for the proof",
            f"{card.name} takes {(card.parameters or 0) * 2 / 1e9:.1f} GB in 16 bits to answer with.",
            "Prove it on a larger machine, or merge without the proof.",
        )
    half = torch.float16 if card.dtype == "float16" else torch.bfloat16
    in_half = card.dtype != "float32" or not full
    with ExitStack() as stack:
        opened = [open_adapter(name, weight) for name, weight in adapters]
        for adapter in opened:
            stack.callback(adapter.source.close)
        plan = make_plan(base, config_of(base), opened, _converted_to(merged))
        stack.callback(plan.close)
        folders = [(adapter.folder, adapter.weight) for adapter in opened]
        trained = {quantization_of(folder) for folder, _ in folders} - {"none"}
        trained_as = trained.pop() if len(trained) == 1 else ""
        tensors = sum(len(shard.outputs) for shard in plan.shards)
        count = tensors + len(texts) * (4 * full + 2 * in_half + (not full) + bool(trained_as))
        tick = _Tick(on_progress, count)
        asking = _Asking(base, merged, folders, texts, where, tick, trust_remote_code)
        proof = Proof(
            sum(map(len, texts)), len(texts), card.dtype, complaint=check_weights(plan, merged, tick),
            sixteen_dtype=str(half).removeprefix("torch.") if in_half else "", trained_as=trained_as,
        )  # fmt: skip
        return asking.in_float32(proof, plan, half if in_half else None) if full else asking.in_half(proof, half)


class _Tick:
    """Counts up and tells."""

    def __init__(self, on_progress: Progress, total: int) -> None:
        self._tell, self._total, self._done = on_progress, total, 0

    def __call__(self) -> None:
        self._done += 1
        self._tell(self._done, self._total)


@dataclass
class _Asking:
    """The comparisons of one proof; each loads one model at a time."""

    base: Path
    merged: Path
    adapters: Sequence[tuple[Path, float]]
    texts: Sequence[Sequence[int]]
    device: torch.device
    tick: Callable[[], None]
    trust_remote_code: bool

    def in_float32(self, proof: Proof, plan: Plan, half: torch.dtype | None) -> Proof:
        """Everything: exact, stored, and in 16 bits where the files have those."""
        expected, alone = self._adapted(torch.float32, alone=True)
        with self._loaded(self.merged, torch.float32) as model:
            stored = self._ask(model)
            put_exact(model, plan)
            exact = self._ask(model)
        proof = replace(
            proof, largest_logit=float(expected.logits.abs().max()), effect=compare(expected, alone),
            exact=compare(expected, exact), stored=compare(expected, stored),
        )  # fmt: skip
        if proof.trained_as:
            quantized = self._adapted(torch.float32, quantization=proof.trained_as)[0]
            proof = replace(proof, trained=compare(quantized, stored))
        if half is None:
            return proof
        adapted, _ = self._adapted(half)
        proof = replace(proof, rounding=compare(expected, adapted))
        with self._loaded(self.merged, half) as model:
            return replace(proof, sixteen=compare(adapted, self._ask(model)))

    def in_half(self, proof: Proof, half: torch.dtype) -> Proof:
        """What can be said where float32 does not fit."""
        expected, alone = self._adapted(half, alone=True)
        with self._loaded(self.merged, half) as model:
            merged = self._ask(model)
        proof = replace(proof, effect=compare(expected, alone), sixteen=compare(expected, merged))
        if proof.trained_as:
            quantized = self._adapted(half, quantization=proof.trained_as)[0]
            proof = replace(proof, trained=compare(quantized, merged))
        return proof

    def _adapted(self, dtype: torch.dtype, quantization: str = "none", alone: bool = False) -> tuple[Answers, Answers]:
        """Answers of base + adapter, and with ``alone`` those of the base without it (else the same again)."""
        with self._loaded(self.base, dtype, quantization) as model:
            both = attach(model, self.adapters, rows_in_vocabulary(self.merged))
            answers = self._ask(both)
            if not alone:
                return answers, answers
            with both.disable_adapter():
                return answers, self._ask(both)

    def _loaded(self, folder: Path, dtype: torch.dtype, quantization: str = "none") -> AbstractContextManager[Any]:
        double = all(_trained_with(adapter).get("double_quant", True) for adapter, _ in self.adapters)
        return loaded(folder, dtype, self.device, quantization, self.trust_remote_code, double)

    def _ask(self, model: Any) -> Answers:
        return ask(model, self.texts, self.device, self.tick)


def quantization_of(adapter: Path) -> str:
    """How the base was stored when ``adapter`` was trained: none, nf4 or int8, by its run's config; none if unknown."""
    value = _trained_with(adapter).get("quantization", "none")
    return value if value in ("nf4", "int8") else "none"


def _trained_with(adapter: Path) -> dict[str, Any]:
    """The model's section of the config of the run that made ``adapter``; empty for others."""
    try:
        with (adapter.parent / "config.toml").open("rb") as file:
            section = tomllib.load(file).get("model", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return section if isinstance(section, dict) else {}


def _not_comparable(adapters: Sequence[tuple[str | Path, float]]) -> str:
    """Why PEFT can't compute these adapters together unmerged; empty where it can."""
    if len(adapters) == 1 and adapters[0][1] == 1:
        return ""
    for name, weight in adapters:
        adapter = open_adapter(name, weight)
        adapter.source.close()
        if not _is_plain(adapter):
            return (
                f"{adapter.folder.name} has more than A and B matrices, and of such PEFT can neither add up several "
                "nor weigh one without merging. Merge them one at a time, with weight 1, to prove each."
            )
    return ""


def _is_plain(adapter: Adapter) -> bool:
    parts = adapter.parts.values()
    return all(
        part.kind in ("linear", "embedding") and not (part.whole or part.tokens or part.magnitude or part.residual)
        for part in parts
    )


def _converted_to(merged: Path) -> str | None:
    """The one dtype all tensors were written in; None where they kept several, as the base has them."""
    headers = [read_header(file) for file in weight_files(merged)]
    dtypes = {tensor.dtype for header in headers for tensor in header.values()} & DTYPES.keys()
    return dtypes.pop() if len(dtypes) == 1 else None


def _fits(card: ModelCard, bytes_each: int, device: torch.device) -> bool:
    """Whether the model in that precision, with some room to compute, fits into what is free now."""
    needed = (card.parameters or 0) * bytes_each * 1.15 + (1 << 30)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] > needed
    return read_host([]).ram_available_bytes > needed
