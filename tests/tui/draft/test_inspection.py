"""The child process that examines the rows: what it says, what it may do wrong, and that it never outlives us."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.app.examine import Examined, Inspection
from engine.common.errors import DataError, TunedeckError
from engine.messages.message import Message
from tests.tui.wizard.making import GOOD, make_child
from tui.draft.child import Pace, Progress, Unavailable
from tui.draft.inspection import examine
from tui.flow.rows_text import figures


async def said(command: tuple[str, ...]) -> list[object]:
    """What was said, without the repetitions that only tell the time."""
    items: list[object] = []
    async for item in examine(command, "[run]\n"):
        items += [item] * (item != (items or [None])[-1] and item != Progress(0, 0, ""))
    return items


async def test_progress_and_result_are_read_and_noise_is_not(tmp_path: Path) -> None:
    progress, result = await said(make_child(tmp_path, GOOD))
    assert progress == Progress(1, 4, "reading")
    assert isinstance(result, Examined)
    assert result.inspection is not None
    assert (result.inspection.rows, result.inspection.supervised_share) == (40, 0.31)
    assert [source.rows for source in result.report.sources] == [40]
    assert (tmp_path / "asked").read_text() == "[run]\n"


def test_progress_says_what_how_far_how_long_and_how_long_still() -> None:
    assert Progress(3, 9, "tokenising").text == "tokenising: 3 of 9"
    assert Progress(3, 9, "tokenising", 12.4, 24.8).text == "tokenising: 3 of 9, 12 s, about 25 s left"
    assert Progress(0, 0, "loading the model", 75).text == "loading the model, 75 s"


def test_what_is_left_follows_from_the_pace_of_what_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("tui.draft.child.time.monotonic", lambda: now)
    pace = Pace()
    pace.timed(Progress(0, 0, "loading"))
    now = 110.0
    assert pace.timed(Progress(0, 50, "measuring")).left_s is None, "the loading says nothing of the rest"
    now = 115.0
    found = pace.timed(Progress(10, 50, "measuring"))
    assert (found.since_s, found.left_s) == (15.0, 20.0)
    now = 116.0
    assert pace.timed().since_s == 16.0


async def test_an_unknown_figure_is_no_obstacle(tmp_path: Path) -> None:
    assert isinstance((await said(make_child(tmp_path, GOOD | {"new": 1})))[-1], Examined)


async def test_rows_without_figures_still_have_their_findings(tmp_path: Path) -> None:
    trouble = {"title": "No row", "message": "in \x1b[31mx", "hint": "Look."}
    answer = {"type": "result", "report": GOOD["report"], "trouble": trouble, "not_known": None}
    result = (await said(make_child(tmp_path, answer)))[-1]
    assert isinstance(result, Examined)
    assert result.inspection is None
    assert result.refused is not None
    assert (result.refused.title, result.refused.message, result.refused.hint) == ("No row", "in x", "Look.")
    later = Message("jobs.lengths-later", model="org/m")
    early = {"type": "result", "report": GOOD["report"], "trouble": None, "not_known": later.as_json()}
    result = (await said(make_child(tmp_path, early)))[-1]
    assert isinstance(result, Examined)
    assert (result.refused, result.not_known) == (None, later)


async def test_an_answer_that_is_no_report_is_told(tmp_path: Path) -> None:
    with pytest.raises(TunedeckError, match="can't be read"):
        await said(make_child(tmp_path, {"type": "result", "report": {"sources": 7}}))


async def test_what_it_finds_wrong_is_raised_in_full(tmp_path: Path) -> None:
    child = make_child(tmp_path, {"type": "error", "title": "No row", "message": "in \x1b[31mx", "hint": "Look."})
    with pytest.raises(DataError) as caught:
        await said(child)
    assert (caught.value.title, caught.value.message, caught.value.hint) == ("No row", "in x", "Look.")


async def test_not_yet_is_neither_result_nor_error(tmp_path: Path) -> None:
    child = make_child(tmp_path, {"type": "unavailable", "message": "not downloaded"})
    assert (await said(child))[-1] == Unavailable("not downloaded")


async def test_a_child_that_dies_is_told_with_its_last_words(tmp_path: Path) -> None:
    script = tmp_path / "dies.py"
    script.write_text("import sys\nprint('first', file=sys.stderr)\nsys.exit('ImportError: no such thing')\n")
    with pytest.raises(TunedeckError, match="exit code 1: ImportError: no such thing"):
        await said((*make_child(tmp_path)[:-1], str(script)))


async def test_a_command_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(TunedeckError, match="can't be started"):
        await said((str(tmp_path / "nowhere"),))


async def test_a_child_nobody_waits_for_is_ended(tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        'print(\'{"type": "progress", "done": 0, "total": 0, "message": ""}\', flush=True)\ntime.sleep(600)\n'
    )
    answers = examine((*make_child(tmp_path)[:-1], str(script)), "")
    await anext(answers)
    pid = int((tmp_path / "pid").read_text())
    await answers.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_cancelled_check_ends_its_child(tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    task = asyncio.create_task(said((*make_child(tmp_path)[:-1], str(script))))
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_figures_say_rows_lengths_and_what_is_learnt() -> None:
    found = Inspection(
        rows=1200,
        train_rows=1100,
        eval_rows=100,
        tokens_mean=85.2,
        tokens_max=93,
        supervised_share=0.42,
        examples=({"text": "q a", "trained": "a\nb"},),
    )
    assert figures(found).splitlines() == [
        "1,200 rows: 1,100 to train on, 100 held out",
        "tokens per row: 85 on average, longest 93; 42% trained",
        "trained in the first row: a b",
    ]
    assert figures(replace(found, padding_share=0.04)).splitlines()[1].endswith("42% trained, 4% padding")
