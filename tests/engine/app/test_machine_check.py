"""`tunedeck doctor` finds what is wrong, says how to mend it, and never dies of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.app import machine_check
from engine.app.machine_check import Check, libraries
from engine.machine import snapshot
from engine.machine.gpus import Gpu
from engine.messages.catalogue import text
from engine.messages.message import Message
from tests.engine.cli.cli_calls import Shell
from tests.engine.machine.fake_gpus import no_use
from tests.tui.machines import gpu, process, used_by, with_gpus

HEALTHY: dict[str, Any] = {
    "torch": "2.13.0", "transformers": "5.0", "peft": "0.21", "accelerate": "1.15", "bitsandbytes": "0.50",
    "cuda_build": "13.0", "cuda": True, "devices": ["H100"], "bf16": [True], "nf4": True,
}  # fmt: skip


def by_name(found: list[Check]) -> dict[str, Check]:
    return {text(check.name): check for check in found}


def test_every_finding_that_is_not_fine_says_how_to_mend_it(monkeypatch: pytest.MonkeyPatch, home: object) -> None:
    monkeypatch.setattr(machine_check, "ask_libraries", lambda: {"torch": None, "torch_error": "ImportError: x"})
    found = list(machine_check.all_checks())
    assert {"Python", "Machine", "Runs", "Models", "Terminal", "Disconnects", "Hub token"} <= by_name(found).keys()
    for check in found:
        assert text(check.found), check.name
        assert check.level == "ok" or check.advice, check.name


def test_healthy_libraries_are_fine() -> None:
    found = libraries(HEALTHY)
    assert {check.level for check in found} == {"ok"}
    assert "H100" in text(by_name(found)["CUDA"].found)


@pytest.mark.parametrize(
    ("told", "name", "level", "mend"),
    [
        ({"peft": None, "peft_error": "ModuleNotFoundError: No module named 'peft'"}, "peft", "fail", "pip install"),
        ({"cuda": False, "cuda_error": "driver too old"}, "CUDA", "warn", "see its line above"),
        ({"cuda": False, "cuda_build": None}, "CUDA", "warn", "see its line above"),
        ({"no_kernels": [[7, 0]], "arch": ["sm_75", "sm_90"]}, "CUDA", "fail", "whl/cu126"),
        ({"nf4": False, "nf4_error": "RuntimeError: no kernel"}, "NF4", "fail", "LoRA works without"),
    ],
)
def test_a_broken_library_says_how_to_mend_it(told: dict[str, Any], name: str, level: str, mend: str) -> None:
    check = by_name(libraries(HEALTHY | told))[name]
    assert check.level == level
    assert check.advice
    assert mend in text(check.advice)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; sys.exit('Illegal instruction')", "Illegal instruction"),
        ("import os; os.kill(os.getpid(), 9)", "code -9"),
        ("print('noise'); print('not json')", "code 0"),
        ("print([1])", "can't be understood"),
    ],
)
def test_libraries_that_take_their_process_down_are_a_finding(code: str, says: str) -> None:
    told = machine_check.ask_libraries(code)
    assert says in text(told["error"])
    [check] = libraries(told)
    assert check.level == "fail"


def test_libraries_that_never_answer_are_a_finding() -> None:
    told = machine_check.ask_libraries("import time; time.sleep(60)", timeout_s=0.2)
    assert told["error"].code == "machine-check.no-answer"


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-256color"}, "256 colors"),
        ({"TERM": "linux"}, "16 colors"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "no colors"),
    ],
)
def test_the_terminal_is_told_as_it_is(environment: dict[str, str], colours: str) -> None:
    [check] = machine_check.terminal(environment)
    assert colours in text(check.found)


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
    [check] = machine_check.terminal({"TERM": term})
    monkeypatch.undo()
    assert check.level == level


def test_a_home_that_cannot_be_written_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEDECK_HOME", "/proc/1/nothing")
    monkeypatch.setattr(machine_check.os, "access", lambda path, mode: False)
    assert [check.level for check in machine_check.disk()] == ["fail", "fail"]


def test_the_token_is_known_and_never_told(monkeypatch: pytest.MonkeyPatch, home: object, tmp_path: object) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert machine_check.hub_token()[0].found.code == "machine-check.no-token"
    monkeypatch.setenv("HF_TOKEN", "hf_verysecretvalue")
    [check] = machine_check.hub_token()
    assert check.found == Message("machine-check.has-token")


FAKE_TORCH = """
class version: cuda = "13.0"
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 2)
    get_device_name = staticmethod(["H100", "Tesla T4"].__getitem__)
    get_device_capability = staticmethod([(9, 0), (7, 5)].__getitem__)
    is_bf16_supported = staticmethod(lambda including_emulation=True: including_emulation)
    get_arch_list = staticmethod(lambda: ["sm_80", "sm_90"])
__version__ = "2.13.0"
"""


def test_a_card_without_bfloat16_or_without_kernels_is_told_of_by_the_library_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text(FAKE_TORCH)
    for name in ("transformers", "peft", "accelerate", "bitsandbytes"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not of interest')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(machine_check.__file__).parents[2]}")
    check = by_name(libraries(machine_check.ask_libraries()))["CUDA"]
    assert "H100 (bfloat16), Tesla T4 (no bfloat16, float16 is used)" in text(check.found)
    assert (check.found.args["lacking"], check.found.args["built"]) == (("7.5",), ("sm_80", "sm_90"))
    assert check.level == "fail"


BARRED = no_use("torch 2.13 needs NVIDIA driver 580", "Install torch for CUDA 12.6")
FOR_CPUS = no_use("torch 2.13 is built for CPUs only", "Install torch for CUDA 13.0", falls_to_cpu=True)


@pytest.mark.parametrize(
    ("card", "level", "says"),
    [
        (gpu(0), "ok", "driver 575.51.03"),
        (used_by(gpu(0), process(20.0)), "warn", "GiB free"),
        (replace(gpu(0), unusable=BARRED), "fail", BARRED.reason.args["text"]),
        (replace(gpu(0), unusable=FOR_CPUS), "warn", FOR_CPUS.reason.args["text"]),
        (Gpu(0, trouble=Message("machine.gpu-lost")), "fail", "has lost this GPU"),
    ],
)
def test_each_gpu_is_told_of_with_what_keeps_a_run_from_it(
    monkeypatch: pytest.MonkeyPatch, card: Gpu, level: str, says: str
) -> None:
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: with_gpus(card))
    [check] = machine_check.gpus()
    assert (check.name, check.level) == (Message("machine-check.gpu", gpu="0"), level)
    assert says in text(check.found)
    assert bool(check.advice) == (level != "ok")


def test_hidden_gpus_and_a_driver_that_hangs_are_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: replace(with_gpus(gpu(0)), gpus=()))
    assert machine_check.gpus()[0].found == Message("machine.gpus-hidden")
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: None)
    assert machine_check.gpus()[0].found == Message("machine-check.driver-silent")


def test_the_doctors_words_and_exit_code(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(name: str, level: Any, found: str, advice: str = "") -> Check:
        return Check(Message.literal(name), level, Message.literal(found), Message.literal(advice))

    fine = [check("Python", "ok", "3.12"), check("NF4", "warn", "x", "y")]
    monkeypatch.setattr(machine_check, "all_checks", lambda: iter(fine))
    answer = shell("doctor")
    assert answer.code == 0
    assert "-> y" in answer.out
    missing = Message("machine-check.missing")
    monkeypatch.setattr(machine_check, "all_checks", lambda: iter([Check(missing, "fail", missing)]))
    answer = shell("doctor", "--json")
    assert answer.code == 5
    told = {"code": "machine-check.missing", "args": {}}
    assert answer.json == [{"name": told, "level": "fail", "found": told, "advice": None}]
