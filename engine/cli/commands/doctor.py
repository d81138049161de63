"""``tunedeck doctor``: check the machine and say how to mend what is wrong."""

from __future__ import annotations

from typing import Annotated

import typer
from wcwidth import ljust

from engine.cli.console import json_line, out
from engine.common.errors import MachineError
from engine.messages.catalogue import text


def doctor(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Check this machine, and say how to mend it."""
    from engine.app.machine_check import all_checks

    checks = []
    for check in all_checks():
        checks.append(check)
        if not as_json:
            out(f"{check.level:<5} {ljust(text(check.name), 13)} {text(check.found)}")
            if check.advice and check.level != "ok":
                out(f"{'':<20}-> {text(check.advice)}")
    if as_json:
        json_line([check.as_json() for check in checks])
    if any(check.level == "fail" for check in checks):
        raise typer.Exit(MachineError.exit_code)
