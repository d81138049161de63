"""``tunedeck extract``: a LoRA adapter out of a base model and a fine-tuned one, with what it leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.commands.run import Json
from engine.cli.console import Progress, json_line, out, say, table
from engine.messages import formats
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.app.extract import Extracted

_MOST_LAYERS = 8


def extract(
    base: Annotated[str, typer.Argument(metavar="BASE")],
    tuned: Annotated[str, typer.Argument(metavar="TUNED")],
    rank: Annotated[int, typer.Option(metavar="R")] = 32,
    name: Annotated[str, typer.Option(metavar="NAME")] = "",
    data: Annotated[str, typer.Option(metavar="FILE")] = "",
    rows: Annotated[int, typer.Option(metavar="N", min=0)] = 100,
    as_json: Json = False,
) -> None:
    """Extract a LoRA adapter from a base model and a fine-tuned one."""
    from engine.app import extract as extracting
    from engine.app.evaluate import STOPPED, Stopped
    from engine.app.mix import sources

    try:
        with Progress() as progress:
            rows_of = sources([data] if data else [])
            made = extracting.extract(base, tuned, rank, name, progress, progress.note, data=rows_of, rows=rows)
    except Stopped:
        say(text("extracting.stopped"))
        raise typer.Exit(STOPPED) from None
    if as_json:
        import msgspec

        proof = msgspec.to_builtins(made.evaluation) if made.evaluation else None
        values = {key: value for key, value in made.values.items() if key != "type"}
        json_line({"run": made.run.id, "path": str(made.run.adapter), "rank": rank} | values | {"proof": proof})
        return
    _tell(made, rank)


def _tell(made: Extracted, rank: int) -> None:
    from engine.app import evaluation_lines

    out(str(made.run.adapter))
    values = made.values
    say(text("extracting.made", rank=rank, share=values["share"], size=values["size_bytes"]))
    held = [each for each in values["layers"] if each["is_held"]]
    least = sorted(held, key=lambda each: float(each["share"]))[:_MOST_LAYERS]
    body = [[each["name"], formats.percent(each["share"], 1)] for each in least]
    table([text("extracting.column-layer"), text("extracting.column-share")], body)
    if made.lost:
        named = [each["name"] for each in made.lost[:_MOST_LAYERS]]
        total = sum(float(each["change"]) for each in values["layers"])
        lost = sum(float(each["change"]) for each in made.lost)
        say(f"! {text('extracting.not-held', tensors=len(made.lost), names=named, share=lost / total)}")
    if values["fresh"]:
        say(f"! {text('extracting.fresh', tensors=len(values['fresh']), names=values['fresh'][:_MOST_LAYERS])}")
    if not values["brings_tokenizer"]:
        say(f"! {text('extracting.tokenizer-stays')}")
    if made.evaluation is not None:
        out()
        out(text(made.evaluation.sentence) if made.evaluation.sentence else text("evaluate.no-verdict"))
        lines = [
            [metric, *line] for metric, of_metric in evaluation_lines.by_metric(made.evaluation) for line in of_metric
        ]
        table([text("evaluate.column-metric"), *map(text, evaluation_lines.HEAD)], lines)
    else:
        say(text("extracting.unproved"))
    say(text("extracting.kept", run=made.run.id))
