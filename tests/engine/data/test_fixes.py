"""Repairs change the rows that have the fault, leave all others alone, and never a file."""

from __future__ import annotations

from typing import get_args

import pytest

from engine.config import toml
from engine.config.fix_names import Fix
from engine.config.presets import Layer, resolve
from engine.data.batches import DROPPED
from engine.data.fixes import row_change, without_repeats
from engine.data.reader import load
from engine.data.rows.messages import Row
from tests.engine.data.conftest import Write, config, source
from tests.engine.data.quality.making import CLEAN, asked, jsonl, plain, row


def answer(changed: Row | None) -> str:
    assert changed is not None
    return changed.first("assistant") or changed.text


@pytest.mark.parametrize("name", list(CLEAN))
def test_clean_rows_stay_as_they_are(name: str) -> None:
    clean = CLEAN[name]
    every = [fix for fix in get_args(Fix) if fix not in ("trim_whitespace", "merge_system_turn")]
    assert row_change(every)(clean) == clean
    assert without_repeats([clean], every) == [clean]


def test_a_system_turn_is_put_in_front_of_the_first_question() -> None:
    merge = row_change(["merge_system_turn"])
    talk = CLEAN["talk"]
    merged = merge(talk)
    assert merged is not None
    assert [message.role for message in merged.messages] == [message.role for message in talk.messages[1:]]
    assert merged.messages[0].content == f"{talk.messages[0].content}\n\n{talk.messages[1].content}"
    assert merged.messages[1:] == talk.messages[2:]
    assert merge(merged) == merged


@pytest.mark.parametrize(
    ("fix", "before", "after"),
    [
        ("trim_whitespace", "\n yes \n", "yes"),
        ("fix_mojibake", "In the cafÃ©\nâ€œdonâ€™tâ€\x9d", "In the café\n“don’t”"),
        ("strip_control", "\x1b[31mred\x1b[0m be\x07ll\u200b", "red bell"),
        ("unescape_html", "Smith &amp; Sons,&nbsp;pilots", "Smith & Sons, pilots"),
    ],
)
def test_a_text_is_repaired(fix: Fix, before: str, after: str) -> None:
    assert answer(row_change([fix])(asked("?", before))) == after


def test_a_text_row_is_repaired_too() -> None:
    assert answer(row_change(["fix_mojibake"])(plain("In the cafÃ©"))) == "In the café"


def test_turns_behind_the_last_answer_are_cut() -> None:
    change = row_change(["drop_unanswered_turn"])
    assert change(row("user: a", "assistant: b", "user: c")) == row("user: a", "assistant: b")
    assert change(row("user: a")) == row("user: a")


def test_repairs_come_before_rows_are_left_out() -> None:
    """What could be mended is kept, whatever the order in the config."""
    change = row_change(["drop_mojibake", "fix_mojibake"])
    assert answer(change(asked("?", "cafÃ©"))) == "café"
    assert change(asked("?", "caf\ufffd")) is None


def test_repeats_leave_the_first_row_of_each() -> None:
    rows = [asked("a", "1"), asked("a ", "1"), asked("a", "2"), asked("b", "1"), plain("t"), plain("t")]
    kept = without_repeats(rows, ["drop_exact_duplicates"])
    assert kept == [rows[0], rows[2], rows[3], rows[4]]
    assert without_repeats(rows, ["one_answer_per_prompt"]) == [rows[0], rows[3], rows[4], rows[5]]
    assert without_repeats(rows, []) is rows


def test_loading_applies_them_counts_what_goes_and_leaves_the_files(write: Write) -> None:
    path = write("a.jsonl", jsonl(asked("a", " 1 "), asked("b", "I am {{name}}."), asked("a", "1"), asked("c", "3")))
    other = write("b.jsonl", jsonl(asked("a", "1"), asked("d", "4")))
    before = path.read_bytes(), other.read_bytes()
    fixes = ["trim_whitespace", "drop_placeholders", "drop_exact_duplicates"]
    loaded = load(config(source(path), source(other), fixes=fixes))
    assert [(each.source, each.number) for each in loaded.rows] == [("a", 1), ("a", 4), ("b", 2)]
    assert loaded.rows[0].first("assistant") == "1"
    assert loaded.report.skipped_count == 3
    assert (loaded.report.skipped[0].row, loaded.report.skipped[0].reason) == (2, DROPPED)
    assert (path.read_bytes(), other.read_bytes()) == before


def test_a_config_remembers_them() -> None:
    values = {"model": {"name_or_path": "m"}, "data": [{"path": "a"}], "dataset": {"fixes": ["fix_mojibake"]}}
    assert 'fixes = ["fix_mojibake"]' in toml.dumps(resolve([Layer("test", values)]))
