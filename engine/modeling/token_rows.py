"""Which rows of the embeddings are trained beside the adapter: tokens a base model has never learnt to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.errors import ConfigError
from engine.config.schema import AdapterSection

if TYPE_CHECKING:
    from engine.modeling.load import BaseModel


def token_indices(section: AdapterSection, base: BaseModel) -> dict[str, list[int]] | None:
    """Ids of ``adapter.trainable_token_indices`` by the embedding's name, as PEFT takes them; None for none.

    A head of its own, one not tied to the input embedding, is trained in the same rows: a token the model shall write
    is chosen by its row there. Raises ConfigError for a text that is not one token, or an id beyond the vocabulary.
    """
    if not section.trainable_token_indices:
        return None
    model = base.model
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    rows = embedding.weight.shape[0]
    ids = sorted({_id(token, base.tokenizer, rows) for token in section.trainable_token_indices})
    names = {module: name.rpartition(".")[2] for name, module in model.named_modules()}
    found = {names[embedding]: ids}
    if head is not None and head.weight is not embedding.weight:
        found[names[head]] = list(ids)
    return found


def _id(token: int | str, tokenizer: object, rows: int) -> int:
    number = token if isinstance(token, int) else _known(token, tokenizer)
    if 0 <= number < rows:
        return number
    raise ConfigError("modeling.token-unknown", token=str(token), rows=rows)


def _known(token: str, tokenizer: object) -> int:
    vocabulary: dict[str, int] = tokenizer.get_vocab()  # type: ignore[attr-defined]
    return vocabulary.get(token, -1)
