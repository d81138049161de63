"""The command line and the wizard say the same of a run before it starts: every finding, the plan, the config."""

from __future__ import annotations

import ast
import inspect
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tomlkit

from engine.app.check import Checked, check
from engine.app.findings import Finding, of_error
from engine.app.preflight import of_files
from engine.common.errors import ConfigError
from engine.machine import snapshot
from engine.memory import budget, disk
from engine.messages.catalogue import codes
from engine.messages.message import LITERAL, Message, is_code
from engine.models import chat_template
from engine.models.adapter import match
from engine.models.card import read_card
from tests.app.cases import CASES, Case, Place
from tests.engine.cli.cli_calls import Answer, Shell
from tui.draft.draft import YOU, Draft, flatten
from tui.draft.facts import Facts
from tui.draft.findings import apply, findings_of, known_of
from tui.draft.fit import fit_of

_NO_FINDINGS = re.compile(r"rules\.replay-too-|check\.(refused|set-|hold-out|use-cpu|choose|mix-in|changes?$)")
"""Codes of those rooms that are parts of sentences, and those of remedies."""
_UNSEEN = {"machine.no-gpu-here", "memory.no-memory-figure"}
"""No driver tells of any GPU: that refuses nothing before the start, as CUDA may know better. And a part of a text."""
_TOLD = {
    "adapter.widths-differ", "adapter.widths-equal", "adapter.shape-differs", "adapter.base-same-name",
    "adapter.base-other", "adapter.base-unnamed",
}  # fmt: skip
"""What beside the unsure is told of an adapter: parts of a refusal's text, or that all is well."""
_MEASURED = {"check.other-strategy"}
"""What only a measurement shows, which is made in the wizard, by a key, and nowhere else."""


@pytest.fixture
def place(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return Place(tmp_path, monkeypatch)


@pytest.fixture
def shell(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("COLUMNS", "200")
    return Shell(capsys, monkeypatch)


def identity(reason: Message, error: str = "") -> str:
    """The code; of a text that has none yet the error's class and title."""
    return f"{error}: {reason.args['text']}" if reason.code == LITERAL else reason.code


def by_shell(shell: Shell, place: Place) -> Answer:
    """``run --check --json`` of the place's config, on its machine and with what its rows are found to be."""
    config = place.folder / "run.toml"
    config.write_text(tomlkit.dumps(place.values))
    place.monkeypatch.setattr("engine.machine.snapshot.read_machine_now", lambda: place.machine)
    place.monkeypatch.setattr("engine.app.examine.examine", lambda config, on_progress: place.examined)
    return shell("run", config, "--check", "--json")


def in_wizard(place: Place) -> tuple[Draft, Facts]:
    """The draft of the same answers, and what the wizard finds out about it until its review."""
    values = dict(flatten(place.values))
    draft, facts = Draft(values, dict.fromkeys(values, YOU)), Facts(machine=place.machine)
    if (place.model / "config.json").is_file():
        facts.card = read_card(place.model, bool(draft.get("model.allow_pickle")))
    rows = place.examined
    facts.report, facts.inspection, facts.inspected = rows.report, rows.inspection, draft.rows_key()
    facts.fit = fit_of(draft, facts)
    look(draft, facts)
    return draft, facts


def look(draft: Draft, facts: Facts) -> None:
    """What the review's thread does."""
    try:
        facts.files, facts.filed = tuple(of_files(draft.resolve())), draft.values_key()
    except ConfigError:
        facts.files, facts.filed = (), ""


def started(draft: Draft, facts: Facts) -> Checked | ConfigError:
    """What the wizard's start checks before it makes a run."""
    try:
        return check(draft.resolve(), facts.machine, known_of(draft, facts))
    except ConfigError as error:
        return error


def rows(found: list[Finding]) -> set[tuple[str, str, str, str]]:
    """Code, level, field and remedy of each."""
    return {
        (
            identity(each.reason, type(each.error).__name__), each.level, each.issue.field,
            repr(each.remedy and dict(each.remedy.settings)),
        )
        for each in found
    }  # fmt: skip


def rows_of_json(found: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
    return {
        (identity(Message(each["code"], **each["args"]), each["error"]), each["level"], each["field"],
         repr(each["remedy"]))
        for each in found
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {CASES.index(case)}")
def test_both_find_the_same_plan_the_same_and_refuse_the_same(shell: Shell, place: Place, case: Case) -> None:
    case.spoil(place)
    answer = by_shell(shell, place)
    draft, facts = in_wizard(place)
    shown = findings_of(draft, facts, place.examined.refused)
    told = json.loads(answer.out.splitlines()[0])  # a refusal's error has a line of its own
    said = rows_of_json(told["findings"])
    assert case.code in {code for code, *_ in said}, answer.err
    assert rows(shown) == {each for each in said if each[0] != "check.rows-unknown"}
    begun = started(draft, facts)
    if isinstance(begun, ConfigError):
        assert (answer.code, rows(of_error(begun))) == (begun.exit_code, said)
        return
    refusal = begun.refusal
    assert answer.code == (refusal.exit_code if refusal else 0)
    if refusal is not None:
        return  # nothing runs, and the command line has not examined the rows for it
    assert begun.planned.resolved.config.model_dump(mode="json") == told["config"]
    fit, judged = told["fit"], begun.planned.fit
    assert (judged and (judged.verdict.level, judged.budget.name)) == (fit and (fit["level"], fit["device"]))


def test_a_sound_run_has_nothing_found_by_either(shell: Shell, place: Place) -> None:
    answer = by_shell(shell, place)
    assert (answer.code, answer.json["findings"]) == (0, [])
    assert findings_of(*in_wizard(place)) == []


def test_every_finding_has_a_case() -> None:
    """One that is written down in the catalogue is driven through both front ends above."""
    known = {code for code in codes("en") if code.startswith(("check.", "rules.")) and not _NO_FINDINGS.match(code)}
    known |= {code for each in (budget, disk, snapshot) for code in codes_beside("raise MachineError", each)}
    known |= codes_beside("Problem(", chat_template) | codes_beside("'unsure'", match)
    assert sorted(known - {case.code for case in CASES} - _MEASURED - _UNSEEN - _TOLD) == []


def codes_beside(words: str, module: ModuleType) -> set[str]:
    """The codes in functions of ``module`` that have ``words`` in them."""
    tree = ast.parse(inspect.getsource(module))
    raising = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and words in ast.unparse(node)]
    texts = [each.value for node in raising for each in ast.walk(node) if isinstance(each, ast.Constant)]
    return {text for text in texts if isinstance(text, str) and is_code(text)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {CASES.index(case)}")
def test_a_remedy_makes_its_finding_go_away(place: Place, case: Case) -> None:
    case.spoil(place)
    draft, facts = in_wizard(place)
    for finding in findings_of(draft, facts):
        if finding.remedy is None or finding.issue.field in ("memory", "strategy.kind"):
            continue
        mended = Draft(dict(draft.values), dict(draft.sources))
        apply(mended, facts, finding.remedy.settings)
        look(mended, facts)
        facts.fit = fit_of(mended, facts)
        left = {identity(each.reason) for each in findings_of(mended, facts) if each.issue.field == finding.issue.field}
        assert identity(finding.reason) not in left or finding.reason.code == "check.rows-too-long"


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.code.startswith(("machine.", "memory.gpu", "check.gpus"))]
)
def test_fit_bar_estimate_and_start_judge_a_device_alike(shell: Shell, place: Place, case: Case) -> None:
    case.spoil(place)
    checked = by_shell(shell, place)
    estimated = shell("estimate", place.folder / "run.toml", "--json")
    _, facts = in_wizard(place)
    assert (estimated.code, facts.fit is None) == (checked.code, checked.code != 0)
    if facts.fit is not None:
        assert estimated.json["device"] == checked.json["fit"]["device"] == facts.fit.budget.name == "RAM"
