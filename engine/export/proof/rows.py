"""The texts a merge is proven on: rows of the user's own data as the training renders them, or a few of ours."""

from __future__ import annotations

from pathlib import Path

from engine.common.errors import ModelError
from engine.config.schema import RunConfig
from engine.data.load import load
from engine.models.card import read_card
from engine.tokens.render import Renderer, RenderError
from engine.tokens.tokenizer import load_words

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
        raise ModelError("The tokenizer can't be loaded", f"{model}: {' '.join(str(error).split())[:300]}") from error
    return [tokenizer(text)["input_ids"] for text in _TEXTS]
