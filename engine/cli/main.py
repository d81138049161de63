"""The headless verbs, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer

from engine.cli import console, help_texts, language_flag, usage
from engine.cli.commands import (
    adapter,
    chat,
    compare,
    data,
    demo,
    doctor,
    estimate,
    evaluate,
    export,
    extract,
    judge,
    lineage,
    merge,
    mix,
    models,
    opening,
    report,
    run,
    runs,
    selftest,
    serve,
    steer,
    strength,
)
from engine.common import paths
from engine.common.errors import ConfigError, TunedeckError
from engine.common.redact import redact
from engine.messages.message import Message

INTERRUPTED = 130
_UsageError: Any = typer.BadParameter.__bases__[0]
"""The base of all errors about a command line, which Typer does not name."""


def build() -> typer.Typer:
    """The command line. Its context object is what opens the screen."""
    app = typer.Typer(
        name="tunedeck", rich_markup_mode=None, pretty_exceptions_enable=False,
        subcommand_metavar="COMMAND|PATH [ARGS]...",
    )  # fmt: skip
    app.callback(invoke_without_command=True)(_no_verb)
    for verb in (
        run.run, runs.attach, runs.runs, runs.status, runs.logs, steer.stop, steer.pause, steer.resume, steer.save,
        steer.rollback,
        merge.merge, mix.mix, extract.extract,
        export.export, serve.serve, lineage.lineage, report.report, demo.demo, estimate.estimate,
        evaluate.evaluate, chat.chat, strength.strength, judge.judge, compare.compare, doctor.doctor,
        selftest.selftest, run.fields,
    ):  # fmt: skip
        app.command()(verb)
    app.command("open")(opening.open_path)
    app.command("set")(steer.change)
    app.command("version")(_version)
    app.add_typer(models.app)
    app.add_typer(data.app)
    app.add_typer(adapter.app)
    return app


def main(open_screen: Callable[..., int]) -> None:
    """Run the command line and end the process. ``open_screen("home" | "attach" | "demo" ..., ...)`` gives a code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 must not end a verb
    try:
        sys.argv[1:] = language_flag.take(sys.argv[1:])
        command = typer.main.get_command(build())
        help_texts.put_in(command)
        usage.watch(command)
        code = command(obj=open_screen, prog_name="tunedeck", standalone_mode=False)
        raise SystemExit(code if isinstance(code, int) else 0)
    except TunedeckError as problem:
        console.fail(problem)
        raise SystemExit(problem.exit_code) from None
    except _UsageError as problem:
        if problem.ctx is not None and type(problem).__name__ == "NoArgsIsHelpError":
            console.say(problem.ctx.get_help())
            raise SystemExit(ConfigError.exit_code) from None
        refused = usage.error_of(problem)
        console.fail(refused)
        raise SystemExit(refused.exit_code) from None
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        for stream in (1, 2):  # nobody reads; nothing more is to be said
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        raise SystemExit(1) from None
    except Exception:
        console.fail(TunedeckError("cli-runs.unexpected", details=_save_crash(traceback.format_exc())))
        raise SystemExit(1) from None


def _no_verb(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version")] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii")] = False,
    no_mouse: Annotated[bool, typer.Option("--no-mouse")] = False,
    plain: Annotated[bool, typer.Option("--plain")] = False,
    colors: Annotated[str, typer.Option(metavar="N")] = "",
    lang: Annotated[str, typer.Option(metavar="en|zh")] = "",
    theme: Annotated[str, typer.Option(metavar="NAME")] = "",
) -> None:
    # The language was taken before, and the screen reads its flags itself; here they are known so that help lists them.
    if plain:
        os.environ["ACCESSIBLE"] = "1"  # whatever would open a screen asks and tells line by line
    if version:
        _version()
    elif context.invoked_subcommand is None:
        raise typer.Exit(context.obj("home"))


def _version() -> None:
    """Print the version."""
    from importlib.metadata import version

    console.out(version("tunedeck"))


def _save_crash(text: str) -> Message:
    """Keep a traceback, without secrets, where only its owner reads it; says where that is."""
    path = paths.home() / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    try:
        paths.private_dir(path.parent)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(redact(text))
    except OSError:
        return Message("cli-runs.unwritten", last=redact("".join(text.strip().splitlines()[-1:])))
    return Message("cli-runs.details", path=path)
