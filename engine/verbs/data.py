"""``tunedeck data``: look at rows before a model learns them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import ConfigError, TunedeckError
from engine.output import Progress, error, json_line, out
from engine.verbs.run import Json, Settings

if TYPE_CHECKING:
    from engine.config.schema import RunConfig

FATAL = 1
UNUSABLE = 2
NO_MODEL = "-"

app = typer.Typer(
    name="data", help="Look at rows before a model learns them.", no_args_is_help=True, rich_markup_mode=None,
    add_completion=False,
)  # fmt: skip


@app.callback()
def _group() -> None:
    """Look at rows before a model learns them."""


@app.command("check")
def check(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG|FILE...", help="A run's TOML file, or data: files, folders, ids.", show_default=False
        ),
    ],
    settings: Settings = None,
    model: Annotated[str, typer.Option(metavar="NAME", help="Of data: the model whose tokenizer reads it.")] = "",
    rows: Annotated[int, typer.Option(min=0, max=20, help="Rows named for each finding.")] = 3,
    as_json: Json = False,
) -> None:
    """Examine rows: what is broken, repeated, cut off, private or wrong, which rows, and what helps.

    Nothing is changed; repairs that helped on a copy are named, and go into the config as dataset.fixes. With a
    model the rows are read by its tokenizer too. Exit codes: 0 nothing fatal, 1 a training would not start, 2 the
    data or the config can't be read.
    """  # fmt: skip
    from engine.data.doctor.examine import examine
    from engine.data.doctor.findings import to_json
    from engine.data.doctor.report import lines_of

    progress = Progress()
    try:
        config = _config(what, settings or [], model)
        report = examine(config, progress, tokens=config.model.name_or_path != NO_MODEL)
    except TunedeckError as problem:
        progress.end()
        error(problem)
        raise typer.Exit(UNUSABLE) from None
    progress.end()
    if as_json:
        json_line(to_json(report) | {"fatal": report.is_fatal})
    else:
        for line in lines_of(report, rows):
            out(line)
    if report.is_fatal:
        raise typer.Exit(FATAL)


def _config(what: list[str], assignments: list[str], model: str) -> RunConfig:
    """The config that is meant, or one made of the data that is named. Raises ConfigError."""
    from engine.config import toml
    from engine.config.presets import Layer, overrides, resolve

    if any(name.endswith(".toml") for name in what):
        if len(what) > 1:
            raise ConfigError("Too much to check at once", " ".join(what), "Name one config, or data only.")
        chosen = [f"model.name_or_path={model}"] if model else []
        return toml.load(Path(what[0]).expanduser(), [*assignments, *chosen]).config
    named = {"model": {"name_or_path": model or NO_MODEL}, "data": [{"path": path} for path in what]}
    return resolve([Layer("command line", named), Layer("--set", overrides(assignments))]).config
