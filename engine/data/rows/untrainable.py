"""Rows that are known but not trained on by this version: preferences and pictures, each refused with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine.common.clean_text import clean
from engine.common.errors import DataError
from engine.data.rows.fields import FIELDS
from engine.data.rows.flags import says_yes_or_no
from engine.data.rows.turns import listed, turn_manner
from engine.messages.message import Message

_PREFERRED = (("chosen", "rejected"), ("chosen", "reject"), ("response_j", "response_k"), ("response_0", "response_1"))
"""Two answers, the better one first where the names tell."""
_MEDIA = {
    "image": "rows.pictures", "images": "rows.pictures", "video": "rows.videos", "videos": "rows.videos",
    "audio": "rows.sound", "audios": "rows.sound",
}  # fmt: skip
_JUDGED = ({"prompt", "completion", "label"}, {"messages", "label"}, {"kto_tag"})


def refuse_untrainable(found: Mapping[str, list[Any]], file: str) -> None:
    """Raise DataError when the columns ``found`` (name to values) are those of preferences, or rows hold media.

    A mapping in the config overrides this: it says what is to be learnt.
    """
    names = {name.strip().lower(): name for name in found}
    pair = next((pair for pair in _PREFERRED if set(pair) <= set(names)), None)
    if pair is not None:
        raise preferences(file, found, names[pair[0]])
    for wanted in _JUDGED:
        judging = names.get("label" if "label" in wanted else "kto_tag", "")
        if wanted <= set(names) and _judge(found[judging]):
            raise DataError("rows.judged-answers", path=file, column=judging)
    for name, what in _MEDIA.items():
        if name in names and any(listed(value) for value in found[names[name]]):
            mapped = _mapping(found)
            if mapped:
                raise DataError("rows.with-media", what=Message(what), path=file, column=name, columns=mapped)
            raise DataError("rows.with-media-unmapped", what=Message(what), path=file, column=name)


def preferences(file: str, found: Mapping[str, list[Any]] | None = None, preferred: str = "") -> DataError:
    """The refusal of rows with a better and a worse answer; ``preferred`` is the column of the better one."""
    mapped = _mapping(found, preferred) if found and preferred else ""
    if mapped:
        return DataError("rows.preference-pairs", path=file, columns=mapped)
    return DataError("rows.preference-pairs-unmapped", path=file)


def _mapping(found: Mapping[str, list[Any]], answer: str = "") -> str:
    """The ``columns`` by which the text of such rows can be trained on, with ``answer`` as what is learnt; "" if none.

    Both sides are shown whole where they are turns: then the answer's column is all that is needed.
    """
    for column in [answer] if answer else list(found):
        manner = turn_manner(found[column], {})
        if manner is not None and all(len(listed(turns)) > 1 for turns in found[column]):
            return f"columns = {{{'messages' if manner == 'messages' else 'conversations'} = {_quoted(column)}}}"
    names = {name.strip().lower(): name for name in found}
    questions = ("instruction", *FIELDS["prompt_completion"]["prompt"][1])
    answers = FIELDS["prompt_completion"]["completion"][1]
    prompt = next((names[name] for name in questions if name in names and _are_read(found[names[name]])), None)
    answer = answer or next((names[name] for name in answers if name in names), "")
    if not answer or not _are_read(found[answer]):
        return ""
    if prompt is None:
        return "" if turn_manner(found[answer], {}) else f"columns = {{text = {_quoted(answer)}}}"
    return f"columns = {{prompt = {_quoted(prompt)}, completion = {_quoted(answer)}}}"


def _quoted(name: str) -> str:
    return json.dumps(clean(name[:200], keep_newlines=False), ensure_ascii=False)


def _are_read(values: list[Any]) -> bool:
    """Whether ``values`` are texts, or lists of turns: either side of a row may be."""
    return bool(values) and (turn_manner(values, {}) is not None or all(isinstance(value, str) for value in values))


def _judge(values: list[Any]) -> bool:
    """Whether ``values`` tell good answers from bad ones: true and false, or both yes and no in other words."""
    said = [value for value in values if value not in (None, "")]
    if not said or not all(map(says_yes_or_no, said)):
        return False
    return all(isinstance(value, bool) for value in said) or len({str(value).strip().lower() for value in said}) > 1
