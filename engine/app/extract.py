"""A LoRA out of a base model and its fine-tuned form: checked here, made by a child process, kept as a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.app.evaluate import Stopped, ask_child
from engine.common import paths
from engine.common.errors import ConfigError, MachineError, ModelError
from engine.common.files import read_json
from engine.config import provenance, toml
from engine.config.presets import Layer, resolve
from engine.machine.host import read_host
from engine.messages.message import Message
from engine.models.adapter.mix import MOST_RANK
from engine.models.card import ModelCard
from engine.models.local import resolve as resolve_model
from engine.runs import directory, evaluations, mixes
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import ExtractRequest
from engine.runs.evaluations import Evaluation

EVALUATION = "extracted"
_SPARE_BYTES = 64 << 20


@dataclass(frozen=True)
class Extracted:
    """The run that holds the adapter. ``values`` are those of the child: shares in all and by layer."""

    run: RunDir
    values: dict[str, Any]
    evaluation: Evaluation | None

    @property
    def lost(self) -> list[dict[str, Any]]:
        """Tensors that changed and that a LoRA can't hold, the largest change first."""
        layers = [each for each in self.values["layers"] if not each["is_held"]]
        return sorted(layers, key=lambda each: -float(each["change"]))


def extract(
    base: str, tuned: str, rank: int, name: str, on_progress: Callable[[int, int | None, Message], None],
    on_note: Callable[[Message], None] = lambda note: None, *, data: Sequence[dict[str, Any]] = (), rows: int = 0,
) -> Extracted:  # fmt: skip
    """Make the adapter, prove it on ``data`` where given, and keep it as a run called ``name``.

    Whatever ends it leaves nothing half-made. Raises Stopped, TunedeckError.
    """
    if not 1 <= rank <= MOST_RANK:
        raise ConfigError("extracting.bad-rank", rank=rank, most=MOST_RANK)
    before, after = _model(base), _model(tuned)
    _check(before, after)
    name = name or f"{after.path.name} r{rank}"
    taken = next((run for run in directory.list_runs() if run.read_run_json().get("name") == name), None)
    if taken is not None:
        raise ConfigError("mixes.name-taken", name=name, run=taken.id)
    paths.private_dir(mixes.candidates_dir())
    named = base if before.path.name != Path(base).name else str(before.path)
    model = {"name_or_path": named, "quantization": "none"}
    # the rows of ``data`` prove it: it has not been trained on them, nor on any others that are known
    made = {"model": model, "adapter": {"r": rank, "lora_alpha": rank}, "data": [{"path": "-"}], "run": {"name": name}}
    config = toml.dumps(resolve([Layer(provenance.COMMAND_LINE, made)]))
    run = directory.create(before.name, config, name, mixes.candidates_dir())
    try:
        asked = ExtractRequest(
            where=str(run.path.absolute()), base=str(before.path), tuned=str(after.path), named=named, rank=rank,
            data=data[0] if data else None, rows=rows,
        )  # fmt: skip
        said = ask_child(asked, on_progress, on_note)
        if said["type"] == "stopped":
            raise Stopped(0)
        evaluation = evaluations.read(evaluations.folder(run, EVALUATION))
        return Extracted(mixes.keep(run), said, evaluation)
    except BaseException:
        directory.delete(run)
        raise


def _model(name: str) -> ModelCard:
    """Raises ModelError for a model that is not on this machine."""
    card = resolve_model(name).card
    if card is None:
        raise ModelError("models.not-here", name=name)
    return card


def _check(base: ModelCard, tuned: ModelCard) -> None:
    """What can be said before anything is read. Raises ModelError, MachineError."""
    if base.path.resolve() == tuned.path.resolve():
        raise ModelError("extracting.same", folder=base.path)
    kinds = [read_json(each.path / "config.json").get("model_type") for each in (base, tuned)]
    if kinds[0] != kinds[1]:
        raise ModelError(
            "extracting.other-kind", base=base.path, kind=str(kinds[0]), tuned=tuned.path, tuned_kind=str(kinds[1])
        )  # fmt: skip
    free = read_host([mixes.candidates_dir().parent]).disks[0].free_bytes
    if free is not None and free < _SPARE_BYTES:
        raise MachineError("mixes.disk-small", folder=mixes.candidates_dir(), free=free, needed=_SPARE_BYTES)
