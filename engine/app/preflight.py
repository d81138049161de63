"""Everything about a run that can be checked before it starts, without loading a model or a training library."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine.app.preflight_adapter import check_old_adapter, check_targets
from engine.app.preflight_template import check_template
from engine.common import paths
from engine.common.errors import MachineError, TunedeckError
from engine.config import rules
from engine.config.presets import Resolved, config_error
from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.data.quality.catalogue import CATALOGUE
from engine.data.rows.unused import told
from engine.memory import packing
from engine.models.adapter.adopt import adopt
from engine.models.adapter.find import tokenizer_folder
from engine.models.checks import check_complete, position_issue, require_positions
from engine.models.dims import UNFUSED
from engine.models.tokenizer_files import read_tokens

if TYPE_CHECKING:
    from engine.models.card import ModelCard

READ_WHOLE_BYTES = 32 * 2**20  # about a second; of larger data only the head is read here


def preflight(resolved: Resolved, on_hash: Callable[[int, int], None] | None = None) -> list[Issue]:
    """Check config, model, old adapter, data, disk and rights. Returns advice (warnings and notes), errors are raised.

    ``on_hash`` gets bytes done and bytes of all while a model's weights are compared with those an adapter recorded.
    Raises ConfigError with every error of the rules, ModelError, DataError or MachineError for the first thing
    that is not there or can't be used.
    """
    issues = rules.check(resolved.config)
    if rules.errors(issues):
        raise config_error(rules.errors(issues))
    config = adopt(resolved).config
    card = _model(config, issues)
    if config.strategy.kind != "fresh":
        issues.extend(check_old_adapter(config, card, on_hash))
    has_dialogue = _data(config, issues)
    if card is not None and has_dialogue:
        issues.extend(check_template(config, card))
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
    if model.kind == "chat" and not (card.has_chat_template or model.chat_template or _adapters_template(config)):
        errors.append(
            Issue("error", "model.kind", "this model has no chat template.", 'Set model.chat_template, e.g. "chatml".')
        )
    if model.attn_implementation == "sdpa" and card.model_type in UNFUSED:
        errors.append(
            Issue("error", "model.attn_implementation", f"{card.model_type} models have no sdpa.", 'Set it to "auto".')
        )
    if errors:
        raise config_error(errors)
    check_complete(card)
    if config.strategy.kind != "continue":
        errors = []
        for issue in check_targets(config.adapter, card):
            (errors if issue.level == "error" else issues).append(issue)
        if errors:
            raise config_error(errors)
    packing.decide(config.dataset.packing, "sdpa", packing.mixer_in(card.path), known_family=True)
    require_positions(config, card)
    positions = position_issue(config.dataset.max_length, card)
    if positions is not None:
        issues.append(positions)
    return card


def _adapters_template(config: RunConfig) -> str:
    """The chat template that lies beside the old adapter."""
    own = tokenizer_folder(config.strategy.kind, config.strategy.adapter)
    return read_tokens(own, {}).chat_template if own is not None else ""


def _data(config: RunConfig, issues: list[Issue]) -> bool:
    """Read what is small whole, so that a broken row is found now; of the rest the head. Says if it holds dialogue."""
    from engine.data import run_source
    from engine.data.files.preview import look
    from engine.data.files.sources import source_names
    from engine.data.reader import load
    from engine.data.splitting.draw import wanted_rows
    from engine.data.splitting.split import replayed

    size = sum(file.stat().st_size for source in config.data for file in run_source.files(source))
    if size > READ_WHOLE_BYTES:
        heads = [look(source) for source in config.data]
        issues.extend(
            _unused(number, head.detected.unused) for number, head in enumerate(heads) if head.detected.unused
        )
        return any(row.kind == "messages" for head in heads for row in head.rows)
    loaded = load(config)
    report = loaded.report
    if report.skipped_count:
        first = report.skipped[0]
        issues.append(
            Issue("warning", "data", f"{report.skipped_count:,} rows are left out; the first is row {first.row:,} of "
                  f"{first.file}: {first.reason}")
        )  # fmt: skip
    learnt = replayed(config)
    wanted_rows(sum(row.source not in learnt for row in loaded.rows), config.dataset)
    numbers = {name: number for number, name in enumerate(source_names(config.data))}
    issues.extend(_unused(numbers[name], names) for name, names in report.unused.items())
    for code, count in report.remarks.items():
        entry = CATALOGUE[code]
        level: Literal["warning", "note"] = "note" if entry.severity == "note" else "warning"
        rows = "1 row" if count == 1 else f"{count:,} rows"
        issues.append(Issue(level, "data", f"{rows} with {entry.title}.", entry.why))
    return any(row.kind == "messages" for row in loaded.rows)


def _unused(number: int, names: Sequence[str]) -> Issue:
    return Issue("note", f"data.{number}", f"these columns are not used: {told(names)}.")


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
    """Refuse what the disk can't hold; a model whose dimensions can't be told stops nobody here."""
    from engine.memory.disk import disk_of, require
    from engine.models.dims import from_folder

    try:
        shape = from_folder(card.path)
    except TunedeckError:
        return
    require(disk_of(config, shape, card.path), folder)
