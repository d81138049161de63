"""What a name means to somebody who wants answers: a run's adapter on its base, another adapter, or a model alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.common import paths
from engine.common.errors import ModelError, RunError, TunedeckError
from engine.common.files import read_json
from engine.config import toml
from engine.config.schema import ModelSection, RunConfig
from engine.messages.message import Message
from engine.models import local, origins
from engine.models.adapter.card import AdapterCard, read_adapter, require_sound
from engine.models.adapter.config import CONFIG_FILE
from engine.models.adapter.find import Found, find_adapter
from engine.models.adapter.match import match, require_match
from engine.models.card import ModelCard
from engine.models.starter import STARTERS
from engine.runs import exports
from engine.runs.checkpoints import STATE, damage
from engine.runs.directory import RunDir

Card = TypeVar("Card")


@dataclass(frozen=True)
class Trust:
    """A person's explicit words: run the model's own code, load pickles, take a base that may be another one."""

    remote_code: bool = False
    pickle: bool = False
    base: bool = False


@dataclass(frozen=True)
class ForUse:
    """A model that can be loaded and asked. ``model`` says which base and how; ``card`` describes its folder.

    ``adapter`` goes on it, None for a model alone. ``run`` made the adapter and ``config`` is that run's: None for
    what was made elsewhere. ``told`` should be read: what was chosen where the name left it open.
    """

    name: str
    model: ModelSection
    card: ModelCard
    adapter: AdapterCard | None = None
    run: RunDir | None = None
    config: RunConfig | None = None
    told: tuple[Message, ...] = ()

    @property
    def path(self) -> Path:
        """The folder of what answers: the adapter's, else the model's."""
        return (self.adapter.path if self.adapter else self.card.path).resolve()

    @property
    def title(self) -> str:
        """What a person calls it."""
        if self.run is not None:
            return self.run.name
        return self.adapter.name if self.adapter else self.card.name


def find_for_use(
    name: str, trust: Trust | None = None, *, base: str = "", checkpoint: int | None = None, quantization: str = "",
) -> ForUse:  # fmt: skip
    """The model that ``name`` means: a run (its result, or ``checkpoint``), an adapter's folder, or a model.

    ``base`` and ``quantization`` take the place of what the run or the adapter says. A run of this home that was
    allowed pickles or code of the model's own is allowed them again. Nothing is loaded and nothing is fetched. Raises
    ModelError, RunError, ConfigError: no such thing, or a base that is not on this machine.
    """
    trust = trust or Trust()
    if checkpoint is None and is_model(name):
        return _alone(name, trust, quantization)
    found = _at(_found(name), checkpoint)
    run = RunDir(found.path.absolute().parent) if found.run else None
    config = toml.load(run.config).config if run else None
    section = _section(run, config, trust) if run and config else ModelSection(name_or_path="-")
    section = section.model_copy(
        update={
            "trust_remote_code": section.trust_remote_code or trust.remote_code,
            "allow_pickle": section.allow_pickle or trust.pickle,
        }
    )
    adapter = _unpickled(lambda: read_adapter(found.path, section.allow_pickle))
    if base or section.name_or_path == "-":
        named = base or exports.base_of(found.path) or adapter.base
        if not named:
            raise ModelError("use.base-unnamed", adapter=adapter.name)
        revision = "main" if base or named != adapter.base else adapter.settings.revision or "main"
        section = section.model_copy(update={"name_or_path": named, "revision": revision})
    section = section.model_copy(update={"quantization": quantization or _settled(section, run, found.path)})
    card = _card(section, adapter)
    return ForUse(name, section, card, adapter, run, config, (found.note,) if found.note else ())


def check(found: ForUse, trust: Trust | None = None, on_progress: Callable[[int, int], None] | None = None) -> None:
    """Read the adapter's numbers and compare its base with that it was trained on, which hashes the base once.

    ``on_progress`` gets the bytes of that. Raises ModelError for NaN, for an adapter that does not fit, and for a
    base that may be another one or has changed since, unless ``trust.base``.
    """
    if found.adapter is None:
        return
    trust = trust or Trust()
    require_sound(found.adapter)
    matched = match(found.adapter, found.card, found.model.name_or_path, on_progress)
    against = matched.refusals(trust_base=trust.base, continuing=True)
    if {reason.about for reason in against} == {"vocabulary"}:
        reasons = [reason.message for reason in against]
        raise ModelError("use.resized", adapter=found.adapter.name, model=found.card.name, reasons=reasons)
    if any(reason.about != "identity" for reason in against):
        require_match(matched, found.adapter, found.card, trust.base)
    doubts = [reason.message for reason in against]
    if not doubts and not trust.base and found.run is not None and matched.identity.proof != "hash":
        doubts = origins.base_changes(found.run, found.card.path, found.model.allow_pickle)
    if doubts:
        raise ModelError("use.base-uncertain", adapter=found.adapter.name, model=found.card.name, reasons=doubts)


def is_model(name: str) -> bool:
    """Whether ``name`` means a model and no adapter: a starter, a folder with a model alone, a hub model."""
    text = name.strip()
    try:
        folder = Path(text).expanduser()
        if text and folder.is_dir():
            return _is_model_folder(folder)
    except (OSError, ValueError, RuntimeError):
        return False
    if text in STARTERS:
        return True
    snapshot = local.cached_snapshot(text) if "/" in text else None
    return snapshot is not None and _is_model_folder(snapshot)


def _found(name: str) -> Found:
    try:
        return find_adapter(name)
    except ModelError as error:
        if error.code != "adapter.not-found":
            raise
    if "/" in name:
        local.resolve(name)  # says what is wrong with a folder's name
        raise ModelError("models.not-here", name=name)
    raise ModelError("use.not-found", name=name)


def _is_model_folder(folder: Path) -> bool:
    return (folder / "config.json").is_file() and not (folder / CONFIG_FILE).is_file()


def _alone(name: str, trust: Trust, quantization: str) -> ForUse:
    values: dict[str, Any] = {"trust_remote_code": trust.remote_code, "allow_pickle": trust.pickle}
    section = ModelSection(name_or_path=name.strip(), quantization=quantization or "none", **values)
    return ForUse(name, section, _card(section))


def _at(found: Found, checkpoint: int | None) -> Found:
    """``found``, or the ``checkpoint`` of the run it is of. Raises RunError."""
    if checkpoint is None:
        return found
    run = RunDir(found.path.absolute().parent)
    steps = [int(each.name.removeprefix("checkpoint-")) for each in run.complete_checkpoints()]
    if not found.run or checkpoint not in steps:
        code = "use.no-checkpoint" if found.run and steps else "use.no-checkpoints"
        raise RunError(code, run=found.run or found.path.name, step=str(checkpoint), steps=steps)
    folder = run.checkpoint(checkpoint)
    why = damage(folder)
    if why:
        raise RunError("use.checkpoint-damaged", run=run.id, step=str(checkpoint), why=why)
    return Found(folder, run.id)


def _section(run: RunDir, config: RunConfig, trust: Trust) -> ModelSection:
    """The run's model. What it was allowed counts for runs of this home alone: others may have come from anywhere."""
    section = config.model
    if config.strategy.kind == "merge":
        section = section.model_copy(update={"name_or_path": str(run.merged), "revision": "main"})
    if run.path.parent.resolve() == paths.runs_dir().resolve():
        return section
    return section.model_copy(update={"trust_remote_code": trust.remote_code, "allow_pickle": trust.pickle})


def _settled(section: ModelSection, run: RunDir | None, adapter: Path) -> str:
    """The precision that ``auto`` became when the run was planned; 16 bits where nothing tells."""
    if section.quantization != "auto":
        return section.quantization
    folders = [adapter, *(reversed(run.complete_checkpoints()) if run else ())]
    kept = (read_json(folder / STATE).get("settings") for folder in folders)
    found = next((settings for settings in kept if isinstance(settings, dict)), {})
    value = found.get("model.quantization")
    return value if value in ("none", "nf4", "int8") else "none"


def _unpickled(read: Callable[[], Card]) -> Card:
    """What ``read`` gives; for a pickle that was not allowed the error says which flag allows it."""
    try:
        return read()
    except ModelError as error:
        if error.code not in ("adapter.pickled", "models.pickled"):
            raise
        raise ModelError("use.pickled", path=error.reason.args["path"]) from None


def _card(section: ModelSection, adapter: AdapterCard | None = None) -> ModelCard:
    """The model's files. Raises ModelError where they are not on this machine, or can't be used."""
    try:
        resolved = _unpickled(lambda: local.resolve(section.name_or_path, section.revision, section.allow_pickle))
    except TunedeckError as error:
        if adapter is None or error.code == "use.pickled":
            raise
        raise ModelError("use.base-unusable", adapter=adapter.name, reason=error.reason) from None
    if resolved.card is None:
        if adapter is None:
            raise ModelError("models.not-here", name=section.name_or_path)
        raise ModelError("use.base-not-here", adapter=adapter.name, base=section.name_or_path)
    return resolved.card
