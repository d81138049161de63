"""Commands of the command line from within the list of runs, where a run's number stands for the run."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.common.errors import TunedeckError
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from tui.plain.lines import Lines

VERBS = {
    "e": ("evaluate",), "m": ("strength",), "o": ("report",), "a": ("adapter", "inspect"), "f": ("lineage",),
    "c": ("compare",),
}  # fmt: skip
"""Letters of the keys on the screen, and what they stand for."""
OF_RUNS = (
    "evaluate", "strength", "report", "adapter", "lineage", "compare", "pause", "save", "rollback", "set", "status",
    "logs", "export", "mix", "merge", "serve", "judge",
)  # fmt: skip
"""Commands that are about runs: they may be given by number."""
OTHERS = ("data", "doctor", "estimate", "fields", "model", "run", "runs", "selftest", "extract", "version")


def is_verb(word: str) -> bool:
    return word in VERBS or word in OF_RUNS or word in OTHERS


def arguments(word: str, rest: str, named: Callable[[str], str | None]) -> list[str]:
    """The command as the command line takes it. ``named`` gives the run of a number, None for none.

    Numbers are runs up to the first option. Raises ValueError for a quotation mark without its other half.
    """
    verb = [*VERBS.get(word, (word,))]
    given = shlex.split(rest)
    if verb == ["adapter"] and given[:1] != ["inspect"] and given[:1] != ["--help"]:
        verb.append("inspect")
    if verb[0] not in OF_RUNS:
        return [*verb, *given]
    upto = next((at for at, each in enumerate(given) if each.startswith("-")), len(given))
    return [*verb, *(named(each) or each for each in given[:upto]), *given[upto:]]


def carry_out(lines: Lines, command: Sequence[str], open_screen: Callable[..., int]) -> None:
    """Do it, and say what was wrong; Ctrl+C ends the command and nothing else."""
    from engine.cli import console, main

    lines.say(f"tunedeck {shlex.join(command)}")
    try:
        with console.asked_by(lines.is_yes):
            main.call(command, open_screen)
    except TunedeckError as error:
        lines.say(str(error))
    except KeyboardInterrupt:
        lines.say()
        lines.say(text("plain.cancelled"))
