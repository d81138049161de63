"""``tunedeck chat``: talk to a run's result, an adapter or a model; on a terminal on a screen of its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.commands.run import Json
from engine.cli.commands.runs import asks_by_lines, screen_possible
from engine.cli.completing import run_names
from engine.cli.console import Progress, json_line, out, say
from engine.common.clean_text import clean
from engine.common.errors import ConfigError, TunedeckError
from engine.messages.catalogue import text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.app.chat import Talk


def chat(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="[RUN|ADAPTER|MODEL]", autocompletion=run_names)] = "",
    beside: Annotated[str, typer.Option(metavar="base|RUN", autocompletion=run_names)] = "",
    prompt: Annotated[list[str] | None, typer.Option(metavar="TEXT")] = None,
    system: Annotated[str, typer.Option(metavar="TEXT")] = "",
    temperature: Annotated[float, typer.Option(metavar="T", min=0, max=5)] = 0.0,
    top_p: Annotated[float, typer.Option(metavar="P", min=0.01, max=1)] = 1.0,
    max_new_tokens: Annotated[int, typer.Option(metavar="N", min=1, max=32768)] = 512,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT")] = None,
    plain: Annotated[bool, typer.Option("--plain")] = False,
    checkpoint: Annotated[int | None, typer.Option(metavar="STEP", min=0)] = None,
    base: Annotated[str, typer.Option(metavar="MODEL")] = "",
    quantization: Annotated[str, typer.Option(metavar="none|nf4|int8")] = "",
    gpu: Annotated[str, typer.Option(metavar="GPU|cpu")] = "",
    server: Annotated[str, typer.Option(metavar="URL")] = "",
    key_from: Annotated[str, typer.Option(metavar="VARIABLE")] = "",
    trust_base: Annotated[bool, typer.Option("--trust-base")] = False,
    trust_remote_code: Annotated[bool, typer.Option("--trust-remote-code")] = False,
    allow_pickle: Annotated[bool, typer.Option("--allow-pickle")] = False,
    as_json: Json = False,
) -> None:
    """Talk to a model; with --prompt, or without a terminal, prints answers."""
    from engine.app import chat as app

    if quantization not in ("", "none", "nf4", "int8"):
        raise ConfigError("chat.no-quantization", given=quantization)
    from engine.models import stop_strings
    from engine.models.chat_request import ChatRequest

    stops = tuple(stop_strings.meant(each) for each in stop or ())
    if not all(stops):
        raise ConfigError("chat.empty-stop")
    if server:
        beside_server = {
            "--beside": beside, "--checkpoint": checkpoint, "--base": base, "--quantization": quantization,
            "--gpu": gpu,
        }  # fmt: skip
        stray = [option for option, value in beside_server.items() if value not in ("", None)]
        if stray:
            raise ConfigError("chat.server-alone", option=stray[0])
        server = app.checked_server(server, key_from)
    elif key_from:
        raise ConfigError("chat.key-without-server")
    request = ChatRequest(
        target=target or ("" if server else "last"), beside=beside, base=base, checkpoint=checkpoint,
        quantization=quantization, gpus=gpu, trust_base=trust_base, trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle, server=server, key_from=key_from,
    )  # fmt: skip
    found = None if server else app.found_by(request)
    how: dict[str, Any] = {
        "plain": plain, "temperature": temperature, "top_p": top_p, "max_new_tokens": max_new_tokens, "stop": stops,
    }  # fmt: skip
    if prompt is None and not as_json and sys.stdout.isatty() and (screen_possible() or asks_by_lines()):
        raise typer.Exit(context.obj("chat", talk=(request, system, how)))
    room = app.room_for(found, gpu) if found is not None else None
    if room is not None:
        if room.refusal is not None:
            raise room.refusal
        for warning in room.warnings:
            say(f"! {text(warning)}")
    prompts = prompt if prompt is not None else (line.rstrip("\n") for line in sys.stdin if line.strip())
    with app.Talk(app.command(request)) as talk:
        ready = _load(talk)
        if not ready["template"] and not plain:
            say(f"! {text('chat.no-template', model=str(ready['model']))}")
            how["plain"] = True
        for each in prompts:
            _answer(talk, ready, each, system, how, as_json)


def _load(talk: Talk) -> dict[str, Any]:
    ready: dict[str, Any] = {}
    with Progress() as progress:
        for record in talk.records("ready"):
            if record["type"] == "progress":
                progress(record["done"], record["total"], Message.from_json(record["message"]))
            ready = record
    for note in ready["told"]:
        say(text(Message.from_json(note)))
    return ready


def _answer(talk: Talk, ready: dict[str, Any], prompt: str, system: str, how: dict[str, Any], as_json: bool) -> None:
    """Ask every voice, and print what each says. Raises TunedeckError for what can't be answered."""
    from engine.app.chat import ending

    names = {each["voice"]: str(each["name"]) for each in ready["voices"] if each["asked"]}
    from engine.models.chat_request import Turn

    turns = [*([Turn("system", system)] if system and not how["plain"] else []), Turn("user", prompt)]
    found: list[dict[str, Any]] = []
    failed: TunedeckError | None = None
    for record in talk.ask(turns, [*names], **how):
        if record["type"] == "trouble":
            failed = TunedeckError.from_json(record)
        elif record["type"] == "said":
            found.append(record | {"text": clean(str(record["text"]))})
            if not as_json:
                if len(names) > 1:
                    out(f"{names[record['voice']]}:")
                out(record["text"])
                ended = ending(record)
                if ended is not None:
                    say(f"! {text(ended)}")
    if failed is not None:
        raise failed
    if as_json:
        keys = ("voice", "text", "ended", "tokens", "seconds", "dropped")
        answers = [{key: each[key] for key in keys} | {"name": names[each["voice"]]} for each in found]
        json_line({"prompt": prompt, "answers": answers})
