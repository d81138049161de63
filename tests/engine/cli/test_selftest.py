"""``tunedeck selftest`` tries a real training in every way, says what failed and why, and names nobody."""

from __future__ import annotations

import getpass
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.app import machine_check
from engine.cli.commands import selftest
from engine.machine import selftest_result, snapshot
from engine.machine.selftest_result import anonymous
from engine.messages.catalogue import text
from engine.messages.message import Message
from tests.engine.app.test_plan import machine
from tests.engine.cli.cli_calls import Shell

SAYS = "import json, os, sys; [print(json.dumps(line)) for line in {lines}]; sys.stdout.flush(); {then}"
STEP = Message("selftest.step", parts=["float32"])
GOOD = {
    "type": "check", "name": STEP.as_json(), "expected": Message("selftest.none").as_json(),
    "found": Message("selftest.as-expected").as_json(), "verdict": "passed", "advice": None, "seconds": 0.0,
}  # fmt: skip
BAD = GOOD | {
    "name": Message("selftest.step", parts=["nf4"]).as_json(),
    "expected": Message("selftest.within", bound=2**30).as_json(), "verdict": "failed",
    "advice": Message("selftest.report").as_json(),
}  # fmt: skip


def answering(monkeypatch: pytest.MonkeyPatch, *lines: dict[str, Any], then: str = "") -> None:
    """A self-test's process that says ``lines``."""
    command = (sys.executable, "-c", SAYS.format(lines=list(lines), then=then))
    monkeypatch.setattr(selftest, "COMMAND", command)


@pytest.mark.usefixtures("warm")
def test_everything_passes_on_the_cpu(shell: Shell, home: Path) -> None:
    answer = shell("selftest", "--json")
    report = answer.json
    failed = [check for check in report["checks"] if check["verdict"] == "failed"]
    assert (failed, answer.code, report["passed"]) == ([], 0, True)
    passed = {text(Message.from_json(check["name"])) for check in report["checks"] if check["verdict"] == "passed"}
    assert {
        "attention of the model", "step in float32", "step in bfloat16", "step in bfloat16, packed",
        "step in bfloat16, PEFT's LoRA", "step in bfloat16, nf4, recomputed", "out of memory", "predicted memory",
        "several devices (2)",
    } <= passed  # fmt: skip
    for name in (getpass.getuser(), socket.gethostname()):
        assert len(name) < 3 or name not in answer.out
    assert not home.exists() or not list(home.glob("runs/*"))


def test_a_check_that_fails_is_told_with_what_to_do(shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, GOOD, BAD, then="sys.exit(1)")
    answer = shell("selftest")
    assert answer.code == 5
    assert "failed   step in nf4" in answer.out
    assert "expected: within 1.0 GiB" in answer.out
    assert "-> Please report this." in answer.out
    assert answer.out.splitlines()[-1].startswith("1 failed, 1 passed in")


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("os.kill(os.getpid(), 11)", Message("selftest.killed", signal="SIGSEGV")),
        ("os._exit(7)", Message("selftest.exited", code=7)),
    ],
)
def test_a_process_that_dies_is_a_check_that_failed(
    shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch, then: str, said: Message
) -> None:
    answering(monkeypatch, GOOD, {"type": "progress", "name": STEP.as_json()}, then=then)
    answer = shell("selftest", "--json")
    assert answer.code == 5
    last = answer.json["checks"][-1]
    assert (last["name"], last["found"]) == (STEP.as_json(), said.as_json())


def test_noise_of_libraries_is_passed_over(shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, GOOD, then="print('[1, 2]'); print('null'); print('warming up')")
    assert [check["name"] for check in shell("selftest", "--json").json["checks"]] == [STEP.as_json()]


def test_a_gpu_that_is_not_there_is_refused(shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine(("NVIDIA L4", 22.5, 2.0))
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: found)
    answer = shell("selftest", "--gpus", "3")
    assert answer.code == 5
    assert "No such GPU" in answer.err


def test_the_result_holds_until_gpu_driver_or_torch_change(home: Path) -> None:
    one, other = machine(("NVIDIA L4", 22.5, 2.0)), machine(("NVIDIA A100-SXM4-80GB", 79.3, 79.0))
    assert selftest_result.read().of(one) is None
    selftest_result.remember(one, ())
    assert (selftest_result.read().of(one), selftest_result.read().of(other)) == (True, None)
    selftest_result.remember(other, (STEP,))
    assert (selftest_result.read().of(one), selftest_result.read().of(other)) == (None, False)


def test_it_is_offered_once_for_each_new_gpu(home: Path) -> None:
    one, other = machine(("NVIDIA L4", 22.5, 2.0)), machine(("NVIDIA A100-SXM4-80GB", 79.3, 79.0))
    assert [selftest_result.offer(each) for each in (one, one, other, one, machine())] == [
        True,
        False,
        True,
        False,
        False,
    ]
    selftest_result.remember(other, ())
    assert not selftest_result.offer(other)


def test_the_doctor_tells_how_it_ended(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine(("NVIDIA L4", 22.5, 2.0))
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: found)
    levels = []
    for failed in (None, (), (STEP,)):
        if failed is not None:
            selftest_result.remember(found, failed)
        (check,) = machine_check.self_test()
        levels.append(check.level)
    assert levels == ["warn", "ok", "fail"]
    assert check.found.args["failed"] == (STEP,)
    monkeypatch.setattr(snapshot, "read_machine_now", machine)
    assert machine_check.self_test() == []


def test_a_record_that_makes_no_sense_is_as_none(home: Path) -> None:
    home.mkdir(parents=True)
    for record in ("", "[]", '{"key": 1}', json.dumps({"key": "a", "passed": "yes", "failed": [], "offered": []})):
        (home / "selftest.json").write_text(record)
        assert selftest_result.read().passed is None


def test_what_names_a_person_or_a_machine_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest_result.getpass, "getuser", lambda: "alice")
    monkeypatch.setattr(selftest_result.socket, "gethostname", lambda: "gpu7.lab")
    monkeypatch.setattr(selftest_result.Path, "home", lambda: Path("/home/alice"))
    said = anonymous("/home/alice/.venv/x.py on gpu7.lab by alice, who has malice")
    assert said == "~/.venv/x.py on HOST by USER, who has malice"


def test_the_selftests_process_reports_an_error_nobody_foresaw(tmp_path: Path) -> None:
    code = (
        "from engine.messages.message import Message\n"
        "from engine.selftest.__main__ import _timed\n"
        "def broken():\n    yield from ()\n    raise RuntimeError('no kernel image')\n"
        "print(list(_timed(Message('selftest.dtype'), broken)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "no kernel image" in done.stdout
    assert "failed" in done.stdout
