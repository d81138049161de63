"""``--lang`` and its language, anywhere on the command line: taken out before a verb or a help text is read."""

from __future__ import annotations

from collections.abc import Sequence

from engine.common.errors import ConfigError
from engine.messages import language


def take(arguments: Sequence[str]) -> list[str]:
    """Speak the language that ``--lang`` names; the arguments without it. Raises ConfigError for one there is not."""
    kept: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return [*kept, argument, *rest]
        if argument == "--lang" and rest:
            _speak(rest.pop(0))
        elif argument.startswith("--lang="):
            _speak(argument.removeprefix("--lang="))
        else:
            kept.append(argument)
    return kept


def _speak(given: str) -> None:
    found = language.known(given)
    if not found:
        raise ConfigError("messages.unknown-language", given=given, known=list(language.LANGUAGES))
    language.use(found)
