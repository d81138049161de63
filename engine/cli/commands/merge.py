"""``tunedeck merge``: adapters into their 16-bit base, with the proof that the result answers as they did."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.commands.run import Json
from engine.cli.console import Progress, json_line, out, say
from engine.common.errors import ConfigError, ModelError, TunedeckError


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
        raise ConfigError(
            "The weights do not match the adapters", f"{len(weights)} weights for {len(adapters)} adapters",
            "Give --weight once for each, in their order.",
        )  # fmt: skip
    if dtype not in ("", "bfloat16", "float16", "float32"):
        raise ConfigError("There is no such dtype", dtype, "Use bfloat16, float16 or float32.")
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
        say(f"{result['changed']:,} of {result['tensors']:,} tensors changed, {result['size_bytes'] / 1e9:.2f} GB.")
        if told:
            _tell(told)
    if told and told["verdict"] == "failed":
        raise typer.Exit(ModelError.exit_code)


def _tell(proof: dict[str, Any]) -> None:
    """The proof for a person: what was compared, then what it means."""
    if proof.get("comparisons"):
        say()
        texts = f"{proof['tokens']:,} tokens of {proof['rows']:,} texts"
        say(f"{texts:42}  LOGIT OFF BY  KL, NATS  PERPLEXITY")
        expected = proof["comparisons"][0]["expected_perplexity"]
        say(f"{'base + adapter':42}  {'':12}  {'':8}  {expected:10.4g}")
        for one in proof["comparisons"]:
            say(f"{one['what']:42}  {one['max_logit']:12.2g}  {one['mean_kl']:8.1e}  {one['perplexity']:10.4g}")
        say()
    for sentence in proof["sentences"]:
        say(sentence)


def _folder(base: str) -> Path:
    """The base's folder. Raises ModelError for a model that is not on this machine."""
    from engine.models.local import resolve

    path = resolve(base).path
    if path is None:
        raise ModelError("The model is not on this machine", base, f"Fetch it first: tunedeck model get {base}")
    return path.absolute()


def _in_child(request: dict[str, Any]) -> dict[str, Any]:
    """Merge in a process of its own: the training libraries stay out of this one. Raises TunedeckError."""
    from engine.common.child import run_child

    answers: list[dict[str, Any]] = []
    said: list[str] = []
    progress = Progress()

    def on_line(line: str) -> None:
        value = None
        with suppress(ValueError):
            value = json.loads(line)
        if not isinstance(value, dict) or "type" not in value:
            said.append(line)
        elif value["type"] == "progress":
            progress(value["done"], value["total"], value["message"])
        else:
            answers.append(value)

    try:
        code = run_child([sys.executable, "-P", "-m", "engine.export.merge", json.dumps(request)], on_line)
    finally:
        progress.end()
    if not answers:
        raise TunedeckError("The merge ended early", f"exit code {code}: {' '.join(said[-3:])[:300]}", "Try it again.")
    answer = answers[-1]
    if answer.pop("type") == "error":
        problem = TunedeckError(answer["title"], answer["message"], answer["hint"])
        problem.exit_code = answer["exit_code"]
        raise problem
    return answer
