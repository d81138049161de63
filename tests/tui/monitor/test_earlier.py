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
from tui.monitor.earlier import earlier_of


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
    found = earlier_of(run)
    assert found is not None
    assert found.label == "copied"
    (said,) = [each for each in read_lineage().nodes[key_of(run)].details if each.code == "models.copied"]
    assert said.args == {"run": "copied"}


def test_a_run_that_says_nothing_of_a_copy_opens_as_before(home: Path) -> None:
    built_on = made("built on")
    run = made("mine", strategy=going_on(built_on))
    assert run.duplicated_from == ""
    found = earlier_of(run)
    assert found is not None
    assert found.label == "built on"
    assert "models.copied" not in [each.code for each in read_lineage().nodes[key_of(run)].details]


def test_a_copied_run_that_is_gone_is_passed_over_and_still_named(home: Path) -> None:
    built_on = made("built on")
    run = made("mine", "20200101-000000-tiny-abcd", strategy=going_on(built_on))
    found = earlier_of(run)
    assert found is not None
    assert found.label == "built on"
    said = next(each for each in read_lineage().nodes[key_of(run)].details if each.code == "models.copied")
    assert said.args == {"run": "20200101-000000-tiny-abcd"}


def test_what_is_no_id_leads_nowhere(home: Path) -> None:
    assert made("mine", "../../elsewhere").duplicated_from == ""


def test_the_answers_of_a_copy_remember_their_run_on_disk(home: Path) -> None:
    copied = made("copied")
    drafts.save(copy_of(copied))
    kept = drafts.load()
    assert kept is not None
    assert kept.duplicated_from == copied.id
