"""Columns that nothing is read from are named wherever rows are spoken of, also when only later rows have them."""

from __future__ import annotations

import json

from engine.data.files.preview import look
from engine.data.quality.check import check
from engine.data.quality.findings import from_json, to_json
from engine.data.quality.report import lines_of
from engine.data.reader import load
from engine.data.rows.formats import Detected
from engine.data.rows.unused import Unused, told
from engine.messages.catalogue import text
from engine.messages.message import Message
from tests.engine.data.conftest import Write, config, source

ROWS = [{"prompt": f"Question {n}?", "completion": f"Answer {n}.", "id": n, "notes": ""} for n in range(150)]
LATE = {"prompt": "Late?", "completion": "Yes.", "source": "web", "url": None}


def test_columns_are_unused_once_they_hold_something() -> None:
    unused = Unused(Detected("prompt_completion", {"prompt": "prompt"}, 1.0))
    for values in ({"prompt": "a", "x": None, "y": "", "z": [], "id": 0}, {"prompt": "b", "x": 1}, {"x": 2, "id": 1}):
        unused.see(values)
    assert unused.names == ["id", "x"]


def test_load_check_and_look_name_them(write: Write) -> None:
    path = write("a.jsonl", "".join(json.dumps(row) + "\n" for row in [*ROWS, LATE]))
    made = config(source(path), source(write("b.csv", "text,url\nOnce.,x\nTwice.,y\n")))
    assert load(made).report.unused == {"a": ["id", "source"], "b": ["url"]}
    assert look(made.data[0]).detected.unused == ("id",)
    report = from_json(to_json(check(made)))
    assert [each.unused for each in report.sources] == [("id", "source"), ("url",)]
    lines = " ".join(" ".join(lines_of(report)).split())
    assert "not used: id, source" in lines
    assert "not used: url" in lines


def test_names_are_shortened_cleaned_and_counted() -> None:
    assert text(told(["a\x1b[31m", "b" * 100])) == f"a, {'b' * 40}"
    assert text(told([f"c{n}" for n in range(10)])).endswith("c7 and 2 more")


def test_a_column_that_may_be_a_weight_says_how_it_is_used(write: Write) -> None:
    path = write("a.csv", "prompt,completion,sample_weight\na,b,0.5\n")
    assert 'columns = {weight = "sample_weight"}' in text(look(source(path)).detected.evidence)
    weighed = load(config(source(path, columns={"weight": "sample_weight"})))
    assert (weighed.rows[0].weight, weighed.report.unused) == (0.5, {})


def test_what_only_later_rows_have_is_read_by_its_name(write: Write) -> None:
    late = [
        {"prompt": "Late?", "completion": "Yes.", "System": "Be short."},
        {"prompt": "Later?", "completion": "No.", "train": False},
        {"prompt": "Last?", "completion": "No.", "context": "It is late.", "train": None},
    ]
    loaded = load(config(source(write("a.jsonl", "".join(json.dumps(row) + "\n" for row in [*ROWS, *late])))))
    assert [message.content for message in loaded.rows[150].messages] == ["Be short.", "Late?", "Yes."]
    assert loaded.rows[151].messages[0].content == "It is late.\n\nLast?"
    assert [(each.row, each.reason) for each in loaded.report.skipped] == [
        (152, Message("rows.marked-untrained", mark="train = false"))
    ]
    assert loaded.report.unused == {"a": ["id"]}


def test_what_the_first_rows_have_and_is_not_used_is_not_read_later_either(write: Write) -> None:
    rows = [{"prompt": "?", "completion": "!", "weight": 0.5}] * 150 + [{"prompt": "?", "completion": "!", "weight": 0}]
    loaded = load(config(source(write("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows)))))
    assert (len(loaded.rows), loaded.report.unused) == (151, {"a": ["weight"]})


def test_a_column_that_only_looks_like_a_mark_is_passed_over_when_rows_are_said_to_have_no_weight(write: Write) -> None:
    rows = [{"prompt": f"{n}?", "completion": "!", "training": "no"} for n in range(3)]
    late = [{"prompt": "?", "completion": "!"}] * 150 + [{"prompt": "??", "completion": "!", "train": False}]
    for name, content in (("a.jsonl", rows), ("b.jsonl", late)):
        path = write(name, "".join(json.dumps(row) + "\n" for row in content))
        loaded = load(config(source(path, columns={"weight": ""})))
        assert (len(loaded.rows), loaded.report.unused) == (len(content), {path.stem: list(content[-1])[2:]})
