"""Whether an adapter belongs on a base model: layers, shapes, vocabulary, and whether it is the very same model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.common.errors import ModelError, TunedeckError
from engine.common.files import read_json
from engine.messages.message import Message
from engine.models.adapter.card import HEADS, AdapterCard, read_adapter
from engine.models.card import ModelCard
from engine.models.weights import Progress, Tensor, hash_files, stored_tensors, weight_files
from engine.runs import directory
from engine.runs.directory import RunDir

Level = Literal["ok", "unsure", "refused"]
_RANKED: tuple[Level, ...] = ("ok", "unsure", "refused")
_EMBEDDINGS = ("embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings")
# Names that repackagers put behind a model's own: the same weights, stored in another way.
_PACKAGING = re.compile(r"(?:[-_.](?:unsloth|bnb|4bit|8bit|nf4|bf16|fp16|hf|int4|int8))+$", re.IGNORECASE)
_MOST_RUNS = 200


@dataclass(frozen=True)
class Reason:
    """One finding. Only an identity can be taken on trust; a resized vocabulary can be merged but not continued."""

    level: Level
    about: Literal["layers", "shapes", "vocabulary", "identity"]
    message: Message


@dataclass(frozen=True)
class Match:
    """``level`` is that of the worst reason; ``identity`` says how surely the base is the one it was trained on."""

    reasons: tuple[Reason, ...]
    identity: Identity

    @property
    def level(self) -> Level:
        return max((reason.level for reason in self.reasons), key=_RANKED.index)

    def refusals(self, *, trust_base: bool = False, continuing: bool = False) -> tuple[Reason, ...]:
        """What stands against the two together; with ``trust_base`` doubts about identity no longer do.

        ``continuing``: the adapter is to be trained on as it is, for which the base must have its vocabulary.
        """
        return tuple(
            reason
            for reason in self.reasons
            if (reason.level == "refused" and not (trust_base and reason.about == "identity"))
            or (continuing and reason.about == "vocabulary")
        )


def match(
    adapter: AdapterCard,
    base: ModelCard,
    named: str = "",
    on_progress: Progress | None = None,
    reads_weights: bool = True,
) -> Match:
    """Compare ``adapter`` with the model in ``base``, which the user called ``named``.

    Reads headers only, and the base's weights once where the adapter recorded their hash; ``on_progress`` gets the
    bytes of that. Without ``reads_weights`` the name alone says whose it is. Raises ModelError for unreadable files.
    """
    identity = compare_base(adapter, base, named, on_progress, reads_weights)
    reasons = [*_layers(adapter, base), Reason(identity.level, "identity", identity.message)]
    return Match(tuple(reasons), identity)


def require_match(
    found: Match, adapter: AdapterCard, base: ModelCard, trust_base: bool = False, continuing: bool = False
) -> None:
    """Raise ModelError with every refusal in ``found``."""
    refusals = found.refusals(trust_base=trust_base, continuing=continuing)
    if not refusals:
        return
    about = {reason.about for reason in refusals}
    code = "adapter.base-uncertain" if about == {"identity"} else "adapter.does-not-fit"
    if about == {"vocabulary"}:
        code = "adapter.resized"
    raise ModelError(
        code, adapter=adapter.name, model=base.name,
        reasons=[reason.message for reason in refusals],
    )  # fmt: skip


def _layers(adapter: AdapterCard, base: ModelCard) -> Iterator[Reason]:
    stored = _stored(base.path)
    if adapter.is_pickle:
        yield Reason("unsure", "layers", Message("adapter.layers-adapter-pickled"))
        return
    if not stored:
        yield Reason("unsure", "layers", Message("adapter.layers-model-pickled"))
        return
    yield from _other_model(adapter, base)
    yield from _without_its_body(adapter, base)
    yield from _missing(adapter, stored)
    yield from _shapes(adapter, base, stored)
    yield from _vocabulary(adapter, base, stored)


def _other_model(adapter: AdapterCard, base: ModelCard) -> Iterator[Reason]:
    """Layers that a model of several parts keeps one level down are under another name in its text part alone."""
    config = read_json(base.path / "config.json")
    inside = [
        module.name
        for module in adapter.contents.modules
        if not {"language_model", "text_model", "thinker"}.isdisjoint(module.name.split("."))
    ]
    if inside and not any(name.endswith("_config") and isinstance(part, dict) for name, part in config.items()):
        yield Reason("refused", "layers", Message("adapter.layers-multimodal", layer=inside[0]))


def _without_its_body(adapter: AdapterCard, base: ModelCard) -> Iterator[Reason]:
    """Layers named as in the body alone, which a model that writes text keeps one level down."""
    theirs = {name.partition(".0.")[0] for name in stored_tensors(base.path) if ".0." in name}
    for module in adapter.contents.modules:
        ours = re.match(r"([^.]+)\.\d+\.", module.name)
        held = next((name for name in theirs if ours and name.endswith(f".{ours[1]}")), None)
        if ours and held and ours[1] not in theirs:
            before = held.removesuffix(ours[1])
            here = f"{before}{module.name}"
            message = Message("adapter.layers-body", layer=module.name, here=here, prefix=before)
            yield Reason("refused", "layers", message)
            return


def _stored(folder: Path) -> dict[str, list[Tensor]]:
    """The model's weights by what identifies a layer in every naming: its number and what follows, or its last name."""
    stored: dict[str, list[Tensor]] = {}
    for name, tensor in stored_tensors(folder).items():
        if name.endswith(".weight") or _is_fused(name):
            stored.setdefault(_key(name.removesuffix(".weight")), []).append(tensor)
    return stored


def _is_fused(name: str) -> bool:
    """Experts stored as one tensor are parameters of their own."""
    return ".experts." in name and not name.endswith(".bias")


def _key(module: str) -> str:
    """``0.self_attn.q_proj`` for any ``….layers.0.self_attn.q_proj``; outside of layers the last name alone.

    What Mixtral's files call block_sparse_moe is mlp in the library, and so in adapters.
    """
    parts = module.replace(".block_sparse_moe.", ".mlp.").split(".")
    numbered = next((index for index, part in enumerate(parts) if part.isdigit()), len(parts) - 1)
    return ".".join(parts[numbered:])


def _find(module: str, stored: Mapping[str, list[Tensor]]) -> list[Tensor]:
    key = _key(module)
    if key in HEADS and key not in stored:  # tied to the embedding, which alone is stored
        return next((stored[name] for name in _EMBEDDINGS if name in stored), [])
    return stored.get(key, [])


def _missing(adapter: AdapterCard, stored: Mapping[str, list[Tensor]]) -> Iterator[Reason]:
    modules = [module for module in adapter.contents.modules if module.kind != "other"]
    missing = [module.name for module in modules if not _find(module.name, stored)]
    # Experts that the library fuses in memory are stored one by one, below the name of the whole.
    missing = [name for name in missing if not any(key.startswith(f"{_key(name)}.") for key in stored)]
    if not missing:
        found = Message("adapter.layers-found", layers=len(modules), names=adapter.targets)
        yield Reason("ok", "layers", found)
        return
    theirs = {int(key.split(".")[0]) for key in stored if key[0].isdigit()}
    ours = {int(key.split(".")[0]) for key in map(_key, missing) if key[0].isdigit()}
    absent = sorted({name.rpartition(".")[2] for name in missing})
    present = {key.rpartition(".")[2] for key in stored}
    if theirs and ours and min(ours) > max(theirs) and set(absent) <= present:
        message = Message("adapter.layers-deeper", theirs=max(ours) + 1, ours=max(theirs) + 1)
    else:
        message = Message("adapter.layers-missing", missing=len(missing), of=len(modules), first=missing[0])
    yield Reason("refused", "layers", message)


def _shapes(adapter: AdapterCard, base: ModelCard, stored: Mapping[str, list[Tensor]]) -> Iterator[Reason]:
    if base.quantized:
        yield Reason("unsure", "shapes", Message("adapter.widths-unknown", format=base.quantized))
        return
    wrong = []
    for module in adapter.contents.modules:
        shapes = {tensor.shape for tensor in _find(module.name, stored) if len(tensor.shape) == 2}
        # Embeddings are stored (vocabulary, hidden), as are the Conv1D layers of GPT-2 (in, out): the other way round.
        turned = module.kind == "embedding" or adapter.settings.fan_in_fan_out
        widths = (module.inputs, module.outputs) if turned else (module.outputs, module.inputs)
        if module.kind != "other" and shapes and widths not in shapes:
            wrong.append((module, sorted(shapes)[0]))
    if wrong:
        module, (outputs, inputs) = wrong[0]
        if module.kind == "embedding" or adapter.settings.fan_in_fan_out:
            outputs, inputs = inputs, outputs
        message = Message(
            "adapter.widths-differ", layers=len(wrong), layer=module.name, inputs=module.inputs, outputs=module.outputs,
            model_inputs=inputs, model_outputs=outputs,
        )  # fmt: skip
        yield Reason("refused", "shapes", message)
    elif adapter.contents.modules:
        yield Reason("ok", "shapes", Message("adapter.widths-equal"))


def _vocabulary(adapter: AdapterCard, base: ModelCard, stored: Mapping[str, list[Tensor]]) -> Iterator[Reason]:
    rows = next((stored[name][0].shape[0] for name in _EMBEDDINGS if name in stored), base.vocab_size)
    for name, shape in adapter.contents.whole.items():
        theirs = _find(name.removesuffix(".weight"), stored)
        if name.endswith(".weight") and theirs and shape not in {tensor.shape for tensor in theirs}:
            model = theirs[0].shape
            if shape[1:] == model[1:] and len(shape) == 2:
                code = "adapter.vocabulary-grown" if shape[0] > model[0] else "adapter.vocabulary-cut"
                message = Message(code, tensor=name, ours=shape[0], theirs=model[0])
                yield Reason("unsure", "vocabulary", message)
            else:
                message = Message("adapter.shape-differs", tensor=name, ours=_by(shape), theirs=_by(model))
                yield Reason("refused", "shapes", message)
    indices = [i for listed in adapter.settings.trainable_token_indices.values() for i in listed]
    if indices and max(indices) >= rows:
        message = Message("adapter.token-beyond", token=max(indices), tokens=rows)
        yield Reason("unsure", "vocabulary", message)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{width:,}" for width in shape) or "1"


@dataclass(frozen=True)
class Identity:
    """``proof``: hash (the weights themselves were compared), name, or none."""

    level: Level
    proof: Literal["hash", "name", "none"]
    message: Message


def compare_base(
    adapter: AdapterCard,
    base: ModelCard,
    named: str,
    on_progress: Progress | None = None,
    reads_weights: bool = True,
) -> Identity:
    """Whether ``base``, which the user called ``named``, is the adapter's own; by name alone without ``reads_weights``.

    Raises ModelError.
    """
    recorded = adapter.record.weights_sha256 if adapter.record else {}
    if recorded and reads_weights:
        return _by_hash(dict(recorded), base.path, on_progress)
    if not adapter.base:
        return Identity("refused", "none", Message("adapter.base-unnamed"))
    if adapter.base in (named, base.name, str(base.path)) or _same_folder(adapter.base, base.path):
        return Identity("ok", "name", Message("adapter.base-same-name", base=adapter.base))
    theirs, ours = _short(adapter.base), {_short(name) for name in (named, base.name) if name}
    if theirs in ours:
        return Identity("unsure", "name", Message("adapter.base-like-name", base=adapter.base, model=base.name))
    if _is_path(adapter.base):
        return Identity("unsure", "none", Message("adapter.base-other-folder", base=adapter.base))
    return Identity("refused", "name", Message("adapter.base-other", base=adapter.base, model=named or base.name))


def _by_hash(recorded: dict[str, str], folder: Path, on_progress: Progress | None) -> Identity:
    current = {path.name: path for path in weight_files(folder)}
    current |= {name: folder / name for name in recorded if Path(name).name == name and (folder / name).is_file()}
    hashes = hash_files(current.values(), on_progress)
    changed = sorted(name for name in recorded if name in hashes and hashes[name] != recorded[name])
    missing = sorted(recorded.keys() - hashes.keys())
    added = sorted(hashes.keys() - recorded.keys())
    if not (changed or missing or added):
        return Identity("ok", "hash", Message("adapter.base-same-weights"))
    listed = (
        ("adapter.weights-changed", changed), ("adapter.weights-missing", missing), ("adapter.weights-new", added)
    )  # fmt: skip
    changes = [Message(code, files=[*names[:3], *["…"] * (len(names) > 3)]) for code, names in listed if names]
    return Identity("refused", "hash", Message("adapter.base-other-weights", changes=changes))


def _short(name: str) -> str:
    """The last part of a hub id or path, without what repackagers append."""
    return _PACKAGING.sub("", name.rstrip("/").rpartition("/")[2]).lower()


def _is_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name


def _same_folder(name: str, folder: Path) -> bool:
    try:
        return Path(name).expanduser().resolve() == folder.resolve()
    except (OSError, ValueError, RuntimeError):
        return False


@dataclass(frozen=True)
class Candidate:
    """The adapter of a run. ``name`` is what a config calls it, ``title`` what people do.

    ``card`` is None where it can't be read. ``level`` is that of the match by names and headers; ``reason`` says why
    it is not "ok".
    """

    name: str
    title: str
    card: AdapterCard | None
    level: Level
    reason: Message | None = None


def adapters_at_hand(base: ModelCard | None, named: str = "", root: Path | None = None) -> list[Candidate]:
    """The adapters of runs in ``root``, those that fit ``base`` first, newer before older.

    Reads headers alone, some milliseconds each: whether the base's weights changed is asked of the one that is picked.
    """
    found = [_candidate(run, base, named) for run in directory.list_runs(root)[:_MOST_RUNS] if run.has_adapter]
    return sorted(found, key=lambda candidate: _RANKED.index(candidate.level))


def _candidate(run: RunDir, base: ModelCard | None, named: str) -> Candidate:
    try:
        card = read_adapter(run.path)
        if base is None:
            return Candidate(run.id, run.name, card, "ok")
        found = match(card, base, named, reads_weights=False)
    except TunedeckError as error:
        return Candidate(run.id, run.name, None, "refused", error.reason)
    reason = next((each.message for each in found.reasons if each.level == found.level != "ok"), None)
    return Candidate(run.id, run.name, card, found.level, reason)
