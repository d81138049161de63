"""What to type next: the commands that load exported files in the program they are for."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from engine.models.vllm import BASE_VARIABLE
from engine.runs.exports import Export

BASE_FILE = "BASE.gguf"
"""Stands for a file that the person has to name."""
_REPO = "OWNER/NAME"


@dataclass(frozen=True)
class Use:
    """``code`` says what ``command`` does."""

    code: str
    command: str


def uses(made: Export) -> list[Use]:
    """The commands that come next after ``made``, the likeliest first."""
    folder = Path(made.path)
    ggufs = [str(folder / name) for name in made.files if name.endswith(".gguf")]
    if made.target == "gguf":
        own = [Use("exporting.use-serve", shlex.join(["tunedeck", "serve", made.run]))] if made.run else []
        return [
            *own,
            *(Use("exporting.use-llama-cpp", shlex.join(["llama-server", "-m", file])) for file in ggufs[-1:]),
        ]
    if made.target == "gguf-lora":
        command = ["llama-server", "-m", BASE_FILE, "--lora"]
        return [Use("exporting.use-lora", shlex.join([*command, file])) for file in ggufs[-1:]]
    if made.target == "ollama":
        name = ollama_name(made)
        create = shlex.join(["ollama", "create", name, "-f", str(folder / "Modelfile")])
        return [
            Use("exporting.use-ollama-create", create),
            Use("exporting.use-ollama-run", shlex.join(["ollama", "run", name])),
        ]
    if made.target == "vllm":
        script = shlex.join(["sh", str(folder / "serve.sh")])
        return [Use("exporting.use-vllm", f"{BASE_VARIABLE}={shlex.quote(made.base)} {script}")]
    if made.target == "merged":
        return [Use("exporting.use-merged", shlex.join(["vllm", "serve", str(folder)]))]
    push = ["tunedeck", "export", made.run or made.adapter, "--to", "hub", "--repo", _REPO]
    return [Use("exporting.use-hub", shlex.join(push))]


def ollama_name(made: Export) -> str:
    """A name that Ollama takes: that of the run, small, of letters, digits, dots, hyphens and underscores."""
    stem = next((Path(name).stem for name in made.files if name.endswith(".gguf")), "model")
    for kind in made.kinds:
        stem = stem.removesuffix(f"-{kind}")
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip(".-_") or "model"
