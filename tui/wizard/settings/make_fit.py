"""The panel "Make it fit": ranked changes, each with what it saves and costs; one key applies one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.common.clean_text import shorten
from engine.messages.catalogue import clauses, part, text
from tui import fit_words, keys
from tui.draft import changes, fields
from tui.draft.fit import fit_of
from tui.widgets.bars import fit as cells
from tui.widgets.choosers import Pick, PickList
from tui.widgets.clickable import Hints
from tui.widgets.whole import WholeScreen

if TYPE_CHECKING:
    from engine.memory.fit import Fit
    from engine.memory.make_fit import Change
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

KEEP = "keep"
MOST = 9
GIB_WIDTH, TIME_WIDTH = 5, 6
_LEAST_TITLE, _BESIDE_TITLE = 51, 23
"""Cells of a change's name in the smallest window, and those of all that stands beside it."""


class MakeFitScreen(WholeScreen, ModalScreen[None]):
    """Changes the draft and calls ``changed`` after each change, with ``facts.fit`` worked out anew.

    Esc takes back what was applied here; whatever was kept can be taken back on a later visit.
    """

    AUTO_FOCUS = "PickList"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"apply({number})", f"Change {number}", show=False) for number in range(1, MOST + 1)),
        Binding("u", "undo", "Take back"),
        Binding("k,f7", "keep", "Keep"),
        Binding("escape", "restore", "As it was"),
        *keys.over_dialog("help", "copy", "quit"),
    ]
    CSS = """
    MakeFitScreen .dialog { width: 80; padding: 0 2; }
    MakeFitScreen.-wide .dialog { width: 76%; }
    MakeFitScreen.-tall .dialog { padding: 1 2; }
    MakeFitScreen #remedy-header { margin: 1 0 0 0; color: $muted; }
    MakeFitScreen #remedy-list { max-height: 10; }
    MakeFitScreen #remedy-reason { height: 2; margin: 1 0 0 0; }
    MakeFitScreen .dialog-title { margin-bottom: 0; }
    MakeFitScreen #remedy-legend { color: $muted; }
    """

    def __init__(self, draft: Draft, facts: Facts, changed: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._draft, self._facts, self._changed = draft, facts, changed
        self._applied_before = len(facts.remedies)
        self._changes: list[Change] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(text("settings.fit-title"), markup=False, classes="dialog-title")
            yield Static(id="remedy-verdict")
            yield Static(id="remedy-header")
            yield PickList(title_width=_LEAST_TITLE, id="remedy-list")
            yield Static(id="remedy-reason")
            yield Static(Content(text("settings.fit-legend")), id="remedy-legend")
            yield Hints(text("settings.fit-keys"), ("choose", "undo", "keep", "help", "restore"))

    def on_mount(self) -> None:
        self._show()

    def on_resize(self) -> None:
        self.call_after_refresh(self._lay_out)

    def _lay_out(self) -> None:
        """The names of the changes have what room the window gives."""
        width = max(_LEAST_TITLE, self._list.content_size.width - _BESIDE_TITLE)
        self._list.title_width = width
        self._list.refresh()
        self.query_one("#remedy-header", Static).update(Content(_header(width)))

    @property
    def _list(self) -> PickList:
        return self.query_one(PickList)

    def _show(self) -> None:
        """Verdict and changes as the draft stands now; the cursor on the best, or on Keep once it fits."""
        fit = self._facts.fit
        fits = fit is not None and fit.verdict.level == "fits"
        self._changes = _offered(fit)[:MOST] if fit and not fits else []
        picks = [_pick(number, change, fit) for number, change in enumerate(self._changes, start=1) if fit]
        picks.append(Pick(KEEP, text("settings.fit-keep"), " "))
        self._list.set_picks(picks)
        self._list.choose(picks[0].id)
        self._list.mark("")
        self.query_one("#remedy-header").display = bool(self._changes)
        self.query_one("#remedy-legend").display = bool(self._changes)
        self.query_one("#remedy-verdict", Static).update(self._verdict(fit))
        self._explain()

    def _verdict(self, fit: Fit | None) -> Content:
        if fit is None:
            return Content(text("settings.fit-unknown"))
        room = text("settings.fit-room", needs=fit_words.needs(fit), device=shorten(fit.budget.name, 30))
        where = f"\n{clauses(room, fit_words.others(fit.budget, short=True))}"
        parts: list[tuple[str, str] | str] = [
            (fit_words.verdict(fit), f"bold ${fit_words.STYLES[fit.verdict.level]}"),
            where,
        ]
        if self._facts.remedies:
            titles = clauses(*(text(applied.what) for applied in self._facts.remedies))
            parts.append((f"\n{text('settings.fit-applied', changes=shorten(titles, 64))}", "bold"))
        return Content.assemble(*parts)

    @property
    def _under_cursor(self) -> Change | None:
        pick = self._list.current
        return next((change for change in self._changes if pick and change.what.code == pick.id), None)

    def copied(self) -> str:
        """The settings of the change under the cursor, a line each, as `tunedeck run CONFIG --set` takes them."""
        change = self._under_cursor
        return "\n".join(fields.assignment(*each) for each in change.settings.items()) if change else ""

    def _explain(self) -> None:
        change, fit = self._under_cursor, self._facts.fit
        reason = part(change.what, "why") if change else ""
        if fit is not None and fit.verdict.level == "too much" and not any(change.fits for change in self._changes):
            reason = text("settings.fit-nothing")
        self.query_one("#remedy-reason", Static).update(Content(reason))

    @on(PickList.Moved)
    def _moved(self) -> None:
        self._explain()

    @on(PickList.Chosen)
    async def _chosen(self, event: PickList.Chosen) -> None:
        event.stop()
        if event.pick.id == KEEP:
            self.action_keep()
            return
        await self._apply(next(change for change in self._changes if change.what.code == event.pick.id))

    def action_choose(self) -> None:
        self._list.action_choose()

    async def action_apply(self, number: int) -> None:
        if number <= len(self._changes):
            await self._apply(self._changes[number - 1])

    async def _apply(self, change: Change) -> None:
        self._facts.remedies.append(changes.apply(self._draft, change.what, change.settings))
        await self._refit()

    async def action_undo(self) -> None:
        if self._facts.remedies:
            changes.take_back(self._draft, self._facts.remedies.pop())
            await self._refit()

    def action_keep(self) -> None:
        self.dismiss(None)

    async def action_restore(self) -> None:
        while len(self._facts.remedies) > self._applied_before:
            changes.take_back(self._draft, self._facts.remedies.pop())
        await self._refit()
        self.dismiss(None)

    async def _refit(self) -> None:
        self._facts.fit = fit_of(self._draft, self._facts)
        await self._changed()
        self._show()


def helps(facts: Facts) -> bool:
    """Whether there is something to make fit, or something to take back."""
    return facts.fit is not None and (facts.fit.verdict.level != "fits" or bool(facts.remedies))


def _header(title_width: int) -> str:
    time = text("settings.fit-time")
    blank = " " * (TIME_WIDTH - cell_len(time))
    return f"  {'':{title_width}} {'GiB':>{GIB_WIDTH}} {blank}{time}  {text('settings.fit-result')}"


def _offered(fit: Fit) -> list[Change]:
    """What to offer, the best first: all together where no single change is enough."""
    plan = fit.plan()
    return [*([plan.together] if plan.together else []), *plan.changes]


def _pick(number: int, change: Change, fit: Fit) -> Pick:
    saved = -change.saved_bytes / 2**30
    time = f"{max(change.slow_down, 0.0) * 100:+.0f}%"
    result = text("settings.fit-same" if change.same_result else "settings.fit-other")
    tail = f"{time:>{TIME_WIDTH}}  {cells(result, 6)}"
    shown = f"{saved:.1f}" if abs(saved) < 100 else f"{saved:.0f}"
    name = f"{number} {_mark(change, fit)} {text(change.what)}"
    return Pick(change.what.code, name, f"{shown:>{GIB_WIDTH}}", tail=tail)


def _mark(change: Change, fit: Fit) -> str:
    """What the verdict would be after this change alone."""
    from engine.memory.estimate import TIGHT_BYTES, TIGHT_SHARE

    spare = fit.verdict.spare_bytes + change.saved_bytes
    if spare < 0:
        return " "
    return "*" if spare >= max(TIGHT_BYTES, TIGHT_SHARE * fit.budget.available_bytes) else "~"
