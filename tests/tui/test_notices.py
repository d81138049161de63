"""The terminal is told of a run that ends or needs attention, once, and only while nobody looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common import paths
from tests.engine.runs.making import said
from tui.notices import TerminalNotices, is_wanted, sequence


@pytest.mark.parametrize(
    ("env", "made"),
    [
        ({"TERM": "xterm-kitty"}, "\x07\x1b]9;done now\x07"),
        ({"TERM": "foot"}, "\x07\x1b]777;notify;tunedeck;done now\x07"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7000"}, "\x07\x1b]777;notify;tunedeck;done now\x07"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x"}, "\x07\x1bPtmux;\x1b\x1b]9;done now\x07\x1b\\"),
        ({"TERM": "linux"}, "\x07"),
    ],
)  # fmt: skip
def test_each_terminal_gets_what_it_understands(env: dict[str, str], made: str) -> None:
    assert sequence("done\x1b\x07now", env) == made


def test_an_end_is_told_once_and_what_was_so_before_is_no_news() -> None:
    sent: list[str] = []
    notices = TerminalNotices(sent.append, lambda: True, {"TERM": "xterm"})
    notices.heard("a", "orders", "finished")
    for state in ("running", "running", "failed", "failed"):
        notices.heard("b", "orders", state, said("no memory"))
    assert len(sent) == 1
    assert "orders" in sent[0]
    assert "no memory" in sent[0]
    for seq in (0, 7, 7):
        notices.heard("c", "orders", "running", None, said("a spike"), seq)
    assert len(sent) == 2


def test_nobody_who_looks_is_disturbed() -> None:
    sent: list[str] = []
    notices = TerminalNotices(sent.append, lambda: False, {})
    notices.heard("a", "orders", "running")
    notices.heard("a", "orders", "finished")
    assert sent == []


def test_it_can_be_turned_off(home: Path) -> None:
    assert is_wanted({})
    assert not is_wanted({"TUNEDECK_BELL": "0"})
    paths.home().mkdir(parents=True, exist_ok=True)
    (paths.home() / "settings.json").write_text(json.dumps({"language": "en", "ui": {"bell": False}}))
    assert not is_wanted({})
    (paths.home() / "settings.json").write_text("[]")
    assert is_wanted({})
