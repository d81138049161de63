"""The overlay's first choice: the run that was copied, else the one built on, else the newest one alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.models.lineage import key_of, read_lineage
from engine.runs import directory
from engine.runs.directory import RunDir
from tests.engine.models.test_lineage import going_on, make_run
from tests.engine.runs.making import step, write
from tui.draft import draft as drafts
from tui.draft.from_run import copy_of
from tui.monitor.earlier import earlier_runs


def made(name: str, copied: str = "", **sections: dict[str, Any]) -> RunDir:
    run = make_run(name, **sections)
    if copied:
        facts = run.read_run_json() | {directory.DUPLICATED_FROM: copied}
        run.run_json.write_text(json.dumps(facts))
    write(run, step(1, 0.5))
    return run


def test_the_copied_run_comes_before_the_one_built_on_and_is_named_in_the_family(home: Path) -> None:
    copied, built_on = made("copied", data="other.jsonl"), made("built on")
    run = made("mine", copied.id, strategy=going_on(built_on))
    assert earlier_runs(run) == [copied, built_on]
    (said,) = [each for each in read_lineage().nodes[key_of(run)].details if each.code == "models.copied"]
    assert said.args == {"run": "copied"}


def test_a_run_that_says_nothing_of_a_copy_opens_as_before(home: Path) -> None:
    built_on = made("built on")
    run = made("mine", strategy=going_on(built_on))
    assert run.duplicated_from == ""
    assert earlier_runs(run)[0] == built_on
    assert "models.copied" not in [each.code for each in read_lineage().nodes[key_of(run)].details]


def test_a_copied_run_that_is_gone_is_passed_over_and_still_named(home: Path) -> None:
    built_on = made("built on")
    run = made("mine", "20200101-000000-tiny-abcd", strategy=going_on(built_on))
    assert earlier_runs(run)[0] == built_on
    said = next(each for each in read_lineage().nodes[key_of(run)].details if each.code == "models.copied")
    assert said.args == {"run": "20200101-000000-tiny-abcd"}


def test_after_them_come_those_of_the_same_model_and_rows_the_newest_first(home: Path) -> None:
    first, second = (
        RunDir(made(name).path.rename(home / "runs" / f"200{at}0101-000000-tiny-0000"))
        for at, name in enumerate(("first", "second"))
    )
    made("of other rows", data="other.jsonl")
    assert earlier_runs(made("mine")) == [second, first]
    assert earlier_runs(made("mine too", first.id))[0] == first
    assert earlier_runs(first) == []


def test_what_is_no_id_leads_nowhere(home: Path) -> None:
    assert made("mine", "../../elsewhere").duplicated_from == ""


def test_the_answers_of_a_copy_remember_their_run_on_disk(home: Path) -> None:
    copied = made("copied")
    drafts.save(copy_of(copied))
    kept = drafts.load()
    assert kept is not None
    assert kept.duplicated_from == copied.id
