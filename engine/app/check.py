"""The findings about a run before it starts: one list, which the command line prints and the wizard's review shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.app.evaluation_plan import device_of, evaluation_plan
from engine.app.findings import Finding, Remedy, of_error
from engine.app.plan import Planned, plan
from engine.app.preflight import of_files
from engine.common.errors import ConfigError, TunedeckError
from engine.config import rules
from engine.config.presets import Resolved, config_error, section_model
from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.app.examine import Examined
    from engine.app.old_adapter import OldAdapter
    from engine.data.mixing.source_figures import SourceFigures
    from engine.data.quality.findings import Finding as RowFinding
    from engine.data.quality.findings import Report
    from engine.machine.snapshot import Machine
    from engine.memory.fit import Fit
    from engine.models.card import ModelCard
    from engine.models.relation import Advice

MEMORY, ROWS = "memory", "rows"
"""Fields of findings that belong to no field of a config."""
LONGEST = 8192
"""Tokens up to which longer rows are offered."""


@dataclass(frozen=True)
class Known:
    """What was found out about a run beside its config and files; all of it may be missing.

    ``sources`` are figures of its data sources, in the config's order. ``advice`` follows from the measured relation
    of its new rows to what the old adapter has learnt.
    """

    rows: Examined | None = None
    sources: Sequence[SourceFigures | None] = ()
    advice: Advice | None = None
    card: ModelCard | None = None
    old: OldAdapter | None = None


@dataclass(frozen=True)
class Checked:
    """``files``: what model, adapter, data, disk and rights say; ``findings`` are all, errors first."""

    planned: Planned
    files: tuple[Finding, ...]
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> list[Finding]:
        """The errors that ``refusal`` tells of: those of the first kind, what the files say before the machine."""
        wrong = [found for found in (*self.files, *self.findings) if found.level == "error"]
        return [found for found in wrong if found.error is wrong[0].error]

    @property
    def refusal(self) -> TunedeckError | None:
        """What keeps the run from starting, as an error: of a config all that is wrong with it."""
        if not self.wrong:
            return None
        return self.wrong[0].error or config_error(list(dict.fromkeys(found.issue for found in self.wrong)))

    def require(self) -> None:
        """Raise the refusal, where there is one."""
        refusal = self.refusal
        if refusal is not None:
            raise refusal


def check(
    resolved: Resolved,
    machine: Machine | None,
    known: Known | None = None,
    on_hash: Callable[[int, int], None] | None = None,
) -> Checked:
    """Everything that can be said of ``resolved`` on ``machine`` without loading a model or a training library.

    ``on_hash`` gets bytes done and bytes of all while a model's weights are compared with those an adapter recorded.
    """
    return of_parts(resolved, files_of(resolved, on_hash), machine, known)


def files_of(resolved: Resolved, on_hash: Callable[[int, int], None] | None = None) -> tuple[Finding, ...]:
    """What rules, model, adapter, data, disk and rights say; takes seconds."""
    return tuple(of_files(resolved, on_hash))


def of_parts(
    resolved: Resolved, files: tuple[Finding, ...], machine: Machine | None, known: Known | None = None
) -> Checked:
    """The same where the ``files`` were looked at before."""
    known = known or Known()
    try:
        planned = plan(resolved, machine, known.rows.inspection if known.rows else None)
    except TunedeckError as error:
        planned = Planned(resolved, refusal=error)
    return Checked(planned, files, tuple(findings(resolved, files, planned, known)))


def of_examination(config: RunConfig, rows: Examined) -> Known:
    """What is known once the rows of ``config`` were examined."""
    return Known(rows, rows.inspection.sources if rows.inspection else (), card=_card(config))


def _card(config: RunConfig) -> ModelCard | None:
    from engine.models.card import read_card
    from engine.models.local import model_folder

    folder = model_folder(config)
    return read_card(folder, config.model.allow_pickle) if folder is not None else None


def findings(resolved: Resolved, files: Sequence[Finding] | None, planned: Planned, known: Known) -> list[Finding]:
    """All findings from what is known, errors before warnings before notes; a millisecond.

    ``files`` is None while nobody has looked at them.
    """
    config = resolved.config
    of_config = files if files is not None else [Finding(issue) for issue in rules.check(config)]
    found = [*_of_machine(planned), *_of_relation(config, known), *_of_mix(config, known), *of_config]
    found += [*_of_rows(config, known), *_of_evaluation(config, planned, known)]
    told: dict[str, Finding] = {}
    for each in found:
        told.setdefault(str(each.issue), each)
    ordered = sorted(told.values(), key=lambda each: ("error", "warning", "note").index(each.level))
    return [each if each.remedy else replace(each, remedy=remedy_for(each.issue, config, known)) for each in ordered]


# What the parts say


def _of_machine(planned: Planned) -> Iterator[Finding]:
    """What the devices say: refusals, memory that lacks, GPUs that are left out."""
    if planned.refusal is not None:
        yield from of_error(planned.refusal)
    fit = planned.fit
    if fit is None:
        return
    if fit.verdict.level == "too much":
        yield _too_much(fit)
    if fit.budget.unused:
        issue = Issue("warning", "launch.gpus", Message("check.gpus-unused", why=fit.budget.unused))
        yield Finding(issue, Remedy(Message("check.use-cpu"), {"launch.gpus": "cpu"}))


def _too_much(fit: Fit) -> Finding:
    """A run that does not fit is warned of, not refused: an estimate may be wrong. With the best change that helps."""
    changes = fit.plan()
    best = next((change for change in changes.changes if change.fits), changes.together)
    lacks, phase = -fit.verdict.spare_bytes, fit.verdict.phase
    if best is None and not changes.changes:
        return Finding(Issue("warning", MEMORY, Message("check.memory-short-for-good", lacks=lacks, phase=phase)))
    issue = Issue("warning", MEMORY, Message("check.memory-short", lacks=lacks, phase=phase))
    if best is None:
        return Finding(issue)
    count = len(best.settings)
    what = best.what if count == 1 else Message("check.changes", count=count)
    return Finding(issue, Remedy(what, best.settings))


def _of_relation(config: RunConfig, known: Known) -> Iterator[Finding]:
    """A strategy that what was measured speaks against."""
    from engine.app.old_adapter import refusal

    advice, kind = known.advice, config.strategy.kind
    if advice is None or kind == advice.strategy or not config.strategy.adapter:
        return
    better = advice.strategy
    what = Message("check.other-strategy", verdict=advice.verdict, better=better, chosen=kind)
    possible = known.old is not None and not refusal(known.old, better, config.strategy.trust_base)
    remedy = Remedy(Message("check.choose", way=better), {"strategy.kind": better}) if possible else None
    yield Finding(Issue("warning", "strategy.kind", what), remedy)


def _of_mix(config: RunConfig, known: Known) -> Iterator[Finding]:
    """Sources that repeat, dominate, are lost or don't get their share; of replay the rules speak."""
    from engine.data.mixing.source_figures import SourceFigures, of_mix
    from engine.data.mixing.warnings import OFTEN, MixSource, mix_warnings

    if len(known.sources) != len(config.data) or len(config.data) < 2:
        return
    figures = [source or SourceFigures() for source in known.sources]
    try:
        mix = of_mix(figures, config)
    except ConfigError:
        return  # the rules say so
    if not mix.rows:
        return
    sources = [
        MixSource(each.name, source.role, source.share, each.dropped_share)
        for each, source in zip(figures, config.data, strict=True)
    ]
    train, cap = config.train, config.dataset.epochs_cap
    a_pass = max(1, math.ceil(mix.rows / train.batch_size))
    steps = train.max_steps or max(1, round(a_pass * train.num_train_epochs))
    for warning in mix_warnings(sources, mix.parts, steps / a_pass, cap):
        if warning.kind == "replay" or known.sources[warning.source] is None:
            continue
        issue = Issue("warning", f"data.{warning.source}", warning.what)
        caps = warning.kind == "repeated" and cap is None
        what = Message("mix.cap-remedy", passes=round(OFTEN))
        yield Finding(issue, Remedy(what, {"dataset.epochs_cap": OFTEN}) if caps else None)


def _of_rows(config: RunConfig, known: Known) -> Iterator[Finding]:
    """What the examination of the rows showed."""
    rows = known.rows
    if rows is None:
        return
    if rows.refused is not None:
        yield from of_error(rows.refused)
    elif rows.not_known and rows.report is None:
        yield Finding(Issue("note", ROWS, Message("check.rows-unknown", why=rows.not_known)))
    if rows.report is not None:
        yield from _of_report(rows.report)
    found = rows.inspection
    if found is not None and found.too_long:
        share = found.too_long / max(1, found.rows - found.eval_rows)
        what = Message("check.rows-too-long", count=found.too_long, share=share, how=config.dataset.too_long)
        yield Finding(Issue("warning", "dataset.max_length", what))


def _of_evaluation(config: RunConfig, planned: Planned, known: Known) -> Iterator[Finding]:
    """Held-out rows that are too few to tell whether the training worked, once the rows were examined."""
    rows = known.rows.inspection if known.rows else None
    if rows is None or not rows.tokens_total:
        return
    found = evaluation_plan(config, rows.size, device_of(planned.fit))
    finding = found.finding(config) if found is not None else None
    if finding is not None:
        yield finding


def _of_report(report: Report) -> Iterator[Finding]:
    """The gravest of what was found in the rows: what keeps a run from starting, and all warnings in one line."""
    fatal = fatal_in(report)
    if fatal is not None:
        yield fatal
    first = worst(report, "warning")
    if first is not None:
        more = sum(finding.severity == "warning" for finding in report.findings) - 1
        what = Message("check.rows-warned", what=first.title, count=first.count, rows=first.of, more=more)
        yield Finding(Issue("warning", ROWS, what))


def fatal_in(report: Report) -> Finding | None:
    """The error of rows in which something fatal was found."""
    fatal = worst(report, "fatal")
    if fatal is None:
        return None
    what = Message("check.rows-fatal", what=fatal.title, count=fatal.count, rows=fatal.of)
    return Finding(Issue("error", ROWS, what))


def worst(report: Report, severity: str) -> RowFinding | None:
    """The first finding of that severity."""
    return next((finding for finding in report.findings if finding.severity == severity), None)


# Remedies


def remedy_for(issue: Issue, config: RunConfig, known: Known) -> Remedy | None:
    """What a key or a ``--set`` can do about one finding; None where a person has to think."""
    field, alpha = issue.field, float(2 * config.adapter.r)
    if field == "dataset.max_length":
        return _longer(config, known)
    if field == "strategy.adapter" and config.strategy.kind != "fresh":
        return None
    held_out = {"dataset.eval_share": 0.05, "dataset.eval_rows": None}
    remedies: dict[str, tuple[Message, dict[str, Any]]] = {
        "train.learning_rate": (Message("check.set-to", value=2e-4), {field: 2e-4}),
        "adapter.lora_alpha": (Message("check.set-to", value=alpha), {field: alpha}),
        "dataset.eval_share": (Message("check.hold-out", share=0.05), held_out),
        "eval.early_stopping_patience": (Message("check.hold-out", share=0.05), held_out),
        "eval.best_by": (Message("check.hold-out", share=0.05), held_out),
        "eval.baseline": (Message("check.set-to-auto"), {field: None}),
        "train.micro_batch_tokens": (Message("check.set-to-auto"), {field: "auto"}),
        "strategy.adapter": (Message("check.set-to-nothing"), {field: None}),
        "launch.gpus": (Message("check.set-to-auto"), {field: None}),
        "model.trust_remote_code": (Message("check.set-to-no"), {field: None}),
        "eval.metrics": (Message("check.set-to-auto"), {field: None}),
        "eval.metric_file": (Message("check.set-to-nothing"), {field: None}),
        "model.chat_template": (Message("check.set-to-nothing"), {field: None}),
    }
    if field not in remedies:
        return None
    what, settings = remedies[field]
    changes = any(value_of(config, dotted) != default_of(dotted, value) for dotted, value in settings.items())
    return Remedy(what, settings) if changes else None


def _longer(config: RunConfig, known: Known) -> Remedy | None:
    """Rows may be as long as the longest, where the model can compute that."""
    from engine.models.checks import longest_row

    rows = known.rows.inspection if known.rows else None
    if rows is None or not rows.tokens_max:
        return None
    length = 1 << (rows.tokens_max - 1).bit_length()
    card = known.card
    most = (card and (longest_row(card) or card.max_position_embeddings)) or LONGEST
    fits = length <= most and length != config.dataset.max_length
    return Remedy(Message("check.set-to", value=length), {"dataset.max_length": length}) if fits else None


def value_of(config: RunConfig, dotted: str) -> object:
    """The value of ``section.field``."""
    section, name = dotted.split(".")
    return getattr(getattr(config, section), name)


def default_of(dotted: str, value: object) -> object:
    """``value``, or for None the schema's default of ``section.field``."""
    section, _, name = dotted.partition(".")
    model = section_model(section) if value is None else None
    return model.model_fields[name].get_default(call_default_factory=True) if model else value
