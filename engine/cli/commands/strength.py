"""``tunedeck strength``: a run's adapter at several strengths, and one of them kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.commands.evaluate import as_values, carried_out
from engine.cli.commands.lookup import run_or_latest
from engine.cli.commands.run import Json
from engine.cli.completing import run_names
from engine.cli.console import json_line, out, say, table
from engine.common.errors import ConfigError
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.app.strength import Kept


def strength(
    run: Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)] = "",
    scales: Annotated[str, typer.Option(metavar="S,...")] = "",
    keep: Annotated[float | None, typer.Option(metavar="S")] = None,
    rows: Annotated[int | None, typer.Option(metavar="N", min=0)] = None,
    general: Annotated[str, typer.Option(metavar="FILE")] = "",
    losses_only: Annotated[bool, typer.Option("--losses-only")] = False,
    trust_base: Annotated[bool, typer.Option("--trust-base")] = False,
    as_json: Json = False,
) -> None:
    """Measure a run's adapter at several strengths, or keep one."""
    import msgspec

    from engine.app import strength as dial
    from engine.models.adapter.strength import kept

    target = run_or_latest(run)
    if keep is not None and not scales:
        made = dial.keep(target, keep)
        if as_json:
            json_line({"run": target.id, "adapter": str(target.adapter), "kept": made.scale,
                       "full": str(made.full) if made.full else None, "notes": list(made.told)})  # fmt: skip
            return
        out(str(target.adapter))
        _tell_kept(made)
        return
    chosen = _scales(scales) if scales else dial.SCALES
    asked = dial.request(
        target, chosen, rows=rows, general=general, answers=not losses_only, trust_base=trust_base
    )  # fmt: skip
    found = carried_out(asked)
    curve = dial.curve_of(target)
    assert curve is not None
    chosen_now = dial.keep(target, keep) if keep is not None else None
    if as_json:
        json_line(
            {"run": target.id, "kept": kept(target.adapter), "curve": msgspec.to_builtins(curve),
             "evaluation": as_values(target, found)}
        )  # fmt: skip
        return
    out(text(dial.verdict(curve)))
    out()
    head, *body = dial.table(curve, kept(target.adapter))
    table(head, body)
    for note in found.notes:
        say(f"  {text(note)}")
    if chosen_now is not None:
        _tell_kept(chosen_now)
    elif curve.suggested is not None:
        say(text("strength.how-to-keep", run=target.id, scale=curve.suggested))


def _tell_kept(made: Kept) -> None:
    if made.full is None:
        say(text("strength.full-again"))
    else:
        say(text("strength.kept-at", scale=made.scale, full=made.full))
    for note in made.told:
        say(f"! {text(note)}")


def _scales(given: str) -> list[float]:
    try:
        return [float(each) for each in given.split(",") if each.strip()]
    except ValueError:
        raise ConfigError("strength.no-numbers", given=given) from None
