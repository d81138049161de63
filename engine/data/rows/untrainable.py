"""Rows that are known but not trained on by this version: preferences and pictures, each refused with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.data.rows.turns import listed
from engine.errors import DataError

_PREFERRED = ({"chosen", "rejected"}, {"chosen", "reject"}, {"response_j", "response_k"}, {"response_0", "response_1"})
_MEDIA = {
    "image": "pictures", "images": "pictures", "video": "videos", "videos": "videos", "audio": "sound",
    "audios": "sound",
}  # fmt: skip
_JUDGED = ({"prompt", "completion", "label"}, {"messages", "label"}, {"kto_tag"})


def refuse_untrainable(found: Mapping[str, list[Any]], file: str) -> None:
    """Raise DataError when the columns ``found`` (name to values) are those of preferences, or rows hold media.

    A mapping in the config overrides this: it says what is to be learnt.
    """
    names = {name.strip().lower(): name for name in found}
    if any(pair <= set(names) for pair in _PREFERRED):
        raise preferences(file)
    for wanted in _JUDGED:
        if wanted <= set(names) and _all_bool(found[names["label" if "label" in wanted else "kto_tag"]]):
            raise DataError(
                "These are judged answers, which this version does not train on",
                f"{file} has good and bad answers in one column, told apart by true and false",
                "Keep only the good ones and take the column of judgements out.",
            )
    for name, what in _MEDIA.items():
        if name in names and any(listed(value) for value in found[names[name]]):
            raise DataError(
                f"These rows come with {what}, which this version does not train on",
                f"{file} has the column '{name}'",
                'To train on their text alone, map it: columns = {messages = "messages"}',
            )


def preferences(file: str) -> DataError:
    """The refusal of rows with a better and a worse answer."""
    return DataError(
        "These are preference pairs, which this version does not train on",
        f"{file} has a preferred and a rejected answer in each row",
        'To learn the preferred answers: columns = {prompt = "prompt", completion = "chosen"}',
    )


def _all_bool(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, bool) for value in values)
