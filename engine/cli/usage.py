"""Command lines that can't be read: Typer's errors as ours, in the language of the process, each with a hint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

from engine.common.errors import ConfigError, own_words
from engine.messages.message import Message

OPEN = "open"
"""The command that is meant where a path stands in the place of one."""
COLORS = ("truecolor", "256", "16", "none")
"""Values of ``--colors``, which the screen reads itself."""
_NAMED_NOTHING = "usage.nothing-named", "usage.nothing-named-but-near"
_NO_COMMAND = "usage.no-such-command", "usage.no-such-command-but-near"


def one_of(*choices: str) -> Callable[[Any, Any, str], str]:
    """For an option that takes one of ``choices``, or nothing: raises ConfigError for another value."""

    def checked(context: Any, parameter: Any, value: str) -> str:
        if value and value not in choices and not context.resilient_parsing:
            expected = Message("usage.one-of", choices=", ".join(choices))
            name, command = _name(parameter), context.command_path
            raise ConfigError("usage.wrong-value", name=name, value=value, expected=expected, command=command)
        return value

    return checked


def watch(command: Any) -> None:
    """Let ``command`` and those below it raise ConfigError for what Typer alone has only a sentence about.

    These are a command that is not there and arguments too many. What names a place in place of a command is opened.
    """
    if commands := getattr(command, "commands", None):
        command.resolve_command = _resolving(command.resolve_command, commands)
        for each in commands.values():
            watch(each)
    else:
        command.parse_args = _parsing(command.parse_args)


def error_of(problem: Any) -> ConfigError:
    """Typer's usage error ``problem`` as ours."""
    where = problem.ctx.command_path if problem.ctx else "tunedeck"
    match type(problem).__name__:
        case "NoSuchOption":
            option, near = problem.option_name, problem.possibilities
            if near:
                return ConfigError("usage.no-such-option-but-near", option=option, command=where, near=near)
            return ConfigError("usage.no-such-option", option=option, command=where)
        case "BadOptionUsage":
            return ConfigError("usage.option-without-value", option=problem.option_name)
        case "MissingParameter" if problem.param is not None:
            is_option = problem.param.param_type_name == "option"
            code = "usage.missing-option" if is_option else "usage.missing-argument"
            return ConfigError(code, name=_name(problem.param), command=where)
        case "BadParameter" if problem.param is not None:
            value, expected = _expected(problem)
            name = _name(problem.param)
            return ConfigError("usage.wrong-value", name=name, value=value, expected=expected, command=where)
    return ConfigError("usage.unreadable", reason=own_words(problem), command=where)


def _name(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    return str(parameter.opts[0] if is_option else parameter.metavar or parameter.name.upper())


def _expected(problem: Any) -> tuple[Any, Message | str]:
    """The value that was given, None for one that is not known, and what it should have been, as pydantic has it."""
    found: list[dict[str, Any]] = getattr(problem.__cause__, "errors", list)()
    if not found:
        return None, own_words(problem)
    first, bounds = found[0], found[0].get("ctx", {})
    match first["type"]:
        case "int_parsing" | "int_from_float" | "int_type":
            wanted: Message | str = Message("usage.whole-number")
        case "float_parsing" | "float_type":
            wanted = Message("usage.number")
        case "greater_than_equal":
            wanted = Message("usage.at-least", low=bounds["ge"])
        case "less_than_equal":
            wanted = Message("usage.at-most", high=bounds["le"])
        case "literal_error" | "enum":
            wanted = Message("usage.one-of", choices=str(bounds["expected"]))
        case _:
            wanted = str(first["msg"])
    return first["input"], wanted


def _resolving(resolve: Any, commands: dict[str, Any]) -> Any:
    def resolved(ctx: Any, args: Sequence[str]) -> Any:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in commands:
            if OPEN in commands and _is_something(name):
                return OPEN, commands[OPEN], list(args)
            plain, with_near = _NAMED_NOTHING if OPEN in commands else _NO_COMMAND
            if near := get_close_matches(name, commands):
                raise ConfigError(with_near, name=name, command=ctx.command_path, near=near)
            raise ConfigError(plain, name=name, command=ctx.command_path)
        return resolve(ctx, args)

    return resolved


def _is_something(name: str) -> bool:
    from engine.app.opening import is_something

    return is_something(name)


def _parsing(parse: Any) -> Any:
    def parsed(ctx: Any, args: list[str]) -> Any:
        ctx.allow_extra_args = True
        rest = parse(ctx, args)
        if ctx.args and not ctx.resilient_parsing:
            raise ConfigError("usage.too-many-arguments", extra=ctx.args, command=ctx.command_path)
        return rest

    return parsed
