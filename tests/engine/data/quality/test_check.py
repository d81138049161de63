"""One pass over files finds every fault with its rows, compares rows with each other, and offers what helped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.common.errors import DataError
from engine.common.workers import shared
from engine.config.schema import RunConfig
from engine.data.quality import check as checking
from engine.data.quality.check import check
from engine.data.quality.findings import from_json, to_json
from engine.data.reader import load
from engine.messages.catalogue import text as text_of
from engine.messages.message import Message
from tests.engine.data.conftest import Write, config, source
from tests.engine.data.quality.making import CLEAN, asked, codes, jsonl, only, row

STORY = "The boat was painted green by two old sailors who never left the harbour again because of the storm. " * 4


def many(count: int, start: int = 0) -> list:
    """Rows that have nothing to do with each other."""
    return [
        asked(f"Question {i}: what is {i} plus {i}, asked in the year {1900 + i}?", f"It is {2 * i}; row {i} says so.")
        for i in range(start, start + count)
    ]


def test_nothing_is_found_in_clean_rows_of_many_kinds(write: Write) -> None:
    dialogues = [each for each in CLEAN.values() if each.messages]
    report = check(config(source(write("a.jsonl", jsonl(*dialogues))), source(write("b.jsonl", jsonl(CLEAN["text"])))))
    assert codes(report) <= {"languages"}
    assert not report.is_fatal
    assert [(each.name, each.rows, each.left_out) for each in report.sources] == [("a", len(dialogues), 0), ("b", 1, 0)]


def test_nothing_is_found_in_the_demo() -> None:
    orders = Path(__file__).parents[4] / "presets/demo/orders.jsonl"
    report = check(config(source(orders)))
    assert report.findings == ()
    assert next(iter(report.sources[0].languages)) == "en"


def test_a_fault_is_counted_with_its_rows_and_share_of_the_text(write: Write) -> None:
    rows = [*many(3), asked("Who are you?", "I am {{name}}."), *many(4, 10), asked("Who?", "{{name}}")]
    finding = only(check(config(source(write("a.jsonl", jsonl(*rows))))), "placeholders")
    assert (finding.count, finding.of, finding.severity, finding.source) == (2, 9, "warning", "a")
    assert [(Path(place.file).name, place.row, place.seen) for place in finding.places] == [
        ("a.jsonl", 4, "{{name}}"), ("a.jsonl", 9, "{{name}}"),
    ]  # fmt: skip
    assert 0.02 < (finding.text_share or 0) < 0.2
    assert finding.share == 2 / 9


def test_only_the_first_twenty_rows_are_named(write: Write) -> None:
    rows = [asked(f"{i}?", "I am {{name}}.") for i in range(700)]
    finding = only(check(config(source(write("a.jsonl", jsonl(*rows))))), "placeholders")
    assert finding.count == 700
    assert [place.row for place in finding.places] == list(range(1, 21))


def test_broken_lines_and_wrong_types_are_fatal_and_all_of_them_are_named(write: Write) -> None:
    lines = jsonl(*many(6)).splitlines()
    lines[2] = '{"messages": [{"role": "user", "content": "cut'
    lines[4] = '{"messages": [{"role": "user", "content": {"a": 1}}, {"role": "assistant", "content": "x"}]}'
    lines[5] = "[1, 2]"
    path = write("a.jsonl", "\n".join(lines))
    report = check(config(source(path)))
    finding = only(report, "unreadable")
    assert report.is_fatal
    assert [place.row for place in sorted(finding.places, key=lambda each: each.row)] == [3, 5, 6]
    assert (finding.count, finding.of) == (3, 6)
    assert [remedy.fix for remedy in finding.remedies] == ["drop_unreadable"]
    with pytest.raises(DataError):
        load(config(source(path)))
    assert len(load(config(source(path), fixes=["drop_unreadable"])).rows) == 3
    assert "unreadable" not in codes(check(config(source(path), fixes=["drop_unreadable"])))


def test_a_file_that_can_not_be_read_behind_a_fault_has_no_repair(write: Write) -> None:
    path = write("a.json", "[" + ",".join(jsonl(*many(3)).splitlines()) + ', {"broken": ')
    finding = only(check(config(source(path))), "unreadable")
    assert finding.severity == "fatal"
    seen = finding.places[0].seen
    assert isinstance(seen, Message)
    assert seen.code == "quality.row-ends"
    assert finding.remedies == ()
    with pytest.raises(DataError):
        load(config(source(path), fixes=["drop_unreadable"]))


@pytest.mark.parametrize("text", ["", "\n\n", "{broken", '{"id": 1}\n'])
def test_files_without_any_row_are_unusable_input(write: Write, text: str) -> None:
    with pytest.raises(DataError):
        check(config(source(write("a.jsonl", text))))


def test_a_source_that_is_not_there_is_unusable_input(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        check(config(source(tmp_path / "nowhere.jsonl")))


def test_rows_from_which_nothing_is_learnt_are_found_and_left_out(write: Write) -> None:
    path = write("a.jsonl", jsonl(*many(3), asked("Hi.", " "), row("user: Hello?"), asked(" ", "Nobody asked.")))
    report = check(config(source(path)))
    assert (report.sources[0].rows, report.sources[0].left_out) == (3, 3)
    assert {"empty_answers", "unanswered", "missing_user"} <= codes(report)
    assert all(0 < (finding.text_share or 0) < 0.3 for finding in report.findings)
    assert len(load(config(source(path))).rows) == 3


def test_it_is_fatal_when_no_row_is_left_to_train_on(write: Write) -> None:
    blank = check(config(source(write("a.jsonl", jsonl(asked("a", ""), asked("b", " "))))))
    assert only(blank, "nothing_left").severity == "fatal"
    path = write("b.jsonl", jsonl(*many(5)))
    assert check(config(source(path), eval_rows=5)).is_fatal
    assert "nothing_left" not in codes(check(config(source(path), eval_rows=4)))


def test_copies_are_found_whatever_their_blank_space(write: Write) -> None:
    rows = [*many(4), asked("Question  1: what is 1 plus 1, asked in the year 1901? ", "It is 2; row 1 says so.\n")]
    finding = only(check(config(source(write("a.jsonl", jsonl(*rows))), eval_share=0)), "exact_duplicates")
    assert [(place.row, place.seen) for place in finding.places] == [(5, Message("quality.as-row", row=2))]


def test_copies_are_found_across_sources(write: Write) -> None:
    first, second = write("a.jsonl", jsonl(*many(5))), write("b.jsonl", jsonl(*many(3, 4)))
    finding = only(check(config(source(first), source(second), eval_share=0)), "exact_duplicates")
    assert (finding.source, finding.count, finding.of) == ("b", 1, 3)
    assert finding.places[0].seen == Message("quality.as-row-of", row=5, file="a.jsonl")


def test_rows_that_hardly_differ_are_near_duplicates(write: Write) -> None:
    rows = [*many(5), asked("Tell me a story.", STORY), asked("Tell me a story.", STORY + " Amen."),
            asked("Tell me a story!", STORY)]  # fmt: skip
    report = check(config(source(write("a.jsonl", jsonl(*rows))), eval_share=0))
    finding = only(report, "near_duplicates")
    assert [(place.row, place.seen) for place in finding.places] == [
        (7, Message("quality.as-row", row=6)),
        (8, Message("quality.as-row", row=6)),
    ]
    assert "exact_duplicates" not in codes(report)


def test_chinese_near_duplicates_are_found(write: Write) -> None:
    story = "从前有一座山山上有一座庙庙里有一个老和尚在给小和尚讲故事他讲的是很久很久以前发生在海边渔村里的一件事情"
    path = write("a.jsonl", jsonl(asked("讲个故事", story), asked("讲个故事", story + "啊"), *many(3)))
    assert only(check(config(source(path), eval_share=0)), "near_duplicates").count == 1


def test_one_prompt_with_different_answers_is_a_conflict(write: Write) -> None:
    rows = [*many(3), asked("Capital of France?", "Paris."), asked("Capital of France?", "Lyon.")]
    finding = only(check(config(source(write("a.jsonl", jsonl(*rows))), eval_share=0)), "conflicts")
    assert [(place.row, place.seen) for place in finding.places] == [(5, Message("quality.as-row", row=4))]


def test_another_system_message_makes_another_prompt(write: Write) -> None:
    rows = [row(f"system: Speak {tongue}.", "user: Hi.", f"assistant: {hello}") for tongue, hello in
            (("French", "Salut."), ("German", "Hallo."))]  # fmt: skip
    assert "conflicts" not in codes(check(config(source(write("a.jsonl", jsonl(*rows))), eval_share=0)))


def test_held_out_rows_that_are_trained_on_too_are_found(write: Write) -> None:
    rows = [asked(f"What is {i}?", f"{i} {part}") for i in range(50) for part in ("is a number", "counts")]
    settings = config(source(write("a.jsonl", jsonl(*rows))), eval_rows=30)
    finding = only(check(settings), "leakage")
    assert (finding.of, finding.severity) == (30, "warning")
    assert 10 < finding.count <= 30
    helped = {remedy.fix: remedy.left for remedy in finding.remedies}
    assert helped["one_answer_per_prompt"] == 0
    assert "leakage" not in codes(check(config(source(write("b.jsonl", jsonl(*many(100)))), eval_rows=30)))


def test_nothing_can_leak_where_nothing_is_held_out(write: Write) -> None:
    path = write("a.jsonl", jsonl(*[asked("The same?", f"{i}") for i in range(20)]))
    assert "leakage" not in codes(check(config(source(path), eval_share=0)))


def test_uneven_labels_and_labels_of_two_spellings_are_found(write: Write) -> None:
    rows = [asked(f"Review {i} of the film", "good") for i in range(60)]
    rows += [asked(f"Review {i} of the play", "bad") for i in range(5)] + [asked("Review of all", "Good")]
    report = check(config(source(write("a.jsonl", jsonl(*rows)))))
    assert report.sources[0].labels == {"good": 60, "bad": 5, "Good": 1}
    balance, typos = (only(report, code).detail for code in ("label_balance", "label_typos"))
    assert balance == Message("quality.label-counts", most="good", highest=60, least="Good", lowest=1)
    assert typos is not None
    assert text_of(typos) == "'good' and 'Good'"
    even = [asked(f"Review {i}", "good" if i % 2 else "bad") for i in range(40)]
    assert not codes(check(config(source(write("b.jsonl", jsonl(*even)))))) & {"label_balance", "label_typos"}


def test_answers_that_are_no_labels_are_not_taken_for_some(write: Write) -> None:
    assert check(config(source(write("a.jsonl", jsonl(*many(30)))))).sources[0].labels == {}


def test_languages_are_told_by_source(write: Write) -> None:
    english = [
        asked(f"Tell me about the weather in town {i}.", "It is cold and it rains all day long.") for i in range(9)
    ]
    chinese = [
        asked(f"请告诉我第{i}个城市今天的天气怎么样？", "今天很冷，整天都在下雨，请记得带上雨伞。") for i in range(9)
    ]
    report = check(
        config(source(write("en.jsonl", jsonl(*english))), source(write("mix.jsonl", jsonl(*english, *chinese))))
    )
    assert dict(report.sources[0].languages) == {"en": 1.0}
    assert report.sources[1].languages == {"en": 0.5, "zh": 0.5}
    assert only(report, "languages").source == "mix"


FAULTY = [
    asked("Who are you?", "I am {{name}}."), asked("Where?", "In the cafÃ© near the hÃ´tel"),
    asked("Ring?", "be\x07ll"),
    asked("Who was she?", "Smith &amp; Sons, pilots"), asked("And he?", "A <b>pilot</b>."), asked("Trim?", " yes "),
    row("user: a", "assistant: b", "user: c"), row("user: a", "user: b", "assistant: d"),
    asked("Mail?", "jo@acme-tools.uk"),
    asked("Call?", "213-484-0480"), asked("Key?", "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"), asked("Again?", "One."),
    asked("Again?", "Two."), asked("Again?", "One."), asked("Lost?", "caf\ufffd"), asked("Blank?", " "),
    asked("Tell me a story.", STORY), asked("Tell me a story!", STORY),
]  # fmt: skip


def test_every_repair_that_is_offered_does_what_it_promises(write: Write) -> None:
    """Each is put into the config, and the rows that the training would then read are examined again."""
    path = write("a.jsonl", jsonl(*many(20), *FAULTY))
    before = path.read_bytes()
    report = check(config(source(path), eval_share=0))
    offered = [(finding, remedy) for finding in report.findings for remedy in finding.remedies]
    assert len(offered) >= 18
    for finding, remedy in offered:
        repaired = config(source(path), eval_share=0, fixes=[remedy.fix])
        after = sum(each.count for each in check(repaired).of(finding.code))
        assert after == remedy.left < finding.count, (finding.code, remedy)
        assert load(repaired).rows, remedy
    assert path.read_bytes() == before


def test_a_repair_that_does_not_help_is_not_offered(write: Write) -> None:
    """Lost characters can't be turned back, and tags are not taken for entities."""
    path = write("a.jsonl", jsonl(*many(5), asked("?", "caf\ufffd"), asked("?!", "A <b>pilot</b>.")))
    report = check(config(source(path)))
    assert [remedy.fix for remedy in only(report, "mojibake").remedies] == ["drop_mojibake"]
    assert [remedy.fix for remedy in only(report, "html").remedies] == ["drop_html"]


def test_no_repair_is_offered_that_would_leave_no_row(write: Write) -> None:
    path = write("a.jsonl", jsonl(asked("Who are you?", "I am {{name}}."), asked("And you?", "{{name}} too.")))
    assert only(check(config(source(path))), "placeholders").remedies == ()


def test_max_rows_bounds_what_is_looked_at(write: Write) -> None:
    path = write("a.jsonl", jsonl(asked("Blank?", ""), *many(600), asked("Who?", "{{name}}")) + "broken")
    for most in (1, 249, 600):
        report = check(config(source(path, max_rows=most)))
        assert report.sources[0].rows == most == len(load(config(source(path, max_rows=most))).rows)
        assert codes(report) == {"empty_answers"}


def test_many_rows_are_shared_among_processes_with_the_same_result(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.jsonl", jsonl(*many(700), *FAULTY, *many(300, 690)) + "broken\n")
    settings = config(source(path))
    alone = check(settings)
    monkeypatch.setattr(checking, "SHARED_ROWS", 100)
    monkeypatch.setattr(checking, "spare_processors", lambda: 1)
    beside = check(settings)
    untried = [replace(finding, remedies=()) for finding in beside.findings]
    assert untried == [replace(finding, remedies=()) for finding in alone.findings]
    assert beside.sources == alone.sources
    fixes = [[remedy.fix for remedy in finding.remedies] for finding in beside.findings]
    assert fixes == [[remedy.fix for remedy in finding.remedies] for finding in alone.findings]


def test_results_come_in_order_also_when_helpers_are_killed() -> None:
    assert list(shared(_fragile, range(40), helpers=1)) == [2 * number for number in range(40)]


def test_above_the_limit_a_sample_is_compared_and_said_so(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "NEAR_ROWS", 100)
    path = write("a.jsonl", jsonl(*many(1000)))
    report = check(config(source(path)))
    (note,) = [note for note in report.notes if note.code == "quality.near-sampled"]
    assert (note.args["rows"], note.args["limit"]) == (1000, 100)
    assert check(config(source(write("b.jsonl", jsonl(*many(9)))))).notes == ()


def test_a_report_travels_as_json(write: Write) -> None:
    report = check(config(source(write("a.jsonl", jsonl(*many(5), *FAULTY)))))
    assert from_json(json.loads(json.dumps(to_json(report)))) == report
    with pytest.raises(ValueError, match="no report"):
        from_json({"findings": 3})


def test_progress_may_end_it(write: Write) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(config(source(write("a.jsonl", jsonl(*many(3))))), stop)


def test_an_earlier_runs_rows_are_examined_as_that_run_read_them(write: Write, home: Path) -> None:
    from tests.engine.training.making import create_run, values

    path = write("a.jsonl", jsonl(*many(20), asked("Who?", "I am {{name}}.")))
    run = create_run(values(Path("tiny"), path, dataset={"eval_rows": 0}))
    report = check(RunConfig.model_validate({"model": {"name_or_path": "-"}, "data": [{"path": f"run:{run.id}"}]}))
    assert (report.sources[0].rows, only(report, "placeholders").count) == (21, 1)


def _fragile(number: int) -> int:
    """Doubles; a helper that is given 7 dies of it."""
    import multiprocessing
    import os

    if number == 1 and multiprocessing.parent_process() is not None:
        os._exit(9)
    return 2 * number


def test_marks_are_counted_and_rows_without_any_other_answer_left_out(write: Write) -> None:
    ask, wrong, right = (
        '{"role": "user", "content": "?"}',
        '"role": "assistant", "content": "wrong"',
        '"content": "right"',
    )
    lines = [f'{{"messages": [{ask}, {{{wrong}, "loss": false}}, {ask}, {{"role": "assistant", {right}}}]}}'] * 3
    lines += [
        f'{{"messages": [{ask}, {{{wrong}, "weight": 0}}]}}',
        f'{{"messages": [{ask}, {{{wrong}, "weight": 0.5}}]}}',
    ]
    made = config(source(write("a.jsonl", "\n".join(lines))))
    report = check(made)
    assert (report.sources[0].rows, report.sources[0].left_out) == (4, 1)
    assert (only(report, "untrained_turns").count, only(report, "unclear_marks").count) == (4, 1)
    assert [place.seen for place in only(report, "untrained_rows").places] == [
        Message("quality.answers-marked", mark="weight = 0")
    ]
    skipped = load(made).report.skipped
    assert [(each.row, each.reason) for each in skipped] == [(4, Message("rows.answers-marked", mark="weight = 0"))]


def test_rows_marked_as_not_to_be_trained_are_counted(write: Write) -> None:
    report = check(config(source(write("a.csv", "prompt,completion,train\na,b,1\nc,d,0\ne,f,0\n"))))
    assert (report.sources[0].rows, report.sources[0].left_out, only(report, "untrained_rows").count) == (1, 2, 2)
