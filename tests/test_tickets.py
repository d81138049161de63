"""The tickets of the benchmark are the same every time, all different, and do not give their label away."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from engine.config import toml
from engine.config.rules import check
from engine.data.reader import load
from tests.benchmarks import tickets


def test_there_are_as_many_of_each_of_twelve_labels_and_no_two_alike() -> None:
    found = tickets.tickets()
    assert found == tickets.tickets()
    assert len({each.text for each in found}) == tickets.ROWS
    assert Counter(each.label for each in found) == dict.fromkeys(tickets.LABELS, 50)
    assert len(tickets.LABELS) == 12


def test_few_tickets_name_their_label_and_words_of_other_labels_are_in_many() -> None:
    found = tickets.tickets()
    own = sum(each.label in each.text.lower() for each in found)
    some_word = sum(any(word in each.text.lower() for word in each.label.split()) for each in found)
    other = sum(
        any(word in each.text.lower() for label in tickets.LABELS if label != each.label for word in label.split())
        for each in found
    )
    assert own < 0.02 * len(found)
    assert some_word < 0.4 * len(found)
    assert other > 0.25 * len(found)


def test_they_are_a_run_without_a_complaint(tmp_path: Path) -> None:
    data, file = tmp_path / "tickets.jsonl", tmp_path / "tickets.toml"
    tickets.write_rows(data, tickets.tickets(120))
    file.write_text(tickets.config(data))
    config = toml.load(file).config
    assert check(config) == []
    assert len(load(config).rows) == 120
