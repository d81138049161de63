"""The breakdown behind the fit bar: what takes the memory, when, and what the machine has; live while it is open."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.messages.catalogue import text
from tui import keys
from tui.widgets.clickable import Clickable, acts
from tui.widgets.line import Drawn
from tui.widgets.whole import WholeScreen
from tui.wizard import breakdown_text, machine_text
from tui.wizard.breakdown_text import Line
from tui.world import world_of

if TYPE_CHECKING:
    from engine.memory.fit import Fit
    from tui.draft.facts import Facts

WIDE = 110
WIDEST = 136
FRAME = 7
"""Cells of the dialog that hold no text: border, padding, scroll bar."""
BETWEEN = 4


class Section(Static):
    """Some lines; laid out and sent again only when they changed."""

    DEFAULT_CSS = "Section { height: auto; width: 1fr; margin-bottom: 1; }"

    def __init__(self, id: str) -> None:
        super().__init__("", id=id, markup=False)
        self.lines: tuple[Line, ...] = ()
        self.display = False

    def show(self, lines: Iterable[Line]) -> None:
        new = tuple(lines)
        if new != self.lines:
            self.display = bool(new)
            before, self.lines = self.lines, new
            content = Content("\n").join([Content.assemble(*line) for line in new])
            self.update(content, layout=len(before) != len(new))


class Terms(Drawn):
    """What the peak of a fit goes to, beside a step where there is room."""

    def __init__(self) -> None:
        super().__init__()
        self._fit: Fit | None = None

    def show(self, fit: Fit | None) -> None:
        if fit is None or fit is not self._fit:
            self._fit = fit
            self.draw(partial(_terms, fit))


def _terms(fit: Fit | None, width: int) -> list[Content]:
    lines = breakdown_text.peak(fit, width) if fit else [((text("breakdown.unknown"), ""),)]
    return [Content.assemble(*line) for line in lines]


class BreakdownScreen(WholeScreen, ModalScreen[None]):
    """Opened over the wizard, which calls ``show`` whenever the facts changed."""

    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f4,q,enter", "dismiss", "Close"),
        *keys.over_dialog("help", "copy", "quit"),
    ]
    DEFAULT_CSS = f"""
    BreakdownScreen #breakdown {{
        width: 100%;
        max-width: {WIDEST};
        height: auto;
        max-height: 100%;
        padding: 0 1 0 2;
        background: $boost;
        border: solid $accent;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
    }}
    BreakdownScreen #title {{ margin-bottom: 1; }}
    BreakdownScreen #halves {{ height: auto; layout: vertical; padding-right: 1; }}
    BreakdownScreen .half {{ height: auto; width: 1fr; }}
    BreakdownScreen.-wide #halves {{ layout: horizontal; }}
    BreakdownScreen.-wide #term-half {{ margin-right: {BETWEEN}; }}
    """

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self._facts = facts

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="breakdown"):
            closes = acts(Content.styled(f"   {text('breakdown.keys')}", "$muted"), "screen.dismiss")
            yield Clickable(Content.assemble((text("breakdown.title"), "bold"), closes), id="title")
            with Horizontal(id="halves"):
                with Vertical(classes="half", id="term-half"):
                    yield Section("figures")
                    yield Section("peak")
                with Vertical(classes="half"):
                    yield Section("others")
                    yield Section("gpus")
                    yield Section("phases")
                    yield Section("uncertain")
                    yield Section("host")

    def on_mount(self) -> None:
        self.show(self._facts)

    def on_resize(self) -> None:
        self.show(self._facts)

    @property
    def lines(self) -> list[Line]:
        """All that is shown, in sight or not."""
        return [line for section in self.query(Section) if section.display for line in section.lines]

    def copied(self) -> str:
        return "\n".join("".join(said for said, _ in line) for line in self.lines)

    def show(self, facts: Facts) -> None:
        """Show the facts as they are now."""
        self._facts = facts
        width = self._column()
        fit, machine = facts.fit, facts.machine
        unicode = world_of(self).terminal.unicode
        sections: dict[str, Iterable[Line]] = {"figures": [((text("breakdown.unknown"), "$muted"),)]}
        if fit is not None:
            sections = {
                "figures": breakdown_text.figures(fit, width, unicode),
                "peak": breakdown_text.peak(fit, width),
                "phases": breakdown_text.phases(fit, width),
                "uncertain": breakdown_text.uncertain(fit, width),
                "others": machine_text.others(fit.budget, width),
            }
        if machine is not None:
            chosen = fit.budget.gpu if fit is not None else None
            sections |= {"gpus": machine_text.gpus(machine, chosen, width), "host": machine_text.host(machine)}
        for section in self.query(Section):
            section.show(sections.get(section.id or "", ()))

    def _column(self) -> int:
        inner = min(self.app.size.width, WIDEST) - FRAME
        return (inner - BETWEEN) // 2 if self.app.size.width >= WIDE else inner

    async def action_dismiss(self, result: None = None) -> None:
        self.dismiss(result)
