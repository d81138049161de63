"""Everything about a run that can be checked before it starts, without loading a model or a training library."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from engine import paths
from engine.config import rules
from engine.config.presets import Resolved, config_error
from engine.config.rules import Issue
from engine.config.schema import AdapterSection, RunConfig
from engine.errors import MachineError, TunedeckError

if TYPE_CHECKING:
    from engine.models.card import ModelCard

READ_WHOLE_BYTES = 32 * 2**20  # about a second; of larger data only the head is read here
_ADAPTER_BYTES = 4  # fp32
_OPTIMIZER_BYTES = 8  # AdamW's two fp32 moments
_SPARE_BYTES = 64 * 2**20  # logs, tokenizer, sidecar files


def preflight(resolved: Resolved) -> list[Issue]:
    """Check config, model, data, disk and rights. Returns advice (warnings and notes), errors are raised.

    Raises ConfigError with every error of the rules, ModelError, DataError or MachineError for the first thing
    that is not there or can't be used.
    """
    config = resolved.config
    issues = rules.check(config)
    if rules.errors(issues):
        raise config_error(rules.errors(issues))
    card = _model(config, issues)
    _data(config, issues)
    _writable(paths.runs_dir())
    if card is not None:
        _disk(config, card, paths.runs_dir())
    return issues


def _model(config: RunConfig, issues: list[Issue]) -> ModelCard | None:
    from engine.models.local import resolve

    model = config.model
    found = resolve(model.name_or_path, model.revision, model.allow_pickle)
    card = found.card
    if card is None:
        issues.append(Issue("note", "model.name_or_path", "is not here yet; the run begins with downloading it."))
        return None
    errors = []
    if not card.has_tokenizer:
        errors.append(Issue("error", "model.name_or_path", f"{card.path} has no tokenizer.", "Copy its files there."))
    if card.quantized:
        errors.append(
            Issue("error", "model.name_or_path", f"its weights are stored as {card.quantized}.",
                  "Name the 16-bit model; set model.quantization to train it in 4 or 8 bit.")
        )  # fmt: skip
    if model.kind == "chat" and not card.has_chat_template and not model.chat_template:
        errors.append(
            Issue("error", "model.kind", "this model has no chat template.", 'Set model.chat_template, e.g. "chatml".')
        )
    if errors:
        raise config_error(errors)
    longest = card.max_position_embeddings
    if longest and config.dataset.max_length > longest:
        issues.append(
            Issue("warning", "dataset.max_length",
                  f"{config.dataset.max_length:,} is more than the model's {longest:,} positions.")
        )  # fmt: skip
    return card


def _data(config: RunConfig, issues: list[Issue]) -> None:
    """Read what is small whole, so that a broken row is found now; of the rest the head."""
    from engine.data.load import load
    from engine.data.preview import preview
    from engine.data.sources import source_files

    size = sum(file.stat().st_size for source in config.data for file in source_files(source))
    if size > READ_WHOLE_BYTES:
        for source in config.data:
            preview(source.path, source.format, source.columns)
        return
    report = load(config).report
    if report.skipped_count:
        first = report.skipped[0]
        issues.append(
            Issue("warning", "data", f"{report.skipped_count:,} rows are left out; the first is row {first.row:,} of "
                  f"{first.file}: {first.reason}")
        )  # fmt: skip


def _writable(folder: Path) -> None:
    try:
        paths.private_dir(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise MachineError(
            "The run directory can't be written",
            f"{folder}: {error.strerror}",
            "Mend its rights, or set TUNEDECK_HOME to a folder you can write to.",
        ) from error


def _disk(config: RunConfig, card: ModelCard, folder: Path) -> None:
    needed = disk_bytes(config, card)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise MachineError(
            "The disk is too small for the checkpoints",
            f"{folder} has {free / 1e9:.2f} GB free; {config.checkpoint.keep + 1} checkpoints and the adapter of this "
            f"run take {needed / 1e9:.2f} GB",
            "Free space, lower checkpoint.keep or adapter.r, or set TUNEDECK_HOME to a folder on a larger disk.",
        )


def disk_bytes(config: RunConfig, card: ModelCard) -> int:
    """Bytes a run takes at most: ``keep`` checkpoints, the one being written, and the final adapter.

    A checkpoint has adapter and AdamW's two moments in fp32, 12 bytes a trained number; 0 where the model's
    dimensions can't be told.
    """
    trained = trained_numbers(config.adapter, card)
    checkpoint = trained * (_ADAPTER_BYTES + _OPTIMIZER_BYTES)
    return checkpoint * (config.checkpoint.keep + 1) + trained * _ADAPTER_BYTES + _SPARE_BYTES


def trained_numbers(adapter: AdapterSection, card: ModelCard) -> int:
    """Numbers the adapter trains in the model of ``card``, from its config.json; 0 if that can't tell."""
    from engine.memory.job import Job
    from engine.memory.read_shape import from_folder
    from engine.memory.terms import trained_numbers as count

    try:
        shape = from_folder(card.path)
    except (OSError, ValueError, TunedeckError):
        return 0
    names = [adapter.target_modules] if isinstance(adapter.target_modules, str) else adapter.target_modules
    known = {linear.name for linear in shape.linears}
    targets = tuple(name.rpartition(".")[2].removesuffix("_proj") for name in names)
    tables = sum(name.rpartition(".")[2] in ("embed_tokens", "lm_head", "wte") for name in adapter.modules_to_save)
    job = Job(
        shape, rows=1, row_tokens=1, rank=adapter.r, targets=targets if set(targets) <= known else ("all",),
        method="dora" if adapter.use_dora else "lora", trained_tables=tables,
    )  # fmt: skip
    return count(job)
