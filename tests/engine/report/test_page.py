"""A report is one sound HTML file, readable by screen readers too, and none of its texts is taken as markup."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from engine.app import report
from engine.common.files import write_atomic
from engine.messages import language
from engine.messages.catalogue import text
from engine.metrics.result import Confusion, Test
from engine.report import forgetting
from engine.report.results import _TESTS
from engine.runs import evaluations, story
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.evaluations import Evaluation
from engine.runs.event_lines import encode
from engine.runs.follow import load_state
from tests.engine.report import making
from tests.engine.report.reading import Page
from tests.engine.runs.making import step
from tests.tui import fake_runs

Maker = Callable[[Path], RunDir]
MAKERS: dict[str, Maker] = {
    "whole": making.whole_run,
    "evil": lambda root: making.whole_run(root, evil=making.EVIL),
    "without evaluation": fake_runs.finished_run,
    "failed": fake_runs.failed_run,
    "crashed": fake_runs.crashed_run,
    "never started": lambda root: fake_runs.new_run(root)[0],
}


def page_of(run: RunDir) -> Page:
    return Page(report.write(run).read_text("utf-8"))


@pytest.fixture(params=MAKERS, ids=str)
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Page:
    return page_of(MAKERS[request.param](tmp_path))


def test_every_tag_is_closed_and_every_id_is_there_once(page: Page) -> None:
    assert page.faults == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {attributes["href"][1:] for attributes in page.all("a")}
    labels = {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes}
    assert links | labels <= set(ids)


def test_it_needs_no_script_and_nothing_from_elsewhere(page: Page) -> None:
    allowed = {"html", "head", "meta", "title", "link", "style", "body", "header", "main", "footer", "nav", "section",
               "article", "h1", "h2", "h3", "h4", "p", "a", "ul", "li", "dl", "dt", "dd", "div", "span", "i", "b",
               "small", "strong", "code", "pre", "abbr", "table", "caption", "thead", "tbody", "tr", "th", "td",
               "figure", "figcaption", "svg", "path"}  # fmt: skip
    assert {tag for tag, _ in page.tags} <= allowed
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "action", "data", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:,"))
    [policy] = [each["content"] for each in page.all("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.all("th"))
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(each["role"] == "img" and each["aria-label"] for each in page.all("svg"))
    assert all(each["aria-labelledby"] for each in page.all("figure", "section"))
    [whole] = page.all("html")
    assert whole["lang"] == "en"


def test_what_rows_and_models_say_stays_text(tmp_path: Path) -> None:
    page = page_of(making.whole_run(tmp_path, evil=making.EVIL))
    assert page.all("script", "img") == []
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert not set(page.text) & {"\x00", "\x1b", "\u202e"}


def test_it_says_everything_of_a_finished_run(tmp_path: Path) -> None:
    run = making.whole_run(tmp_path)
    said = page_of(run).text
    for part in (
        making.VERDICT, "Accuracy", "McNemar, exact", "inconclusive", "damaged goods", "Macro F1", "Ticket 0:",
        "Apache-2.0", "LoRA r16", "3e-4", "tickets.jsonl", "a" * 64, "88 kB", "51,204", "Left out: 3 too long",
        "Columns of tickets not used: id, created", "2.9 GiB", "2.8 GiB", "no chat template", "smollm2-135m",
        "learning_rate = 0.0003 # you", "pip install tunedeck==0.1.0 torch==2.13.0 peft==0.21.2",
        f"tunedeck run {run.id}/config.toml", "16-bit weights fit", "One seed", "Loss on general text", "+0.140",
        "moderate", "General text and questions", "Earlier run soups", "soups is kept",
        "from the checkpoint of step 300",
    ):  # fmt: skip
        assert part in said, part


def test_without_a_verdict_on_the_task_none_is_taken_from_elsewhere(tmp_path: Path) -> None:
    run = fake_runs.finished_run(tmp_path)
    making.keep_elsewhere(run)
    said = page_of(run).text
    assert said.index("Before and after training: exact match") < said.index("General text is predicted worse")


def test_an_evaluation_that_measured_nothing_is_no_error(tmp_path: Path) -> None:
    run = fake_runs.finished_run(tmp_path)
    empty = Evaluation(name="training", part="test", n=0, candidates=[], metrics=[],
                       confusions=[Confusion(candidate="tuned", labels=["a", "b"], counts=[])])  # fmt: skip
    evaluations.keep(evaluations.folder(run, "training"), empty)
    assert page_of(run).faults == []


def test_rows_that_got_worse_come_first_among_the_worst(tmp_path: Path) -> None:
    said = page_of(making.whole_run(tmp_path)).text
    assert "Against the base model: 63 rows better, 1 worse, 56 the same." in said
    worst = said[said.index("The worst rows") :]
    assert worst.index("Base model right") < worst.index("Tuned wrong")


def test_what_is_unknown_is_said(tmp_path: Path) -> None:
    said = page_of(fake_runs.finished_run(tmp_path)).text
    assert "exact match 0% -> 97%" in said
    assert "no interval" in said
    for part in ("license of the base model is unknown", "chance is not ruled out", "Memory was not measured"):
        assert part in said


@pytest.mark.parametrize(
    ("maker", "verdict"),
    [
        ("failed", "Training failed at step 118: The GPU is out of memory."),
        ("crashed", "Training ended at step 150 without a result (crashed: killed by the system"),
        ("never started", "This run was never started."),
    ],
)
def test_a_run_without_a_result_says_why(tmp_path: Path, maker: str, verdict: str) -> None:
    assert verdict in page_of(MAKERS[maker](tmp_path)).text


def test_a_run_that_still_trains_is_shown_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, writer = fake_runs.training_run(tmp_path, 212)
    writer.close()
    monkeypatch.setattr(RunDir, "is_alive", lambda run: True)
    assert "Training is at step 212 of 900. The result is not measured yet." in page_of(run).text


def test_a_log_of_version_1_is_read(tmp_path: Path) -> None:
    run, _ = fake_runs.new_run(tmp_path)
    lines = [
        {"type": "run_started", "total_steps": 40, "model": "SmolLM2-135M", "method": "LoRA r16"},
        {"type": "warning", "title": "Rows were cut", "message": "3 rows.", "hint": "Raise max_length."},
        {"type": "rows", "rows": 40, "tokens": 900, "dropped": {"too long": 2}, "noted": {"two systems": 1}},
        {"type": "eval", "step": 40, "moment": "after", "loss": 0.5, "n": 20},
        {"type": "finished", "outcome": "finished", "step": 40},
    ]
    run.events.write_text("".join(json.dumps({"v": 1, "seq": n, "t": n} | line) + "\n" for n, line in enumerate(lines)))
    said = page_of(run).text
    assert "Rows were cut" in said
    assert "Left out: 2 too long" in said


def test_a_long_run_gives_a_small_file(tmp_path: Path) -> None:
    run, writer = fake_runs.new_run(tmp_path)
    writer.emit(ev.RunStarted(total_steps=100_000))
    writer.close()
    lines = ({"v": 2, "seq": n + 1, "t": n, **json.loads(encode(step(n, 2 + (n % 7) / 10)))} for n in range(1, 100_001))
    with run.events.open("a") as file:
        file.writelines(json.dumps(line | {"seq": n + 2, "t": n}) + "\n" for n, line in enumerate(lines))
    path = report.write(run)
    assert "100,000" in Page(path.read_text("utf-8")).text
    assert path.stat().st_size < 200_000


def test_secrets_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, password, block = "hf_" + "AbCdEfGhIj" * 4, "t0ps3cr3tw0rd99", "-----BEGIN PRIVATE KEY-----\nMIIE\nabcd\n"
    monkeypatch.setenv("TUNEDECK_TEST_TOKEN", password)
    run = making.whole_run(tmp_path, evil=f" {key} {password} api_key = Zx9Zx8Zx7Zx6Zx5Zx4 ")
    write_atomic(run.config, run.config.read_text() + f'[run.x]\nnotes = """{block}"""\n# {password} {key}\n')
    source = report.write(run).read_text("utf-8")
    for secret in (key, password, "Zx9Zx8Zx7Zx6Zx5Zx4", "MIIE"):
        assert secret not in source, secret


def test_damaged_files_end_nothing(tmp_path: Path) -> None:
    run = making.whole_run(tmp_path)
    for path in (run.origins, run.adapter / "tunedeck.json", run.config, run.run_json):
        path.write_bytes(b"\xff\xfe{ not json\n\x00")
    for path in run.path.rglob("evaluation.json"):
        path.write_text("[]")
    with run.events.open("ab") as file:
        file.write(b'{"v":2,"type":"step","loss":}\n\xff\xff\n')
    said = page_of(run).text
    assert "The config can't be read" in said
    assert "2 lines of the log can't be read" in said


@pytest.mark.parametrize("maker", MAKERS)
def test_chinese_readers_get_chinese(tmp_path: Path, maker: str) -> None:
    language.use("zh")
    page = page_of(MAKERS[maker](tmp_path))
    assert page.faults == []
    [whole] = page.all("html")
    assert whole["lang"] == "zh-CN"
    assert "微调有效吗？" in page.text
    for english in ("What is not known", "How to repeat", "Peak memory", "Base model"):
        assert english not in page.text


def test_the_gauge_of_a_continued_adapter_shows_base_start_and_end_and_is_marked_by_its_own_rise(
    tmp_path: Path,
) -> None:
    run, writer = fake_runs.new_run(tmp_path)
    told = {"kl_before": 0.6, "general_before": 3.3, "base_loss": 3.02, "general_rows": 12, "mark": "fine"}
    for at, moment, rose in ((0, "before", 0.0), (20, "after", 0.02)):
        writer.emit(
            ev.Forgetting(step=at, moment=moment, kl_general=0.6 + rose, general_loss=3.3 + rose, **told)  # type: ignore[arg-type]
        )
    writer.close()
    found = forgetting.cost(load_state(run), [])
    assert found is not None
    assert found.figures is not None
    shown = [[cell.text for cell in row[1:5]] for row in found.figures.rows]
    assert shown == [["3.020", "3.300", "3.320", "+0.020"], ["", "0.600", "0.620", "+0.020"]]
    assert {row[4].tone for row in found.figures.rows} == {found.tone} == {"good"}
    (curve,) = found.curves
    top = min(float(y) for y in re.findall(r" (\d+\.\d)", curve.curves[0].path)) / 3
    assert [place < top for place, _ in curve.levels] == [True, True], (
        "the limits count from the start, above the curve"
    )
    page = page_of(run).text
    assert "3.020" in page
    assert "3.300" in page
    said = text(story.forgetting(load_state(run).forgetting[-1]))
    assert "general text 0.600 -> 0.620" in said
    assert "3.300 -> 3.320 (base 3.020)" in said


def test_every_test_has_a_name_in_words() -> None:
    assert set(get_args(Test)) <= set(_TESTS)
