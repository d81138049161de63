"""The help of every command, from the catalogue (``help.ftl``): put in where Typer has built its commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.messages import language
from engine.messages.catalogue import part, text
from engine.messages.message import Message

_HEADINGS = {
    "Options": "help.heading-options", "Arguments": "help.heading-arguments", "Commands": "help.heading-commands",
}  # fmt: skip


def put_in(command: Any, path: tuple[str, ...] = ()) -> None:
    """Give ``command``, reached by the names of ``path``, its parameters and its commands their help."""
    entry = Message(f"help.{'-'.join(path) or 'tunedeck'}")
    command.short_help = text(entry)
    command.help = "\n\n".join(each for each in (text(entry), _paragraph(part(entry, "help"))) if each)
    command.epilog = _paragraph(part(entry, "epilog")) or None
    command.context_class = _speaking(command.context_class)
    for parameter in command.params:
        parameter.help = part(entry, parameter.name)
    for name, child in getattr(command, "commands", {}).items():
        put_in(child, (*path, name))


def _paragraph(written: str) -> str:
    """A text between whose words there are no blanks keeps its lines: Click folds only at blanks."""
    return f"\b\n{written}" if written and language.current() == "zh" else written


def _speaking(context: Any) -> Any:
    """Click's context with a formatter that has the headings in the language of the process."""

    class Formatter(context.formatter_class):  # type: ignore[misc]
        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, prefix or f"{text('help.heading-usage')}: ")

        def write_heading(self, heading: str) -> None:
            super().write_heading(text(_HEADINGS[heading]) if heading in _HEADINGS else heading)

        def write_dl(self, rows: Sequence[tuple[str, str]], *widths: int, **named: int) -> None:
            of_help = part(Message("help.tunedeck"), "help_option")
            rows = [(first, of_help if first == "--help" else second) for first, second in rows]
            super().write_dl(rows, *widths, **named)

    return type("Context", (context,), {"formatter_class": Formatter})
