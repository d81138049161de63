"""Tasks drawn from public files of rows, for pairs whose outcome is told by held-out loss.

The files are those that LLaMA-Factory ships as examples; they are named by a folder and never part of this project.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from engine.config.schema import DataSource, ModelSection, RunConfig
from engine.data.reader import load
from engine.data.rows.records import record_of
from tests.benchmarks.task_pairs import Pair

FILES = {
    "alpaca_en": "alpaca_en_demo.json",
    "alpaca_zh": "alpaca_zh_demo.json",
    "glaive_tools": "glaive_toolcall_en_demo.json",
    "wiki": "wiki_demo.txt",
    "c4": "c4_demo.jsonl",
}
PAIRS = (
    Pair("alpaca_en", "alpaca_en", "same", "other rows of the same file"),
    Pair("c4", "wiki", "same", "plain English text from the web, then from an encyclopedia"),
    Pair("alpaca_en", "alpaca_zh", "related", "the same kind of question, another language"),
    Pair("alpaca_en", "glaive_tools", "related", "dialogues of an assistant, now with functions to call"),
    Pair("alpaca_en", "wiki", "unrelated", "plain text instead of questions and answers"),
)
_LONGEST_CHARACTERS = 900  # rows of some 200 tokens: training stays short
_MOST_PIECES = 4  # of one document
LONGEST_ROW = 512
"""In tokens; functions that may be called come on top of a dialogue's characters."""


def draw(folder: Path, task: str, count: int, seed: int) -> list[str]:
    """``count`` rows of ``task`` as JSON lines, shuffled by ``seed``; plain text comes in pieces of some 200 tokens."""
    source = DataSource(path=str(folder / FILES[task]))
    rows = load(RunConfig(model=ModelSection(name_or_path="-"), data=[source])).rows
    random.Random(f"{task} {seed}").shuffle(rows)
    lines: list[str] = []
    for row in rows:
        record = record_of(row)
        if row.kind == "text":
            pieces = range(0, len(row.text) - _LONGEST_CHARACTERS // 2, _LONGEST_CHARACTERS)
            records = [{"text": row.text[at : at + _LONGEST_CHARACTERS]} for at in pieces[:_MOST_PIECES]]
        elif sum(len(message.text) for message in row.messages) > _LONGEST_CHARACTERS:
            continue
        else:
            records = [{name: record[name] for name in ("messages", "tools") if name in record}]
        lines += [json.dumps(record, ensure_ascii=False) for record in records]
        if len(lines) >= count:
            return lines[:count]
    raise ValueError(f"{task} has no {count} short rows")
