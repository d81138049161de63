"""As many panes are shown as there is room for; a person's choice stays, and comes back."""

from __future__ import annotations

import pytest

from tui.monitor.layout import PANES, Panes, room_of

SHORT, WIDE, VAST = room_of(80, 24), room_of(120, 40), room_of(200, 60)


@pytest.mark.parametrize(
    ("size", "ended", "shown"),
    [
        ((80, 24), False, ("loss", "log")),
        ((80, 24), True, ("samples",)),
        ((80, 50), False, ("loss", "samples", "log")),
        ((120, 24), False, ("loss", "samples", "log")),
        ((120, 40), False, ("loss", "memory", "samples", "log")),
        ((120, 40), True, ("loss", "memory", "samples", "log")),
    ],
)
def test_what_is_usually_shown(size: tuple[int, int], ended: bool, shown: tuple[str, ...]) -> None:
    assert Panes().shown(room_of(*size), ended, sources=2) == shown


def test_the_largest_window_shows_all_and_leaves_out_a_single_source() -> None:
    assert Panes().shown(VAST, False, sources=2) == PANES
    assert "sources" not in Panes().shown(VAST, False, sources=1)


def test_in_a_small_window_a_pane_takes_the_place_of_one_of_its_kind() -> None:
    panes, shown = Panes(), ("loss", "log")
    for name, then in (
        ("memory", ("memory", "log")), ("samples", ("memory", "samples")), ("memory", ("samples",)),
        ("samples", ("samples",)), ("loss", ("loss", "samples")),
    ):  # fmt: skip
        panes.toggle(name, shown, SHORT)
        shown = panes.shown(SHORT, False, 1)
        assert shown == then


def test_what_was_chosen_comes_back_where_there_is_room_again() -> None:
    panes = Panes()
    panes.choose(["loss", "memory", "nonsense", "log"])
    assert panes.shown(SHORT, False, 1) == ("memory", "log")
    assert panes.shown(WIDE, False, 1) == ("loss", "memory", "log")
    panes.choose([])
    assert panes.shown(SHORT, False, 1) == ("loss", "log")
