"""The proof of a merge: the same texts through base + adapter and through the merged model, and how far apart."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from engine.common.clean_text import in_words
from engine.common.errors import MachineError, ModelError
from engine.config.schema import RunConfig
from engine.data.reader import load
from engine.export.merge.lora import Adapter, Output, blocks, open_adapter
from engine.export.merge.plan import Plan, config_of, make_plan, stored_name
from engine.export.proof.answers import Answers, ask, attach, compare, loaded, rows_in_vocabulary
from engine.export.proof.verdict import Proof
from engine.export.tensor_files import DTYPES, TensorFile
from engine.machine.host import read_host
from engine.messages.message import Message
from engine.modeling.model_names import places_of
from engine.models.card import ModelCard, read_card
from engine.models.weights import read_header, weight_files
from engine.tokens.render import Renderer, RenderError
from engine.tokens.tokenizer import load_words

Progress = Callable[[int, int], None]
# Half the distance between neighbouring numbers, relative and at the smallest; float32 sums may be ordered otherwise.
_ROUNDING = {
    torch.bfloat16: (2**-8, 1e-38),
    torch.float16: (2**-11, 2**-25),
    torch.float32: (2**-20, 1e-9),
}
_SLACK = 1.01
ROWS, ROW_TOKENS = 48, 512
_TEXTS = (
    "The capital of France is Paris, which lies on the river Seine.",
    "Write a short letter to a friend and thank them for their help with the move last week.",
    'Return the order as JSON: {"item": "green tea", "quantity": 3, "paid": false, "city": "Lima"}',
    "def mean(values):\n    total = 0.0\n    for value in values:\n        total += value\n    return total",
    "Question: A train leaves at 14:35 and arrives at 17:10. How long is the journey? Answer: 2 hours 35 minutes.",
    "Der Regen hat am Abend aufgehört, und über dem See lag noch lange ein dünner Nebel.",
    "请用一句话介绍这座城市，并说明为什么值得一去。",
    "1, 1, 2, 3, 5, 8, 13, 21, 34, 55 are the first numbers of a sequence in which each is the sum of two others.",
)


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
    where = torch.device(device if device == "cpu" or fits(card, 2, torch.device(device)) else "cpu")
    full = fits(card, 4, where)
    if not full and not fits(card, 2, where):
        raise MachineError("export.proof-memory", model=card.name, needed=(card.parameters or 0) * 2)
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


def _not_comparable(adapters: Sequence[tuple[str | Path, float]]) -> Message | None:
    """Why PEFT can't compute these adapters together unmerged; None where it can."""
    if len(adapters) == 1 and adapters[0][1] == 1:
        return None
    for name, weight in adapters:
        adapter = open_adapter(name, weight)
        adapter.source.close()
        if not _is_plain(adapter):
            return Message("export.beyond-a-and-b", adapter=adapter.folder.name)
    return None


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


def fits(card: ModelCard, bytes_each: int, device: torch.device) -> bool:
    """Whether the model in that precision, with some room to compute, fits into what is free now."""
    needed = (card.parameters or 0) * bytes_each * 1.15 + (1 << 30)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] > needed
    return read_host([]).ram_available_bytes > needed


def holds_the_sum(base: Path, adapter: Path, merged: Path) -> bool:
    """Whether ``merged`` holds ``base`` and ``adapter`` added up, each tensor rounded once. Raises ModelError."""
    with ExitStack() as stack:
        opened = open_adapter(adapter, 1.0)
        stack.callback(opened.source.close)
        plan = make_plan(base, config_of(base), [opened], _converted_to(merged))
        stack.callback(plan.close)
        return check_weights(plan, merged, lambda: None) is None


def check_weights(plan: Plan, merged: Path, on_tensor: Callable[[], None]) -> Message | None:
    """What is wrong with the files in ``merged``, None where they hold what ``plan`` says.

    Tensors that no adapter touches must be the base's byte for byte. Raises ModelError for files that can't be read.
    """
    for shard in plan.shards:
        written = TensorFile(merged / shard.name)
        try:
            if set(written.slots) != {output.name for output in shard.outputs}:
                return Message("export.other-tensors", shard=shard.name)
            for output in shard.outputs:
                slot = written.slots[output.name]
                if (slot.dtype, slot.shape) != (output.dtype, output.shape):
                    return Message(
                        "export.other-form", tensor=output.name, found=f"{slot.dtype} {slot.shape}",
                        expected=f"{output.dtype} {output.shape}",
                    )  # fmt: skip
                if not _holds(shard.source, written, output):
                    return Message("export.wrong-sum", tensor=output.name)
                on_tensor()
        finally:
            written.close()
    return None


def _holds(source: TensorFile, written: TensorFile, output: Output) -> bool:
    if not output.parts and output.dtype == source.slots[output.base].dtype:
        pairs = zip_longest(source.chunks(output.base), written.chunks(output.name))
        return all(one == other for one, other in pairs)
    relative, least = _ROUNDING[DTYPES[output.dtype]]
    for start, exact in blocks(source, output):
        rows = written.rows(output.name, start, start + len(exact)) if output.shape else written.rows(output.name)
        allowed = exact.abs().mul_(relative * _SLACK).add_(least)
        if not bool(((rows.float() - exact).abs() <= allowed).all()):
            return False
    return True


def put_exact(model: Any, plan: Plan) -> None:
    """Give ``model``, loaded from the merged files in float32, the merged numbers as they were before rounding.

    Raises ModelError where the library gave a tensor another name.
    """
    parameters = dict(model.named_parameters())
    places = places_of(model, [output.name for shard in plan.shards for output in shard.outputs if output.parts])
    for shard in plan.shards:
        for output in shard.outputs:
            if not output.parts:
                continue
            place = places.get(output.name)
            name = place.parameter if place is not None else stored_name(output.name, parameters)
            held = parameters.get(name or "")
            if held is not None and place is not None and place.expert is not None:
                held = held[place.expert].chunk(place.slots)[place.slot]
            if held is None or held.shape != output.shape:
                raise ModelError("export.tensor-renamed", tensor=output.name)
            with torch.no_grad():
                for start, exact in blocks(shard.source, output):
                    held[start : start + len(exact)].copy_(exact)


def data_rows(config: RunConfig, model: Path) -> list[list[int]]:
    """Token ids of up to 48 rows of ``config``'s data, as evenly from its sources as they allow; 512 tokens each.

    Raises DataError for data that can't be read, ModelError for a tokenizer that can't be loaded.
    """
    each = -(-ROWS // len(config.data))
    fewer = [source.model_copy(update={"max_rows": min(source.max_rows or each, each)}) for source in config.data]
    words = load_words(read_card(model), config.model)
    renderer = Renderer(words.tokenizer, words.stops)
    found = []
    for row in load(config.model_copy(update={"data": fewer})).rows[:ROWS]:
        try:
            found.append(renderer.render(row, "all")[0][:ROW_TOKENS])
        except RenderError:
            continue  # the training will say so of all rows
    return found


def own_rows(model: Path) -> list[list[int]]:
    """The texts that are used where the caller has none, as tokens of the model in ``model``. Raises ModelError."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
    except Exception as error:  # tokenizer files fail in many ways
        raise ModelError("export.tokenizer-unusable", model=model, reason=in_words(error, 300)) from error
    return [tokenizer(text)["input_ids"] for text in _TEXTS]
