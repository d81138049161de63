"""What is as it was is not worked out, drawn up or written again: each key is answered at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.screen import Screen

from tests.tui.machines import gpu, with_gpus
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.steering import enter, press, to_data
from tui.draft import draft as drafts
from tui.flow import fit_refresh
from tui.widgets.bars import KeyBar


def counted(patch: pytest.MonkeyPatch, holder: Any, name: str) -> list[tuple[Any, ...]]:
    """What ``name`` is called with from now on; it works as before."""
    calls: list[tuple[Any, ...]] = []
    real = getattr(holder, name)

    def call(*args: Any, **more: Any) -> Any:
        calls.append(args)
        return real(*args, **more)

    patch.setattr(holder, name, call)
    return calls


async def test_a_screen_that_opens_is_laid_out_once_for_its_size(
    open_wizard: Opener, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_wizard() as (app, pilot):
        calls = counted(monkeypatch, Screen, "_refresh_layout")
        await press(app, pilot, "f1")
        assert len([args for args in calls if args[0] is app.screen and len(args) > 1]) == 1


async def test_where_the_focus_moves_only_what_shows_it_is_styled(
    open_wizard: Opener, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    styled: set[DOMNode] = set()
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        real = Stylesheet.update_nodes

        def update_nodes(self: Stylesheet, nodes: Any, **more: Any) -> None:
            nodes = list(nodes)
            styled.update(nodes)
            real(self, nodes, **more)

        monkeypatch.setattr(Stylesheet, "update_nodes", update_nodes)
        before = app.focused
        await press(app, pilot, "tab")
        moved = [each for each in (before, app.focused) if each is not None]
        assert before is not app.focused
        about = {child for each in moved for child in each.walk_children(with_self=True)}
        assert styled
        assert {node for node in styled - about if not node._has_focus_within} == set()


async def test_what_changes_nothing_is_neither_weighed_nor_written_again(
    open_wizard: Opener, model: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_wizard(machine=with_gpus(gpu())) as (app, pilot):
        await enter(app, pilot, 1)
        app.wizard._touched()
        fits, kept = counted(monkeypatch, fit_refresh, "fit_of"), counted(monkeypatch, drafts, "save")
        for _ in range(3):
            app.wizard._touched()
        assert (fits, kept) == ([], [])
        app.wizard.draft.set("train.batch_size", 5)
        app.wizard._touched()
        assert (len(fits), len(kept)) == (1, 1)


async def test_the_bar_asks_about_its_keys_once_for_one_message(
    open_wizard: Opener, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_wizard() as (app, pilot):
        shown = counted(monkeypatch, KeyBar, "_show")
        for _ in range(5):
            app.wizard.refresh_bindings()
        await pilot.pause()
        assert len(shown) == 1
