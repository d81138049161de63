"""The review's say on memory, time and disk: auto's reasons, a run that does not fit, the probe."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app.examine import Inspection
from engine.config.presets import Layer, Resolved, resolve
from engine.memory import throughput
from engine.messages.catalogue import text
from engine.models.card import read_card
from tests.tui.machines import gpu, no_gpu, with_gpus
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.large_models import make_large
from tests.tui.wizard.making import GOOD, make_child, text_of
from tests.tui.wizard.steering import press, settle, shown_words
from tui.draft.consequences import disk_of
from tui.draft.draft import Draft
from tui.draft.facts import Facts
from tui.draft.findings import apply, findings_of
from tui.draft.fit import fit_of
from tui.flow.outlook import disk_line, time_line, time_of
from tui.flow.values import about
from tui.widgets.choosers import PickList
from tui.widgets.dialogs import ConfirmScreen
from tui.wizard.review.outlook_panel import OutlookPanel
from tui.wizard.review.values import values

LARGE, SMALL = with_gpus(gpu(total_gib=80)), with_gpus(gpu(total_gib=16))


@pytest.fixture
def draft(tmp_path: Path, rows: Path, home: Path) -> Draft:
    folder = make_large(tmp_path / "llama-8b")
    return Draft(
        {
            "model.name_or_path": str(folder),
            "model.quantization": "none",
            "data.0.path": str(rows),
            "train.learning_rate": 3e-4,
        }
    )


@pytest.fixture
def facts(draft: Draft) -> Facts:
    found = Facts(card=read_card(Path(draft.get("model.name_or_path"))), machine=LARGE)
    found.fit = fit_of(draft, found)
    return found


@pytest.fixture
def prefill(draft: Draft) -> Resolved:
    return resolve([Layer("file", draft.nested())])


def test_what_auto_became_has_a_heading_and_says_why(draft: Draft, facts: Facts) -> None:
    picks = values(draft, facts.fit)
    first = [pick for pick in picks if pick.tail.strip() == "auto"]
    heading = next(index for index, pick in enumerate(picks) if pick.heading and pick.title.endswith("this machine"))
    assert picks[heading + 1 : heading + 1 + len(first)] == first
    assert {pick.id for pick in first} == {
        "train.micro_batch_tokens", "train.gradient_checkpointing", "train.optim",
    }  # fmt: skip
    assert facts.fit is not None
    for pick in first:
        assert text(facts.fit.resolution.reasons[pick.id]) in about(pick.id, facts.fit)
    assert about("train.learning_rate", facts.fit) == "Peak learning rate."
    assert about("data.0.path", facts.fit)


def test_without_a_fit_auto_stays_auto(draft: Draft) -> None:
    found = {pick.id: (pick.detail, pick.tail.strip()) for pick in values(draft, None, unfolded=True)}
    assert found["train.micro_batch_tokens"] == ("auto", "default")


def test_the_time_is_that_of_earlier_runs_here_or_says_that_it_is_rough(draft: Draft, facts: Facts) -> None:
    facts.inspection = Inspection(rows=40, train_rows=40, tokens_total=40_000, tokens_max=1024, supervised_share=0.3)
    facts.inspected = draft.rows_key()
    facts.fit = fit_of(draft, facts)
    rough = time_line(time_of(draft, facts), facts, whole=False)
    assert rough.endswith("computed for this GPU; F8 measures it")
    assert "rough," not in time_line(time_of(draft, facts), facts, whole=True)
    assert facts.fit is not None
    job, device = facts.fit.estimate.job, facts.fit.budget.name
    throughput.record(job.shape.name, throughput.method_of(job), device, 500.0, job.tokens, "run")
    found = time_of(draft, facts)
    assert found is not None
    assert (found.tokens, found.training_s) == (40_000, pytest.approx(80))
    assert "measured here in 1 run" in time_line(found, facts, whole=False)
    assert "F8" not in time_line(found, facts, whole=False)
    assert "500 tokens/s" in time_line(found, facts, whole=True)


def test_before_the_check_the_time_is_guessed_from_the_rows(draft: Draft, facts: Facts) -> None:
    found = time_of(draft, facts)
    assert found is not None
    assert not found.exact_tokens


def test_a_gpu_that_nothing_is_known_of_gets_no_time(draft: Draft, facts: Facts) -> None:
    facts.machine = with_gpus(gpu(name="Graphics Device", total_gib=80))
    facts.fit = fit_of(draft, facts)
    assert time_line(time_of(draft, facts), facts, whole=True) == "unknown here; F8 measures it"


def test_the_disk_says_what_the_run_writes_and_what_comes_later(facts: Facts) -> None:
    short, long = (disk_line(disk_of(facts.fit, facts), 50 * 2**30, whole) for whole in (False, True))
    assert short.startswith("2.2 GB")
    assert short.endswith("of 54 GB free: 4 checkpoints and the adapter")
    assert "merging later takes" in long
    assert disk_line(disk_of(None, Facts()), 2**30, False) == ""


def test_a_run_that_does_not_fit_is_warned_of_with_what_makes_it_fit(draft: Draft, facts: Facts) -> None:
    assert not [found for found in findings_of(draft, facts) if found.issue.field == "memory"]
    facts.machine = SMALL
    facts.fit = fit_of(draft, facts)
    (found,) = [found for found in findings_of(draft, facts) if found.issue.field == "memory"]
    assert found.issue.level == "warning"
    assert "does not fit, " in found.issue.message
    assert found.remedy is not None
    apply(draft, facts, found.remedy.settings)
    fixed = fit_of(draft, facts)
    assert fixed is not None
    assert fixed.verdict.level != "too much"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_review_shows_auto_time_and_disk(
    open_wizard: Opener, prefill: Resolved, size: tuple[int, int]
) -> None:
    async with open_wizard(prefill, size=size, machine=LARGE) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "enter")
        listed = app.wizard.query_one("#values", PickList)
        listed.focus()
        listed.choose("train.micro_batch_tokens")
        await press(app, pilot, "up", "down")
        words = shown_words(app)
        assert "train.micro_batch_tokens" in words
        assert "Auto chose " in words
        assert "of the longest length at once; fits" in words
        assert "Time about" in words
        assert "checkpoints and the adapter" in words
        assert "merging later" in words or size == (80, 24)
        assert "tunedeck run FILE" in words


async def test_what_does_not_fit_starts_only_when_that_is_confirmed(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=SMALL) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "enter")
        assert "memory: does not fit, " in shown_words(app)
        await press(app, pilot, "enter")
        assert isinstance(app.screen, ConfirmScreen)
        assert "does not fit" in text_of(app)
        await press(app, pilot, "escape")
        assert app.started == []
        assert "F7 shows what would make it fit" in shown_words(app)
        await press(app, pilot, "enter", "y")
        assert len(app.started) == 1


async def test_one_key_on_the_review_makes_it_fit_and_it_can_be_taken_back(
    open_wizard: Opener, prefill: Resolved
) -> None:
    async with open_wizard(prefill, machine=SMALL) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "enter", "1")
        assert app.wizard.draft.get("model.quantization") == "nf4"
        assert "memory: does not fit" not in shown_words(app)
        await press(app, pilot, "f7", "u", "k")
        assert app.wizard.draft.get("model.quantization") == "none"
        assert "memory: does not fit" in shown_words(app)
        await press(app, pilot, "1", "enter")
        assert len(app.started) == 1


async def test_the_probe_measures_on_request_and_says_how_far_it_is(
    open_wizard: Opener, prefill: Resolved, tmp_path: Path
) -> None:
    folder, gate = tmp_path / "probe", tmp_path / "go"
    folder.mkdir()
    probe = make_child(folder, {"type": "result", "tokens_per_second": 530.0}, waits_for=gate)
    async with open_wizard(prefill, machine=no_gpu(free_gib=64), probe_command=probe) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "enter")
        await pilot.press("f8")
        while "measuring: reading" not in shown_words(app):
            await pilot.pause(0.02)
        assert "ctrl+x" in text_of(app)
        app.watch.read(no_gpu(free_gib=40))
        await pilot.pause()
        assert "measuring: reading: 1 of 4" in shown_words(app), "a new reading of the machine hides nothing"
        while "reading: 1 of 4, 1 s" not in shown_words(app):
            await pilot.pause(0.02)
        fit = app.wizard.facts.fit
        assert fit is not None
        throughput.record(  # as the child does
            fit.estimate.job.shape.name,
            throughput.method_of(fit.estimate.job),
            "CPU",
            530.0,
            fit.estimate.job.tokens,
            "probe",
        )
        gate.touch()
        while app.wizard.query_one(OutlookPanel).busy:
            await pilot.pause(0.02)
        await settle(app, pilot)
        assert "measured here in a short test" in shown_words(app)


async def test_a_probe_can_be_stopped_and_what_goes_wrong_is_told(
    open_wizard: Opener, prefill: Resolved, tmp_path: Path
) -> None:
    folder = tmp_path / "probe"
    folder.mkdir()
    endless = make_child(folder, GOOD, waits_for=tmp_path / "never")
    async with open_wizard(prefill, machine=LARGE, probe_command=endless) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "enter")
        await pilot.press("f8")
        await pilot.pause()
        await press(app, pilot, "ctrl+x")
        assert "Measurement cancelled." in shown_words(app)
    broken = make_child(folder, {"type": "error", "title": "No memory", "message": "3 GiB", "hint": "Free some."})
    async with open_wizard(prefill, machine=LARGE, probe_command=broken) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "enter", "f8")
        while "No memory: 3 GiB. Free some." not in shown_words(app):
            await pilot.pause(0.02)
