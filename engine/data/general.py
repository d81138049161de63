"""General text and dialogues, which have nothing to do with a run's task: what it forgets is measured on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from engine.common import paths
from engine.common.errors import DataError
from engine.config.schema import DataSource, ModelSection, RunConfig
from engine.data.reader import load
from engine.data.rows.messages import Message, Row

Each = TypeVar("Each")
PASSAGE_CHARACTERS = 1_200
"""A longer text counts as several passages, cut at white space."""
FEWEST_PASSAGES, FEWEST_CHARACTERS = 4, 400
"""Less says nothing: one passage that happens to suit the task would decide."""
MOST_PASSAGES = 60
MOST_READ = 2_000
"""Rows of a user's file that passages are taken from: it may be a whole corpus."""
SHIPPED = "general/general.jsonl"


@dataclass(frozen=True)
class General:
    """``texts`` are passages of plain text. ``dialogues`` each ask one general question and answer it well."""

    texts: tuple[Row, ...]
    dialogues: tuple[Row, ...]


@cache
def shipped() -> General:
    """The set that comes with the program: 60 passages and 30 questions in English, Chinese and code."""
    texts, dialogues = [], []
    for number, line in enumerate((paths.presets_dir() / SHIPPED).read_text("utf-8").splitlines(), 1):
        record = json.loads(line)
        if record["kind"] == "text":
            texts.append(Row((), record["text"], "general", SHIPPED, number))
        elif record["kind"] == "prompt":
            turns = (Message("user", record["prompt"]), Message("assistant", record["answer"]))
            dialogues.append(Row(turns, "", "general", SHIPPED, number))
    return General(tuple(texts), tuple(dialogues))


def general_of(config: RunConfig) -> General:
    """The file that ``eval.general_text`` names, with the shipped questions where it has none; else the shipped set.

    Raises DataError for a file that can't be read or holds too little.
    """
    path = config.eval.general_text
    if not path:
        return shipped()
    source = DataSource(path=path, max_rows=MOST_READ)
    rows = load(RunConfig(model=ModelSection(name_or_path="-"), data=[source])).rows
    dialogues = [row for row in rows if row.messages and row.messages[-1].role == "assistant"]
    texts = [passage for row in rows if not row.messages for passage in _passages(row)]
    characters = sum(len(row.text) for row in texts) + sum(len(each.text) for row in dialogues for each in row.messages)
    if len(texts) + len(dialogues) < FEWEST_PASSAGES or characters < FEWEST_CHARACTERS:
        raise DataError(
            "forgetting.text-too-short", path=path, passages=len(texts) + len(dialogues), characters=characters,
            fewest=FEWEST_PASSAGES, least=FEWEST_CHARACTERS,
        )  # fmt: skip
    return General(tuple(spread(texts, MOST_PASSAGES)), tuple(spread(dialogues, MOST_PASSAGES)) or shipped().dialogues)


def spread(rows: Sequence[Each], count: int) -> list[Each]:
    """``count`` of ``rows``, evenly from the first to the last; all where there are no more."""
    if len(rows) <= count:
        return list(rows)
    return [rows[index * len(rows) // count] for index in range(count)]


def _passages(row: Row) -> list[Row]:
    """The text of ``row``, where it is long in pieces of about ``PASSAGE_CHARACTERS``."""
    rest, found = row.text.strip(), []
    while len(rest) > PASSAGE_CHARACTERS:
        end = rest.rfind(" ", PASSAGE_CHARACTERS // 2, PASSAGE_CHARACTERS)
        end = end if end > 0 else PASSAGE_CHARACTERS
        found.append(rest[:end])
        rest = rest[end:].lstrip()
    pieces = [*found, rest] if rest else found
    return [Row((), piece, "general", row.file, row.number) for piece in pieces]
