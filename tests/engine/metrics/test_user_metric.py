"""A metric of the user's runs apart: whatever it does costs a score and is said, and never the evaluation."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.common.errors import ConfigError
from engine.messages import language
from engine.messages.catalogue import text
from engine.metrics.user_metric import Item, Scored, check, measure, try_on
from engine.runs.steering import StopRequested

HEAD = "def score(answer, reference, row):\n    "


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "metric.py"


def scored(file: Path, source: str, rows: int = 3, row_s: float = 20.0, all_s: float = 120.0) -> Scored:
    file.write_text(source)
    check(file)
    items = [Item(f"answer {n}", "reference", {"number": n}, f"rows.jsonl, row {n + 1}") for n in range(rows)]
    return measure(file, items, row_s, all_s)


def test_a_row_that_is_waited_for_is_told_again_and_again(file: Path) -> None:
    file.write_text("import time\n" + HEAD + "time.sleep(30 * (row['number'] == 1)); return 1")
    told: list[tuple[int, int]] = []
    items = [Item("a", "a", {"number": n}, str(n)) for n in range(3)]
    found = measure(file, items, 2.0, 60.0, on_row=lambda done, total: told.append((done, total)))
    assert found.scores == [1.0, None, 1.0]
    assert told.count((1, 3)) >= 4
    assert {(0, 3), (2, 3)} <= {*told}


def test_whoever_stops_while_a_row_hangs_need_not_wait_for_it(file: Path) -> None:
    file.write_text("import time\n" + HEAD + "time.sleep(60)")

    def stop(done: int, total: int) -> None:
        told.append(done)
        if len(told) > 2:
            raise StopRequested

    told: list[int] = []
    began = time.monotonic()
    with pytest.raises(StopRequested):
        measure(file, [Item("a", "a", {}, "1")], 50.0, 100.0, on_row=stop)
    assert time.monotonic() - began < 40


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        (HEAD + "return row['wanted']", "user-metric.fails", "KeyError: 'wanted' (line 2)"),
        (HEAD + "return answer", "user-metric.fails", "it returned 'yes' (str), not a number"),
        (HEAD + "while True: pass", "user-metric.fails", "no answer within 1 s"),
        ("import no_such\n" + HEAD + "return 1", "user-metric.unloadable", "'no_such' (line 1)"),
        ("raise SystemExit(3)\n" + HEAD + "return 1", "user-metric.unloadable", "SystemExit: 3 (line 1)"),
    ],
)
def test_a_metric_that_fails_is_tried_in_time_and_says_where(file: Path, source: str, code: str, said: str) -> None:
    file.write_text(source)
    with pytest.raises(ConfigError) as error:
        try_on(file, Item("yes", "yes", {}, "rows.jsonl:4"), 1.0)
    assert error.value.code == code
    assert said in str(error.value)
    assert str(file) in str(error.value)
    assert ("rows.jsonl:4" in str(error.value)) == (code == "user-metric.fails")


def test_a_metric_that_works_passes_the_trial(file: Path) -> None:
    file.write_text(HEAD + "return len(answer)")
    try_on(file, Item("yes", "yes", {}, "rows.jsonl:4"))


def reasons(found: Scored) -> list[str]:
    return [each.args["reason"].code if each.code == "user-metric.row-failed" else each.code for each in found.notes]


def test_a_metric_gets_answer_reference_and_row(file: Path) -> None:
    source = "assert_all = all\n" + HEAD + "return row['number'] + len(answer) / 100 + (reference == 'reference')"
    assert scored(file, source) == Scored([pytest.approx(1.08), pytest.approx(2.08), pytest.approx(3.08)])


def test_what_it_prints_disturbs_nothing_and_modules_beside_it_are_found(file: Path) -> None:
    (file.parent / "beside.py").write_text("VALUE = 0.25")
    source = 'import os, sys\nfrom beside import VALUE\nprint(\'{"type": "score", "value": 9}\')\n' + HEAD
    source += "print('x' * 100000); os.write(1, b'{}'); return VALUE"
    assert scored(file, source) == Scored([0.25, 0.25, 0.25])


def test_true_counts_as_one_and_that_is_said(file: Path) -> None:
    found = scored(file, HEAD + "return row['number'] > 0")
    assert (found.scores, reasons(found)) == ([0.0, 1.0, 1.0], ["user-metric.true-or-false"])


def test_numbers_of_numpy_are_numbers(file: Path) -> None:
    assert scored(file, "import numpy\n" + HEAD + "return numpy.float32(0.5)").scores == [0.5] * 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return 1 / (row['number'] - 1)", "user-metric.raised"),
        ("return float('nan') if row['number'] == 1 else 1.0", "user-metric.not-finite"),
        ("return 1e308 if row['number'] == 1 else 1.0", "user-metric.not-finite"),
        ("return None if row['number'] == 1 else 1.0", "user-metric.no-number"),
        ("return 'high' if row['number'] == 1 else 1.0", "user-metric.no-number"),
        ("return 10 ** 400 if row['number'] == 1 else 1.0", "user-metric.raised"),
        ("import sys; row['number'] == 1 and sys.exit(0); return 1.0", "user-metric.raised"),
        ("import os; row['number'] == 1 and os._exit(0); return 1.0", "user-metric.exited"),
        ("import os; row['number'] == 1 and os.kill(os.getpid(), 9); return 1.0", "user-metric.killed"),
        ("row['number'] == 1 and bytearray(10 ** 13); return 1.0", "user-metric.raised"),
        ("return float(input()) if row['number'] == 1 else 1.0", "user-metric.raised"),
    ],
)
def test_a_row_that_goes_wrong_has_no_score_and_is_named_with_the_reason(file: Path, body: str, code: str) -> None:
    found = scored(file, HEAD + body)
    assert found.scores[1] is None
    assert None not in (found.scores[0], found.scores[2])
    assert reasons(found) == [code]
    for spoken in language.LANGUAGES:
        language.use(spoken)
        assert "rows.jsonl" in text(found.notes[0])


def test_a_row_that_hangs_ends_at_its_limit_and_the_next_is_scored(file: Path) -> None:
    found = scored(file, HEAD + "while row['number'] == 1: pass\n    return 1.0", row_s=2)
    assert (found.scores, reasons(found)) == ([1.0, None, 1.0], ["user-metric.row-too-slow"])


def test_a_metric_whose_process_is_lost_each_time_is_given_up(file: Path) -> None:
    found = scored(file, HEAD + "import os; os._exit(3)", rows=5)
    assert found.scores == [None] * 5
    assert reasons(found) == ["user-metric.exited"] * 3 + ["user-metric.given-up"]
    assert found.notes[-1].args["rows"] == 2


def test_all_rows_together_have_a_limit_too(file: Path) -> None:
    found = scored(file, HEAD + "import time; time.sleep(0.4); return 1.0", rows=50, all_s=3)
    assert found.scores[0] == 1.0
    assert found.scores[-1] is None
    assert reasons(found) == ["user-metric.out-of-time"]


@pytest.mark.parametrize(
    "source", ["import no_such_module_at_all\n", "raise RuntimeError('no')\n", "import sys; sys.exit(1)\n"]
)
def test_a_file_that_can_not_be_loaded_gives_no_score_and_says_why(file: Path, source: str) -> None:
    found = scored(file, source + HEAD + "return 1.0")
    assert (found.scores, reasons(found)) == ([None] * 3, ["user-metric.not-loaded"])


def test_of_many_failures_the_first_are_named_and_the_others_counted(file: Path) -> None:
    found = scored(file, HEAD + "raise ValueError('\\x1b[31mred')", rows=9)
    assert reasons(found) == ["user-metric.raised"] * 5 + ["user-metric.more-failed"]
    assert "\x1b" not in text(found.notes[0])


def test_secrets_of_the_environment_stay_here(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "secret")
    source = HEAD + "import os; return float('secret' in os.environ.values())"
    assert scored(file, source).scores == [0.0] * 3


def test_nothing_of_it_is_left_running(file: Path) -> None:
    source = HEAD + "import subprocess; return subprocess.Popen(['sleep', '600']).pid"
    pids = [int(pid) for pid in scored(file, source).scores if pid]
    assert len(pids) == 3
    listed = subprocess.run(["ps", "-o", "stat=", *(f"-p{pid}" for pid in pids)], capture_output=True, text=True)
    assert all(line.startswith("Z") for line in listed.stdout.split())  # ended, at most not yet collected by init


def test_it_is_never_imported_here(file: Path) -> None:
    scored(file, f"import os\nassert os.getpid() != {os.getpid()}\n" + HEAD + "return 1.0")
    assert "user_metric_file" not in sys.modules


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"def score(answer, reference, row) return 1", "user-metric.not-python"),
        (b"def score(answer, reference, row):\n    return '\xff\xfe'", "user-metric.not-python"),
        (b"x = 1\x00", "user-metric.not-python"),
        (b"(" * 5000, "user-metric.not-python"),
        (b"", "user-metric.no-score"),
        (b"def scores(answer, reference, row):\n    return 1", "user-metric.no-score"),
        (b"def score(answer, reference):\n    return 1", "user-metric.wrong-arguments"),
        (b"def score(answer, reference, row, more):\n    return 1", "user-metric.wrong-arguments"),
        (b"async def score(answer, reference, row):\n    return 1", "user-metric.wrong-arguments"),
    ],
)
def test_a_file_that_can_be_no_metric_is_refused_before_anything_starts(file: Path, source: bytes, code: str) -> None:
    file.write_bytes(source)
    with pytest.raises(ConfigError) as caught:
        check(file)
    assert caught.value.code == code
    assert str(file) in caught.value.message


@pytest.mark.parametrize(
    "source",
    [
        "def score(answer, reference, row, strict=False):\n    return 1", "def score(*texts):\n    return 1",
        "score = lambda a, b, c: 1", "from mine import score", "if True:\n    def score(a, b, c):\n        return 1",
    ],
)  # fmt: skip
def test_score_may_be_made_in_any_way(file: Path, source: str) -> None:
    file.write_text(source)
    check(file)


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "gone.py", "user-metric.no-such-file"), (tmp_path, "user-metric.unreadable")):
        with pytest.raises(ConfigError) as caught:
            check(path)
        assert caught.value.code == code
