"""The headless verbs, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from engine.cli import completing, console, help_texts, language_flag, usage
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
from engine.common import crash
from engine.common.errors import ConfigError, TunedeckError
from engine.messages import language

INTERRUPTED = 130
_COLORS = completing.one_of(*usage.COLORS)
_is_color = usage.one_of(*usage.COLORS)
_LANGUAGES = completing.one_of(*language.LANGUAGES)
_THEMES = completing.one_of(*completing.THEMES)
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
    if sys.stdout is None:  # closed by the shell: what is said goes nowhere
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 must not end a verb
    try:
        sys.argv[1:] = language_flag.take(sys.argv[1:])
        code = call(sys.argv[1:], open_screen)
    except TunedeckError as problem:
        console.fail(problem)
        raise SystemExit(problem.exit_code) from None
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        for stream in (1, 2):  # nobody reads; nothing more is to be said
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        raise SystemExit(1) from None
    except Exception:
        console.fail(TunedeckError("cli-runs.unexpected", details=crash.keep()))
        raise SystemExit(1) from None
    raise SystemExit(code)


def call(arguments: Sequence[str], open_screen: Callable[..., int]) -> int:
    """Carry out one command and return its exit code; what was wrong with the line is said here.

    Raises TunedeckError, KeyboardInterrupt and whatever else the command raises.
    """
    command = typer.main.get_command(build())
    help_texts.put_in(command)
    usage.watch(command)
    completing.offer_paths(command)
    try:
        code = command(args=list(arguments), obj=open_screen, prog_name="tunedeck", standalone_mode=False)
    except _UsageError as problem:
        if problem.ctx is not None and type(problem).__name__ == "NoArgsIsHelpError":
            console.say(problem.ctx.get_help())
            return ConfigError.exit_code
        refused = usage.error_of(problem)
        console.fail(refused)
        return refused.exit_code
    return code if isinstance(code, int) else 0


def _no_verb(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version")] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii")] = False,
    no_mouse: Annotated[bool, typer.Option("--no-mouse")] = False,
    plain: Annotated[bool, typer.Option("--plain")] = False,
    colors: Annotated[str, typer.Option(metavar="N", autocompletion=_COLORS, callback=_is_color)] = "",
    lang: Annotated[str, typer.Option(metavar="en|zh", autocompletion=_LANGUAGES)] = "",
    theme: Annotated[str, typer.Option(metavar="NAME", autocompletion=_THEMES)] = "",
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
