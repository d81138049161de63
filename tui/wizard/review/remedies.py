"""Remedies that one key applies to what the rules warn about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.common.errors import ConfigError
from engine.config import rules
from engine.config.rules import Issue
from engine.models.checks import longest_row, position_issue
from tui.draft import fields
from tui.draft.draft import Draft, default_of
from tui.draft.inspection import Inspection
from tui.wizard.quality.words import told, worst

if TYPE_CHECKING:
    from engine.data.quality.findings import Report
    from engine.memory.fit import Fit
    from engine.models.card import ModelCard

MEMORY = "memory"
ROWS = "rows"


@dataclass(frozen=True)
class Fix:
    """A remedy: what it does in words, and the value it gives its field (None: back to the default).

    ``settings`` are the fields of one that changes how much memory the run takes, instead of ``value``; ``change``
    writes what takes more than one field.
    """

    dotted: str
    words: str
    value: object = None
    settings: Mapping[str, object] = field(default_factory=dict)
    change: Callable[[Draft], None] | None = None

    def apply(self, draft: Draft) -> None:
        if self.change is not None:
            self.change(draft)
        elif self.settings:
            for dotted, value in self.settings.items():
                draft.set(dotted, value)
        elif self.value is None:
            draft.unset(self.dotted)
        else:
            draft.set(self.dotted, self.value)


@dataclass(frozen=True)
class Warning:
    """Something to look at before the start, with its remedy where there is one."""

    issue: Issue
    fix: Fix | None = None


def warnings(
    draft: Draft, inspection: Inspection | None = None, fit: Fit | None = None, report: Report | None = None,
    card: ModelCard | None = None,
) -> list[Warning]:  # fmt: skip
    """All that can be said about a draft before it starts, errors first; the draft's own errors included.

    ``inspection`` and ``report`` are what was found in its rows. A run that does not fit is warned of, not refused: an
    estimate may be wrong.
    """
    try:
        found = rules.check(draft.resolve().config)
    except ConfigError as error:
        found = [issue for issue in error.issues if isinstance(issue, Issue)]
    if inspection is not None:
        found += from_rows(draft, inspection)
    found += [*fatal_in(report), *warned_in(report)]
    told = [Warning(issue, fix_for(issue, draft, inspection, card)) for issue in found]
    told += beyond_positions(draft, card)
    if fit is not None and fit.verdict.level == "too much":
        told.insert(0, too_much(fit))
    if fit is not None and fit.budget.unused:
        issue = Issue("warning", "launch.gpus", fit.budget.unused)
        told.append(Warning(issue, Fix("launch.gpus", "use the CPU", "cpu")))
    return in_order(told)


def in_order(found: list[Warning]) -> list[Warning]:
    """Errors before warnings before notes."""
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda warning: order[warning.issue.level])


def too_much(fit: Fit) -> Warning:
    """The warning of a run that does not fit, with the best change that makes it fit; F7 shows the others."""
    plan = fit.plan()
    best = next((change for change in plan.changes if change.fits), plan.together)
    issue = Issue(
        "warning",
        MEMORY,
        f"{fit.verdict.text}.",
        "" if best else "F7 shows what helps." if plan.changes else "Take a smaller model or a larger GPU.",
    )
    if best is None:
        return Warning(issue)
    words = best.title if len(best.settings) == 1 else f"{len(best.settings)} changes; F7 shows them"
    return Warning(issue, Fix(next(iter(best.settings)), words, settings=best.settings))


def from_rows(draft: Draft, inspection: Inspection) -> list[Issue]:
    """What the check of the rows showed that is worth a warning."""
    found = []
    rows = max(1, inspection.rows - inspection.eval_rows)
    if inspection.too_long:
        share = inspection.too_long / rows
        what = {"drop": "left out", "truncate": "cut", "split": "split"}.get(str(draft.get("dataset.too_long")), "cut")
        text = f"{inspection.too_long:,} rows ({share:.0%}) are longer and will be {what}."
        found.append(Issue("warning", "dataset.max_length", text))
    return found


def beyond_positions(draft: Draft, card: ModelCard | None) -> list[Warning]:
    """The error of rows that may be longer than the model can compute, with the length that it can."""
    issue = position_issue(int(draft.get("dataset.max_length")), card) if card is not None else None
    if issue is None or card is None or issue.level != "error":
        return []
    most = longest_row(card)
    return [Warning(issue, Fix(issue.field, f"set it to {most:,}", most))]


def fatal_in(report: Report | None) -> list[Issue]:
    """The error that keeps a run from starting where the doctor found something fatal; [] else."""
    fatal = worst(report, "fatal") if report else None
    return [Issue("error", ROWS, f"{told(fatal)}.", "F5 shows them, and what helps.")] if fatal else []


def warned_in(report: Report | None) -> list[Issue]:
    """All that the doctor warns of in one line, with the way to it."""
    first = worst(report, "warning") if report else None
    if report is None or first is None:
        return []
    more = sum(finding.severity == "warning" for finding in report.findings) - 1
    also = f" and {more} more warning{'s' if more > 1 else ''}" if more else ""
    return [Issue("warning", ROWS, f"{told(first)}{also}.", "F5 shows them, and what helps.")]


def fix_for(issue: Issue, draft: Draft, inspection: Inspection | None, card: ModelCard | None = None) -> Fix | None:
    """The remedy for one finding; None where a person has to think."""
    if issue.field == "dataset.max_length" and inspection is not None and inspection.tokens_max:
        length = 1 << (inspection.tokens_max - 1).bit_length()
        most = (longest_row(card) if card else 0) or 8192
        return Fix(issue.field, f"set it to {length:,}", length) if length <= most else None
    make = _FIXES.get(issue.field)
    fix = make(draft) if make else None
    return fix if fix is None or draft.get(fix.dotted) != (fix.value or default_of(fix.dotted)) else None


def _default(dotted: str) -> Callable[[Draft], Fix]:
    shown = fields.show(default_of(dotted)) or "empty"
    return lambda draft: Fix(dotted, f"set it to {shown}")


_FIXES: dict[str, Callable[[Draft], Fix]] = {
    "train.learning_rate": lambda draft: Fix("train.learning_rate", "set it to 2e-4", 2e-4),
    "adapter.lora_alpha": lambda draft: Fix(
        "adapter.lora_alpha", f"set it to {2 * draft.get('adapter.r')}", float(2 * draft.get("adapter.r"))
    ),
    "dataset.eval_share": lambda draft: Fix("dataset.eval_share", "hold out 5%", 0.05),
    "eval.early_stopping_patience": lambda draft: Fix("dataset.eval_share", "hold out 5%", 0.05),
    "train.micro_batch_tokens": lambda draft: Fix("train.micro_batch_tokens", "set it to auto", "auto"),
    "strategy.adapter": _default("strategy.adapter"),
    "launch.gpus": _default("launch.gpus"),
    "model.trust_remote_code": _default("model.trust_remote_code"),
    "model.chat_template": _default("model.chat_template"),
}
