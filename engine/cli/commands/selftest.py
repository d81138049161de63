"""``tunedeck selftest``: whether this machine computes what it should, tried in a minute or two."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.commands.run import Json
from engine.cli.console import Progress, json_line, one_line, out
from engine.common.errors import MachineError
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.machine.selftest_result import Check, Report

COMMAND = (sys.executable, "-P", "-m", "engine.selftest")


def selftest(
    gpus: Annotated[str, typer.Option(metavar="0,1")] = "",
    as_json: Json = False,
) -> None:
    """Check that this machine computes what it should."""
    from engine.machine.selftest_result import lines_of, verdict_line

    checks: list[Check] = []

    def on_check(check: Check) -> None:
        checks.append(check)
        if not as_json:
            progress.end()
            for line in lines_of(check):
                out(one_line(line) if not line.startswith(" ") else line)

    with Progress() as progress:
        report = run(gpus, on_check, lambda name: progress(len(checks), None, Message("selftest.trying", name=name)))
    if as_json:
        json_line(report.to_json())
    else:
        out(verdict_line(report.checks))
    if report.failed:
        raise typer.Exit(MachineError.exit_code)


def run(gpus: str, on_check: Any, on_name: Any) -> Report:
    """Run the self-test in a process of its own and remember how it ended. Raises MachineError for a wrong GPU."""
    from engine.common.child import run_child
    from engine.machine import selftest_result
    from engine.machine.selftest_result import Check, Report
    from engine.machine.snapshot import read_machine_now

    machine = read_machine_now()
    for name in gpus.split(",") if gpus else ():
        if machine is None:
            raise MachineError("cli.no-driver", name=name)
        machine.gpu(name)
    report = Report({})
    trying = Message("selftest.start")

    def on_line(line: str) -> None:
        nonlocal report, trying
        try:
            record = json.loads(line)
            kind = record.pop("type")
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # a library's noise
        if kind == "machine":
            report = Report(record, report.checks)
        elif kind == "progress":
            trying = Message.from_json(record["name"])
            on_name(trying)
        elif kind == "check":
            report.checks.append(Check.from_json(record))
            on_check(report.checks[-1])

    code = run_child([*COMMAND, gpus], on_line)
    if code not in (0, 1):
        if code < 0:
            ended = Message("selftest.killed", signal=signal.Signals(-code).name)
        else:
            ended = Message("selftest.exited", code=code)
        lost = Check(trying, Message("selftest.an-answer"), ended, "failed", Message("selftest.crash-advice"))
        report.checks.append(lost)
        on_check(lost)
    if machine is not None and not gpus:
        selftest_result.remember(machine, tuple(check.name for check in report.checks if check.verdict == "failed"))
    return report
