"""The doctor draws as the split does: by groups, and with the test beside the validation."""

from __future__ import annotations

import json

from engine.data.quality.check import check
from tests.engine.data.conftest import Write, config, source
from tests.engine.data.quality.making import asked, codes, jsonl, only


def test_rows_of_the_test_that_are_trained_on_too_are_found(write: Write) -> None:
    rows = [asked(f"Question {i // 2}, of many?", f"Answer {i}.") for i in range(60)]
    path = write("a.jsonl", jsonl(*rows))
    leaked = only(check(config(source(path), eval_share=0, test_rows=20)), "leakage")
    assert leaked.of == 20
    assert 10 <= leaked.count <= 20
    assert "leakage" not in codes(check(config(source(path), eval_share=0)))


def test_rows_of_a_group_do_not_leak_into_each_other(write: Write) -> None:
    lines = [
        json.dumps({"prompt": f"Question {i // 2}, of many?", "completion": f"Answer {i}.", "doc": i // 2})
        for i in range(60)
    ]
    path = write("a.jsonl", "\n".join(lines))
    assert "leakage" in codes(check(config(source(path), eval_share=0.2, test_share=0.2)))
    grouped = source(path, columns={"group": "doc"}, format="prompt_completion")
    assert "leakage" not in codes(check(config(grouped, eval_share=0.2, test_share=0.2)))


def test_groups_that_leave_nothing_to_hold_out_are_fatal(write: Write) -> None:
    lines = [json.dumps({"prompt": f"Question {i}?", "completion": f"Answer {i}.", "doc": 1}) for i in range(20)]
    grouped = source(write("a.jsonl", "\n".join(lines)), columns={"group": "doc"}, format="prompt_completion")
    detail = only(check(config(grouped)), "nothing_left").detail
    assert detail is not None
    assert detail.code == "splitting.groups-too-large"
    assert not check(config(grouped, eval_share=0)).is_fatal
