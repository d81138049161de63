"""`tunedeck doctor` finds what is wrong, says how to mend it, and never dies of it."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from engine import checks
from engine.checks import Check, libraries
from tests.engine.cli_calls import Shell

HEALTHY: dict[str, Any] = {
    "torch": "2.13.0", "transformers": "5.0", "peft": "0.21", "accelerate": "1.15", "bitsandbytes": "0.50",
    "cuda_build": "13.0", "cuda": True, "devices": ["H100"], "bf16": True, "nf4": True,
}  # fmt: skip


def by_name(found: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in found}


def test_every_finding_that_is_not_fine_says_how_to_mend_it(monkeypatch: pytest.MonkeyPatch, home: object) -> None:
    monkeypatch.setattr(checks, "ask_libraries", lambda: {"torch": None, "torch_error": "ImportError: x"})
    found = list(checks.all_checks())
    assert {"Python", "Machine", "Runs", "Models", "Terminal", "Disconnects", "Hub token"} <= by_name(found).keys()
    for check in found:
        assert check.found, check.name
        assert check.level == "ok" or check.mend, check.name


def test_healthy_libraries_are_fine() -> None:
    found = libraries(HEALTHY)
    assert {check.level for check in found} == {"ok"}
    assert "H100" in by_name(found)["CUDA"].found


@pytest.mark.parametrize(
    ("told", "name", "level", "mend"),
    [
        ({"peft": None, "peft_error": "ModuleNotFoundError: No module named 'peft'"}, "peft", "fail", "pip install"),
        ({"cuda": False}, "CUDA", "warn", "driver"),
        ({"cuda": False, "cuda_build": None}, "CUDA", "warn", "CUDA build"),
        ({"nf4": False, "nf4_error": "RuntimeError: no kernel"}, "NF4", "fail", "LoRA works without"),
    ],
)
def test_a_broken_library_says_how_to_mend_it(told: dict[str, Any], name: str, level: str, mend: str) -> None:
    check = by_name(libraries(HEALTHY | told))[name]
    assert check.level == level
    assert mend in check.mend


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; sys.exit('Illegal instruction')", "Illegal instruction"),
        ("import os; os.kill(os.getpid(), 9)", "code -9"),
        ("print('noise'); print('not json')", "code 0"),
        ("print([1])", "no sense"),
    ],
)
def test_libraries_that_take_their_process_down_are_a_finding(code: str, says: str) -> None:
    told = checks.ask_libraries(code)
    assert says in told["error"]
    [check] = libraries(told)
    assert check.level == "fail"


def test_libraries_that_never_answer_are_a_finding() -> None:
    assert "no answer" in checks.ask_libraries("import time; time.sleep(60)", timeout_s=0.2)["error"]


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-256color"}, "256 colours"),
        ({"TERM": "linux"}, "16 colours"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "no colours"),
    ],
)
def test_the_terminal_is_told_as_it_is(environment: dict[str, str], colours: str) -> None:
    [check] = checks.terminal(environment)
    assert colours in check.found


class FakeTerminal:
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("term", "columns", "lines", "level"),
    [
        ("xterm-256color", 80, 24, "ok"),
        ("dumb", 80, 24, "fail"),
        ("", 80, 24, "fail"),
        ("xterm", 50, 15, "fail"),
        ("xterm", 70, 20, "warn"),
    ],
)
def test_a_terminal_that_is_too_small_or_too_plain_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, term: str, columns: int, lines: int, level: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    monkeypatch.setattr(sys, "stderr", FakeTerminal())
    [check] = checks.terminal({"TERM": term})
    monkeypatch.undo()
    assert check.level == level


def test_a_home_that_cannot_be_written_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEDECK_HOME", "/proc/1/nothing")
    monkeypatch.setattr(checks.os, "access", lambda path, mode: False)
    assert [check.level for check in checks.disk()] == ["fail", "fail"]


def test_the_token_is_known_and_never_told(monkeypatch: pytest.MonkeyPatch, home: object, tmp_path: object) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert "none" in checks.hub_token()[0].found
    monkeypatch.setenv("HF_TOKEN", "hf_verysecretvalue")
    [check] = checks.hub_token()
    assert check.found == "there is one"


def fake_nvml(used: int) -> types.ModuleType:
    nvml = types.ModuleType("pynvml")
    members: dict[str, Any] = {
        "NVMLError": RuntimeError, "nvmlInit": lambda: None, "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: b"580.1", "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index, "nvmlDeviceGetName": lambda handle: "H100",
        "nvmlDeviceGetMemoryInfo": lambda handle: types.SimpleNamespace(total=100, used=used, free=100 - used),
    }  # fmt: skip
    for name, member in members.items():
        setattr(nvml, name, member)
    return nvml


@pytest.mark.parametrize(("used", "level"), [(1, "ok"), (60, "warn")])
def test_a_gpu_that_others_use_is_a_finding(monkeypatch: pytest.MonkeyPatch, used: int, level: str) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(used))
    [check] = checks.gpus()
    assert check.level == level
    assert "H100" in check.found
    assert "580.1" in check.found


def test_the_doctors_words_and_exit_code(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        checks, "all_checks", lambda: iter([Check("Python", "ok", "3.12"), Check("NF4", "warn", "x", "y")])
    )
    answer = shell("doctor")
    assert answer.code == 0
    assert "-> y" in answer.out
    monkeypatch.setattr(checks, "all_checks", lambda: iter([Check("torch", "fail", "gone", "get it")]))
    answer = shell("doctor", "--json")
    assert answer.code == 5
    assert answer.json == [{"name": "torch", "level": "fail", "found": "gone", "mend": "get it"}]
