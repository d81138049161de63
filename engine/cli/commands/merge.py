"""``tunedeck merge``: adapters into their 16-bit base, with the proof that the result answers as they did."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.commands.run import Json
from engine.cli.console import Progress, fitted, json_line, out, say
from engine.common.errors import ConfigError, ModelError
from engine.messages.catalogue import part, text
from engine.messages.message import Message


def merge(
    base: Annotated[str, typer.Argument(metavar="BASE")],
    adapters: Annotated[list[str], typer.Argument(metavar="ADAPTER...")],
    target: Annotated[Path, typer.Option("--out", metavar="FOLDER")],
    weight: Annotated[list[float] | None, typer.Option(metavar="W")] = None,
    dtype: Annotated[str, typer.Option(metavar="DTYPE")] = "",
    rows: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    proof: Annotated[bool, typer.Option()] = True,
    trust_base: Annotated[bool, typer.Option()] = False,
    as_json: Json = False,
) -> None:
    """Merge LoRA adapters into their base model; prints its folder."""
    weights = weight or [1.0] * len(adapters)
    if len(weights) != len(adapters):
        raise ConfigError("export.weights-uneven", weights=len(weights), adapters=len(adapters))
    if dtype not in ("", "bfloat16", "float16", "float32"):
        raise ConfigError("export.no-dtype", dtype=dtype)
    from engine.models.adapter.find import find_adapter

    folders = [str(find_adapter(name).path.absolute()) for name in adapters]
    request = {
        "base": str(_folder(base)), "target": str(target.absolute()), "dtype": dtype or None,
        "adapters": list(zip(folders, weights, strict=True)),
        "trust_base": trust_base, "prove": proof, "rows": str(rows.absolute()) if rows else None,
    }  # fmt: skip
    result = _in_child(request)
    told = result.get("proof")
    if as_json:
        json_line(result)
    else:
        out(result["path"])
        counts = {"changed": result["changed"], "tensors": result["tensors"], "size": result["size_bytes"]}
        say(text("export.merged", **counts))
        if told:
            _tell(told)
    if told and told["verdict"] == "failed":
        raise typer.Exit(ModelError.exit_code)


def _tell(proof: dict[str, Any]) -> None:
    """The proof for a person: what was compared, then what it means."""
    if proof.get("comparisons"):
        head = Message("export.table-head", tokens=proof["tokens"], rows=proof["rows"])
        expected = proof["comparisons"][0]["expected_perplexity"]
        rows = [
            [text(head), *(part(head, name) for name in ("logit", "kl", "perplexity"))],
            [text("export.base-and-adapter"), "", "", f"{expected:.4g}"],
        ]
        for one in proof["comparisons"]:
            figures = [f"{one['max_logit']:.2g}", f"{one['mean_kl']:.1e}", f"{one['perplexity']:.4g}"]
            rows.append([text(Message.from_json(one["what"])), *figures])
        say()
        for line in fitted(rows[0], rows[1:], sys.stderr, right=True):
            say(line)
        say()
    for each in proof["told"]:
        say(text(Message.from_json(each)))


def _folder(base: str) -> Path:
    """The base's folder. Raises ModelError for a model that is not on this machine."""
    from engine.models.local import resolve

    path = resolve(base).path
    if path is None:
        raise ModelError("models.not-here", name=base)
    return path.absolute()


def _in_child(request: dict[str, Any]) -> dict[str, Any]:
    """Merge in a process of its own: the training libraries stay out of this one. Raises TunedeckError."""
    from engine.common.child import run_answering

    with Progress() as progress:
        said = run_answering(["engine.export.merge", json.dumps(request)], "export.merge-ended", progress)
    return {name: value for name, value in said.items() if name != "type"}
