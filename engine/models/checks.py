"""What a model can't do, seen before it is loaded: missing weights, too few positions, layers no adapter can be on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from engine.common.errors import ModelError
from engine.common.files import read_json
from engine.config.presets import config_error
from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.messages.message import Message
from engine.models.card import PADDING, ModelCard
from engine.models.weights import Tensor, stored_tensors, weight_files

# What wrappers of trainers put before a model's own names.
_WRAPPERS = ("module.", "_orig_mod.", "_fsdp_wrapped_module.", "base_model.model.")
_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks|block|layer)\.(\d+)\.")
_HEADS = ("lm_head.weight", "embed_out.weight", "output.weight")
_LAYER_FIELDS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
FIELD = "dataset.max_length"
_OUTPUT = ".out_proj.weight"


def check_complete(card: ModelCard) -> None:
    """Raise ModelError for what the headers alone show to be missing; loading finds the rest. Pickles are passed."""
    stored = stored_tensors(card.path)
    if stored and not card.quantized:
        missing = _missing_by_headers(card, stored)
        if missing:
            raise incomplete(card.path, missing)


def incomplete(folder: Path, missing: Sequence[str]) -> ModelError:
    """The error for a model whose files lack the tensors ``missing``, with the cure that fits what they hold."""
    files, stored = weight_files(folder), stored_tensors(folder)
    more = len(missing) - 1
    if len(files) == 1:
        code = "models.file-lacks-more" if more else "models.file-lacks"
        lacks = Message(code, file=files[0].name, tensor=missing[0], more=more)
    else:
        code = "models.files-lack-more" if more else "models.files-lack"
        lacks = Message(code, files=len(files), tensor=missing[0], more=more)
    return ModelError("models.lacks-weights", folder=folder, lacks=lacks, cure=_cure(folder, missing, stored))


def _cure(folder: Path, missing: Sequence[str], stored: Mapping[str, Tensor]) -> Message:
    if wrapper := _wrapper(stored):
        return Message("models.cure-wrapper", prefix=wrapper)
    layers, asked = _layers(stored), {_layer(name) for name in missing}
    if layers and min(asked) >= layers:
        field = next((name for name in _LAYER_FIELDS if name in read_json(folder / "config.json")), _LAYER_FIELDS[0])
        return Message("models.cure-layers", layers=layers, field=field)
    if len(missing) == 1 and _layer(missing[0]) < 0 and missing[0].endswith(_HEADS):
        return Message("models.cure-tie")
    return Message("models.cure-fetch")


def _missing_by_headers(card: ModelCard, stored: Mapping[str, Tensor]) -> list[str]:
    wrapper = _wrapper(stored)
    if wrapper:
        return sorted(name.removeprefix(wrapper) for name in stored)
    layers = _layers(stored)
    if 0 < layers < card.num_layers:
        last = [name for name in sorted(stored) if _layer(name) == layers - 1]
        return [_in_layer(name, number) for number in range(layers, card.num_layers) for name in last]
    # Whatever a head is called, it has a row for each token, as the input embeddings have.
    tables = [n for n, t in stored.items() if _layer(n) < 0 and len(t.shape) == 2 and t.shape[0] >= card.vocab_size]
    untied = read_json(card.path / "config.json").get("tie_word_embeddings") is False
    return ["lm_head.weight"] if untied and len(tables) == 1 else []


def _wrapper(stored: Collection[str]) -> str:
    return next((prefix for prefix in _WRAPPERS if all(name.startswith(prefix) for name in stored)), "")


def _layer(name: str) -> int:
    """The number of the layer a tensor belongs to; -1 outside of layers."""
    found = _LAYER.search(name)
    return int(found[1]) if found else -1


def _in_layer(name: str, number: int) -> str:
    """The same tensor of another layer."""
    return _LAYER.sub(lambda found: found[0].replace(found[1], str(number)), name, count=1)


def _layers(stored: Collection[str]) -> int:
    return max((_layer(name) for name in stored), default=-1) + 1


def longest_row(card: ModelCard) -> int:
    """Most tokens of a row with the padding that makes it a multiple of eight; 0 where nothing limits them."""
    return card.position_limit // PADDING * PADDING


def position_issue(max_length: int, card: ModelCard) -> Issue | None:
    """What is wrong with rows of up to ``max_length`` tokens: an error where the model can't compute them."""
    most, named = longest_row(card), card.max_position_embeddings
    if most and max_length > most:
        message = Message(
            "models.beyond-positions", length=max_length, positions=card.position_limit, model=card.name, most=most
        )  # fmt: skip
        return Issue("error", FIELD, message)
    if named and max_length > named:
        return Issue("warning", FIELD, Message("models.above-positions", length=max_length, positions=named))
    return None


def require_positions(config: RunConfig, card: ModelCard) -> None:
    """Raise ConfigError where rows of ``config`` may be longer than the model of ``card`` can compute."""
    issue = position_issue(config.dataset.max_length, card)
    if issue is not None and issue.level == "error":
        raise config_error([issue])


def mixer_outputs(tensors: Iterable[str]) -> list[str]:
    """Of a model with these tensors or parameters, the names of the layers that can't carry an adapter.

    A Mamba mixer is known by its decay ``A_log`` and its skip ``D`` (Gu & Dao 2023, arXiv:2312.00752).
    """
    names = set(tensors)
    mixers = (name.removesuffix(_OUTPUT) for name in names if name.endswith(_OUTPUT))
    return sorted(f"{mixer}.out_proj" for mixer in mixers if {f"{mixer}.A_log", f"{mixer}.D"} <= names)
