"""``tunedeck adapter``: what an existing LoRA adapter is, and whether it fits a base model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.completing import runs_or_paths
from engine.cli.console import Progress, json_line, out, say, table
from engine.messages.catalogue import text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.models.adapter.card import AdapterCard
    from engine.models.adapter.match import Match
    from engine.models.adapter.tensors import Soundness
    from engine.models.card import ModelCard

app = typer.Typer(name="adapter", no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@app.callback()
def _group() -> None:
    """Keeps ``inspect`` a verb of its own while it is the only one."""


@app.command("inspect")
def inspect(
    path: Annotated[str, typer.Argument(metavar="PATH", autocompletion=runs_or_paths)],
    base: Annotated[str, typer.Option(metavar="MODEL")] = "",
    allow_pickle: Annotated[bool, typer.Option()] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Describe a LoRA adapter from its files, whoever trained it."""
    from engine.common.errors import ModelError
    from engine.models.adapter.card import examine_adapter, read_adapter
    from engine.models.adapter.facts import LEVELS, facts

    card = read_adapter(path, allow_pickle)
    soundness = examine_adapter(card)
    model, found = _matched(card, base)
    if as_json:
        json_line(as_values(card, soundness, found))
    else:
        if card.note:
            say(text(card.note))
        table(["ADAPTER", card.name], [list(map(text, fact)) for fact in facts(card, soundness)])
        if found is not None and model is not None:
            out()
            table(["ON", model.name], [[text(LEVELS[reason.level]), text(reason.message)] for reason in found.reasons])
    if (soundness is not None and soundness.not_finite) or (found is not None and found.level == "refused"):
        raise typer.Exit(ModelError.exit_code)


def _matched(card: AdapterCard, base: str) -> tuple[ModelCard | None, Match | None]:
    if not base:
        return None, None
    from engine.common.errors import ModelError
    from engine.models.adapter.match import match
    from engine.models.local import resolve

    resolved = resolve(base)
    if resolved.card is None:
        raise ModelError("models.not-here", name=base)
    with Progress() as progress:
        return resolved.card, match(
            card, resolved.card, base, lambda done, total: progress(done, total, Message("adapter.comparing-hash"))
        )


def as_values(card: AdapterCard, soundness: Soundness | None, found: Match | None) -> dict[str, Any]:
    """The same for a program; what is unknown is null."""
    from engine.models.adapter.facts import became

    settings, record = card.settings, card.record
    values: dict[str, Any] = {
        "path": str(card.path), "name": card.name, "run": card.run or None, "note": card.note,
        "base": card.base or None, "revision": settings.revision or None,
        "weights_sha256": dict(record.weights_sha256) if record else None,
        "r": settings.r, "lora_alpha": settings.lora_alpha, "lora_dropout": settings.lora_dropout,
        "use_rslora": settings.use_rslora, "use_dora": settings.use_dora, "bias": settings.bias,
        "task_type": settings.task_type or None, "peft_version": settings.peft_version or None,
        "targets": list(card.targets), "rank_pattern": dict(settings.rank_pattern),
        "alpha_pattern": dict(settings.alpha_pattern), "modules_to_save": list(settings.modules_to_save),
        "trainable_token_indices": {k: list(v) for k, v in settings.trainable_token_indices.items()},
        "parameters": card.parameters, "size_bytes": card.size_bytes, "dtype": card.dtype or None,
        "tensors": {name: {"shape": list(t.shape), "dtype": t.dtype} for name, t in card.tensors.items()},
        "without_effect": soundness.without_effect if soundness else None,
        "not_finite": list(soundness.not_finite) if soundness else None,
        "strategy": (record.strategy or None) if record else None,
        "parents": [{"path": p.path, "kind": p.kind, "run": p.run, "sha256": p.sha256, "weight": p.weight,
                     "since": became(p)} for p in record.parents]
        if record else None,
        "data": [{"path": d.path, "role": d.role, "tokens": d.tokens} for d in record.data] if record else None,
        "data_files": dict(record.data_files) if record else None,
    }  # fmt: skip
    if found is not None:
        values["match"] = {
            "level": found.level, "proof": found.identity.proof,
            "reasons": [{"level": r.level, "about": r.about, "message": r.message} for r in found.reasons],
        }  # fmt: skip
    return values
