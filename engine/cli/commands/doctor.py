"""``tunedeck doctor``: check the machine and say how to mend what is wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from engine.cli.console import json_line, one_line, out
from engine.common.errors import MachineError


def doctor(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Check this machine, and say how to mend it."""
    from engine.app.machine_check import all_checks

    checks = []
    for check in all_checks():
        checks.append(check)
        if not as_json:
            out(f"{check.level:<5} {check.name:<13} {one_line(check.found)}")
            if check.mend and check.level != "ok":
                out(f"{'':<20}-> {one_line(check.mend)}")
    if as_json:
        json_line([asdict(check) for check in checks])
    if any(check.level == "fail" for check in checks):
        raise typer.Exit(MachineError.exit_code)
