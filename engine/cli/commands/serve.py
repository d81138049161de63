"""``tunedeck serve``: what was exported from a run, behind an OpenAI-compatible server on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.completing import run_names
from engine.cli.console import out, say
from engine.messages.catalogue import text


def serve(
    run: Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)] = "",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
) -> None:
    """Serve a run's export until Ctrl+C; prints a line that asks it."""
    from engine.app.serve import plan_server, running
    from engine.cli.commands.lookup import run_or_latest
    from engine.common.errors import MachineError

    server = plan_server(run_or_latest(run), port)
    say(text("serving.starting", program=server.program, path=server.path))
    try:
        with running(server) as process:
            say(text("serving.ready", address=server.address))
            out(server.curl)
            code = process.wait()
    except KeyboardInterrupt:
        return
    raise MachineError("serving.ended", program=server.program, path=server.path, code=code)
