"""No key means two unlike things, and docs/keys.md says what each does.

``TUNEDECK_WRITE_DOCS=1 python -m pytest tests/tui/test_keys.py`` writes the document anew.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.screen import Screen

import tui
from engine.messages.catalogue import text
from tui import keys
from tui.keys import Key

DOCS = Path(__file__).resolve().parents[2] / "docs" / "keys.md"
RUNS = {
    "Home": keys.HOME, "History": keys.FAMILY, "Adapter": keys.ADAPTER, "Themes": keys.THEMES, "Compare": keys.COMPARE,
    "Monitor": keys.MONITOR, "Chart": keys.CHART, "Evaluate": keys.EVALUATE, "Strength": keys.STRENGTH,
    "Export": keys.EXPORT, "Mix of adapters": keys.MIXING, "Chat": keys.CHAT, "Command palette": keys.PALETTE,
}  # fmt: skip
"""Screens about runs and models."""
ROWS = {
    "Wizard": keys.WIZARD, "Data quality": keys.DOCTOR, "Columns": keys.COLUMNS, "X-ray": keys.XRAY,
    "Data mix": keys.MIX, "Judge": keys.JUDGE,
}  # fmt: skip
"""Screens about rows and answers."""
HANDS = {
    "enter": {"open", "keep", "start", "xray"},
    "escape": {"leave"},
    "q": {"leave"},
    "question_mark": {"help", "why"},
    "f1": {"help", "why"},
    "slash": {"filter", "search"},
    "n": {"next_hit"},
    "N": {"previous_hit"},
    "s": {"sort"},
    "y": {"copy"},
    "colon": {"palette"},
    "f12": {"picture"},
    "delete": {"delete", "throw_away", "all"},
}
"""What keys of the hand do, wherever they do something."""
ALIKE = (
    {"evaluate", "again", "measure"}, {"losses"}, {"compare", "differ", "overlay"}, {"mark", "crosshair", "choose_tie"},
    {"preset", "pane"}, {"keep", "start"}, {"detail", "unit"}, {"verdict", "verdicts"},
    {"attend", "spike"}, {"cancel"}, {"left", "turn_back", "less", "previous_type", "previous_row", "choose_left"},
    {"right", "turn_on", "more", "next_type", "next_row", "choose_right"}, {"zoom_in", "type_share"},
    {"zoom_out", "all"}, {"go", "choose_tie"}, {"scroll", "row_on", "row_back", "move"}, {"next", "start", "accept"},
)  # fmt: skip
"""Actions that are one to the hand."""
EXCEPTIONS = {
    ("n", "new"): "Home has no matches to go to: its filter leaves out the other runs",
    ("c", "cycle"): "the next view of a comparison; elsewhere it compares",
    ("d", "density"): "the share that a mix keeps; on home the demo",
    ("g", "sample"): "answers now; on home it continues training",
    ("l", "language"): "home has no chart, whose axis it turns elsewhere",
    ("b", "choose_right"): "the answers are called A and B",
    ("a", "choose_left"): "the answers are called A and B",
}
"""Keys that mean something else on one screen, and why."""


def parts(table: tuple[Key, ...]) -> Iterator[tuple[str, str]]:
    """Each key of ``table`` with its action's name. What a step of the wizard does by F2 to F10 is that step's."""
    for key in table:
        if not key.of_step:
            for pressed in key.key.split(","):
                yield pressed, key.id.split("(")[0]


@pytest.mark.parametrize("screens", [RUNS, ROWS], ids=["runs", "rows"])
def test_a_key_means_the_same_on_every_screen_of_a_kind(screens: dict[str, tuple[Key, ...]]) -> None:
    meant: dict[str, tuple[str, str]] = {}
    wrong = []
    for screen, table in screens.items():
        for pressed, action in parts(table):
            is_toggle = action == "leave" and pressed not in HANDS  # the key that opened it closes it
            if (pressed, action) in EXCEPTIONS or is_toggle or (pressed.startswith("f") and pressed[1:].isdigit()):
                continue
            where, before = meant.setdefault(pressed, (screen, action))
            alike = next((each for each in ALIKE if before in each), {before}) | HANDS.get(pressed, set())
            if action not in alike and not any({before, action} <= each for each in ALIKE):
                wrong.append(f"{pressed}: {action} on {screen}, {before} on {where}")
    assert wrong == []


def test_keys_of_the_hand_do_what_the_hand_expects_everywhere() -> None:
    wrong = [
        f"{pressed}: {action} on {screen}"
        for screen, table in (RUNS | ROWS | {"everywhere": keys.EVERYWHERE}).items()
        for pressed, action in parts(table)
        if pressed in HANDS and action not in HANDS[pressed] and (pressed, action) not in EXCEPTIONS
    ]
    assert wrong == []


def test_where_the_slash_searches_n_goes_on_and_where_it_filters_the_help_says_so() -> None:
    slashed = {
        screen: table for screen, table in (RUNS | ROWS).items() if "slash" in [pressed for pressed, _ in parts(table)]
    }
    of = {screen: dict(parts(table))["slash"] for screen, table in slashed.items()}
    assert set(of.values()) == {"filter", "search"}
    for screen, table in slashed.items():
        said = next(key.text for key in table if key.id == of[screen])
        goes_on = {("n", "next_hit"), ("N", "previous_hit")} & {*parts(table)}
        assert (said, len(goes_on)) == (("Search", 2) if of[screen] == "search" else ("Filter", 0)), screen


def test_no_exception_is_left_of_a_key_that_is_gone() -> None:
    there = {pair for table in (RUNS | ROWS).values() for pair in parts(table)}
    assert set(EXCEPTIONS) <= there


def test_every_table_of_keys_is_in_the_document() -> None:
    known = {id(table) for table in (*RUNS.values(), *ROWS.values(), keys.EVERYWHERE, keys.CHAT_DIALOG)}
    tables = [name for name, value in vars(keys).items() if isinstance(value, tuple) and value]
    assert [name for name in tables if id(getattr(keys, name)) not in known] == []


def written() -> str:
    """The document: a table a screen."""
    lines = [
        "# Keys", "",
        "Made from `tui/keys.py` by `tests/tui/test_keys.py`. `Enter` opens or acts, `Esc` goes back, `q` leaves, `?`",
        "explains, `/` filters or searches, `n` and `N` go to the next and the previous match, `s` sorts, `y` copies,",
        "`:` finds everything. In a line of text letters are text: there `ctrl+p`, `F1` and `Esc` do the same.",
    ]  # fmt: skip
    for screen, table in ({"Everywhere": keys.EVERYWHERE} | RUNS | ROWS).items():
        lines += ["", f"## {screen}", "", "| key | | what it does |", "|---|---|---|"]
        lines += [f"| {shown(key)} | {key.text} | {key.tooltip} |" for key in table]
    lines += ["", "## Where a key means something else", "", "| key | why |", "|---|---|"]
    lines += [f"| `{pressed}` | {why} |" for (pressed, _), why in EXCEPTIONS.items()]
    return "\n".join(lines) + "\n"


def shown(key: Key) -> str:
    """All keys of an action, as they are called on a keyboard."""
    named = {
        "question_mark": "?", "slash": "/", "colon": ":", "plus": "+", "minus": "-", "equals_sign": "=",
        "exclamation_mark": "!", "escape": "Esc", "delete": "Del", "pagedown": "PgDn", "pageup": "PgUp",
    }  # fmt: skip
    words = []
    for pressed in key.key.split(","):
        is_plain = len(pressed) == 1 or "+" in pressed
        words.append(named.get(pressed, pressed if is_plain else pressed.capitalize()))
    return " ".join(f"`{word}`" for word in words)


def test_the_document_says_what_the_keys_do() -> None:
    assert text("keys.copy") == "Copy", "the document is in English"
    if os.environ.get("TUNEDECK_WRITE_DOCS"):
        DOCS.write_text(written(), "utf-8")
    assert DOCS.read_text("utf-8") == written(), "TUNEDECK_WRITE_DOCS=1 writes it anew"


def screens() -> list[type[Screen[object]]]:
    """Every screen of the program."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        if module.name != "tui.__main__":
            importlib.import_module(module.name)
    found, waiting = [], [Screen]
    while waiting:
        below = [each for each in waiting.pop().__subclasses__() if each.__module__.startswith("tui.")]
        found += below
        waiting += below
    return found


def test_every_table_of_keys_that_a_screen_binds_is_in_its_help() -> None:
    tables = {name: table for name, table in vars(keys).items() if isinstance(table, tuple) and table}
    missing = []
    for screen in screens():
        bound = {(each.key, each.action) for each in getattr(screen, "BINDINGS", ()) if isinstance(each, Binding)}
        told = [table for _, table in getattr(screen, "KEY_TABLES", ())]
        missing += [
            f"{screen.__name__}: {name}" for name, table in tables.items()
            if {(key.key, key.id) for key in table} <= bound and table not in told
        ]  # fmt: skip
    assert missing == []
