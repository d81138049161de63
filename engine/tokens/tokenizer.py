"""Find a model's files and load its tokenizer: all that rows need to become tokens, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common.errors import ModelError, own_words
from engine.config.schema import ModelSection, RunConfig
from engine.models.adapter.find import tokenizer_folder
from engine.models.card import ModelCard, read_card
from engine.models.hub import Progress, download
from engine.models.local import resolve
from engine.tokens.render import choose_template, stop_ids

ADAPTERS_OWN = "<adapter>"


@dataclass(frozen=True)
class Words:
    """A model's tokenizer. ``stops`` are the token ids that end an answer; ``template`` says which one is used."""

    tokenizer: Any
    template: str
    stops: frozenset[int]
    pad_id: int


def locate(section: ModelSection, on_progress: Progress) -> ModelCard:
    """The model's folder, downloaded if it is a hub id that is not here yet, and checked. Raises ModelError."""
    found = resolve(section.name_or_path, section.revision, section.allow_pickle)
    folder = found.path
    if folder is None:
        folder = download(
            section.name_or_path, section.revision,
            on_progress,
            allow_pickle=section.allow_pickle,
        )  # fmt: skip
    return read_card(folder, allow_pickle=section.allow_pickle)


def load_tokenizer(card: ModelCard, section: ModelSection, own: Path | None = None) -> tuple[Any, str]:
    """The tokenizer with the template to use, and which template that is. ``own`` is an adapter's folder whose
    tokenizer takes the place of the model's; a template it lacks is the model's. Raises ModelError.
    """
    tokenizer = _from(own or card.path, section)
    if own is None:
        return tokenizer, choose_template(tokenizer, section.chat_template)
    has_own = bool(tokenizer.chat_template)
    if not has_own:
        tokenizer.chat_template = _from(card.path, section).chat_template
    chosen = choose_template(tokenizer, section.chat_template)
    return tokenizer, ADAPTERS_OWN if has_own and not section.chat_template else chosen


def _from(folder: Path, section: ModelSection) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=section.trust_remote_code)
    except Exception as error:  # tokenizer files fail in many ways
        raise ModelError("tokens.tokenizer-unloadable", folder=folder, reason=own_words(error)) from error


def words_of(config: RunConfig, card: ModelCard, checkpoint: Path | None = None) -> Words:
    """The tokenizer a run writes its rows with: the one that its old adapter brings, or that of the model in ``card``.

    ``checkpoint`` is the run's own that it goes on from, if there is one. Raises ModelError.
    """
    return load_words(card, config.model, tokenizer_folder(config.strategy.kind, config.strategy.adapter, checkpoint))


def load_words(card: ModelCard, section: ModelSection, own: Path | None = None) -> Words:
    """The tokenizer, as ``load_tokenizer``, with all that rows and answers need of the model. Raises ModelError."""
    tokenizer, template = load_tokenizer(card, section, own)
    pad = tokenizer.pad_token_id
    return Words(
        tokenizer, template, stop_ids(tokenizer, generation_config(card.path)),
        tokenizer.eos_token_id if pad is None else pad,
    )  # fmt: skip


def generation_config(folder: Path) -> Any:
    """What the loaded model would generate by: of a model without such a file, its own config."""
    from transformers import GenerationConfig

    for name in ("generation_config.json", "config.json"):
        try:
            return GenerationConfig.from_pretrained(folder, config_file_name=name)
        except OSError:
            continue
    return None
