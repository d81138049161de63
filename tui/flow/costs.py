"""What stands beside a setting: what one step more of it costs here, and what ``auto`` becomes and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.messages.catalogue import text
from tui.draft import fields

if TYPE_CHECKING:
    from engine.memory.fit import Fit
    from engine.memory.setting_costs import StepCost

QUANTIZATION = {
    "auto": "settings.precision-auto",
    "none": "settings.precision-none",
    "nf4": "settings.precision-nf4",
    "int8": "settings.precision-int8",
}


class Costs:
    """The costs of one fit, worked out once for it."""

    def __init__(self) -> None:
        self._fit: Fit | None = None
        self._known: dict[str, StepCost] = {}

    def of(self, fit: Fit | None) -> dict[str, StepCost]:
        """One step more of each field that can cost memory; {} while nothing is known."""
        if fit is not self._fit:
            self._fit, self._known = fit, {}
            if fit is not None:
                from engine.memory.setting_costs import step_costs

                self._known = step_costs(fit.setup, fit.budget.available_bytes)
        return self._known


def beside(cost: StepCost) -> str:
    """In the 28 cells beside a field: "rank 32: +0.31 GiB"."""
    return f"{text(cost.short)}!" if cost.lacks_bytes > 0 else text(cost.short)


def below(dotted: str, fit: Fit | None, costs: dict[str, StepCost]) -> str:
    """In the lines below a field: what auto becomes and why, and what one step more costs. "" for other fields."""
    cost = costs.get(dotted)
    parts = [chosen_by_auto(dotted, fit), text("settings.one-step-up", cost=cost.message) if cost else ""]
    return " ".join(filter(None, parts))


def chosen_by_auto(dotted: str, fit: Fit | None) -> str:
    """ "auto is nf4 here: 16-bit weights would not fit ...", "" where nothing was left to auto."""
    if fit is None or dotted not in fit.resolution.settings:
        return ""
    value = shown(fit.resolution.settings[dotted])
    return text("settings.auto-is", value=value, reason=fit.resolution.reasons[dotted])


def about_quantization(kind: str, fit: Fit | None, costs: dict[str, StepCost]) -> str:
    """What the chosen way to keep the frozen weights means here, in two or three lines."""
    auto = chosen_by_auto("model.quantization", fit) if kind == "auto" else ""
    if auto:
        return auto
    cost = costs.get("model.quantization")
    told = text(QUANTIZATION[kind]) if kind in QUANTIZATION else ""
    return text("settings.precision-cost", about=told, cost=cost.message) if cost and told else told


def shown(value: object) -> str:
    """A value that auto became, large numbers with separators."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return fields.show(value)
