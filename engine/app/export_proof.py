"""The proof of an export: adapter and exported files answer the run's held-out rows, and differences get a verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.app import evaluate
from engine.app.evaluation_lines import BROKEN
from engine.app.export import Progress, file_name, is_proved, noted
from engine.app.export_time import MOST_ROWS
from engine.config import toml
from engine.messages.message import Message
from engine.runs import failures
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import ProofRequest
from engine.runs.evaluations import EXPORT, Evaluation
from engine.runs.exports import Export


def proof_request(made: Export, run: RunDir | None, trust_base: bool = False) -> ProofRequest | None:
    """What proves ``made``; None where nothing can: it is of no run, or another program answers with it."""
    if run is None or not is_proved(made.target, run):
        return None
    folder = Path(made.path)
    ggufs = [name for name in made.files if name.endswith(".gguf")]
    lora = made.target == "gguf-lora"
    named = {Path(name).stem.rpartition("-")[2]: str(folder / name) for name in ggufs}
    rows = toml.load(run.config).config.eval.generate_rows
    return ProofRequest(
        run=str(run.path.absolute()), name=f"{EXPORT}{made.target}",
        rows=min(rows, MOST_ROWS), trust_base=trust_base,
        models={"merged": made.path} if made.target == "merged" else {}, files={} if lora else named,
        loras={made.target: str(folder / ggufs[0])} if lora else {},
        ollama={"ollama": made.path} if made.target == "ollama" else {},
        vllm={"vllm": made.path} if made.target == "vllm" else {}, served_as=file_name(run, Path(made.adapter)),
    )  # fmt: skip


def prove(
    made: Export, run: RunDir, asked: ProofRequest, on_progress: Progress,
    on_silence: Callable[[], None] = lambda: None,
) -> tuple[Export, Evaluation]:  # fmt: skip
    """Carry ``asked`` out in a process of its own; what it found stands in the model card of ``made`` then.

    Raises Stopped when it was ended, TunedeckError.
    """
    found = evaluate.run_request(asked, on_progress, on_silence=on_silence)
    if broken := faults(found):
        failures.keep(run, "proof", asked.name, broken[0])
    return noted(made, run), found


def faults(evaluation: Evaluation) -> list[Message]:
    """Which links of the export are broken; [] where the files are asked, and stop, as the training was."""
    return [note for note in evaluation.notes if note.code in BROKEN]
