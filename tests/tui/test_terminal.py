"""What a terminal can do is decided from its environment alone."""

from __future__ import annotations

import pytest

from engine.common.errors import MachineError
from tui.terminal import Flags, inspect, textual_environment


@pytest.mark.parametrize(
    ("env", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "screen-256color"}, "256"),
        ({"TERM": "xterm-kitty"}, "256"),
        ({"TERM": "xterm-direct"}, "truecolor"),
        ({"TERM": "xterm"}, "16"),
        ({"TERM": "linux"}, "16"),
        ({}, "16"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "none"),
    ],
)
def test_colours_follow_the_terminal(env: dict[str, str], colours: str) -> None:
    assert inspect(env, True, "utf-8").colours == colours


@pytest.mark.parametrize(
    ("env", "encoding", "unicode"),
    [
        ({"TERM": "xterm", "LANG": "en_US.UTF-8"}, "utf-8", True),
        ({"TERM": "xterm", "LC_ALL": "C.UTF-8", "LANG": "C"}, "utf-8", True),
        ({"TERM": "xterm"}, "utf-8", True),
        ({"TERM": "xterm", "LC_ALL": "C"}, "utf-8", False),
        ({"TERM": "xterm", "LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"TERM": "xterm", "LANG": "de_DE.ISO-8859-1"}, "iso8859-1", False),
        ({"TERM": "linux", "LANG": "en_US.UTF-8"}, "utf-8", False),
    ],
)
def test_ascii_where_the_locale_or_the_console_is_not_utf_8(env: dict[str, str], encoding: str, unicode: bool) -> None:
    assert inspect(env, True, encoding).unicode is unicode


def test_a_dumb_terminal_is_refused_with_the_way_on() -> None:
    with pytest.raises(MachineError) as refused:
        inspect({"TERM": "dumb"}, True, "utf-8")
    assert "dumb" in refused.value.message
    assert "tunedeck run" in refused.value.hint


def test_a_redirected_stderr_is_refused_with_the_way_on() -> None:
    with pytest.raises(MachineError) as refused:
        inspect({"TERM": "xterm"}, False, "utf-8")
    assert "stderr" in refused.value.message
    assert "tunedeck status" in refused.value.hint


def test_flags_beat_what_was_found() -> None:
    found = inspect({"TERM": "xterm-256color", "LANG": "C.UTF-8"}, True, "utf-8", Flags(True, "16", False))
    assert (found.unicode, found.colours, found.mouse) == (False, "16", False)


def test_nothing_is_animated_and_redraws_are_rarer_over_ssh() -> None:
    near = textual_environment(inspect({"TERM": "xterm"}, True, "utf-8"))
    far = textual_environment(inspect({"TERM": "xterm", "SSH_CONNECTION": "1 2 3 4"}, True, "utf-8"))
    assert near["TEXTUAL_ANIMATIONS"] == "none"
    assert int(far["TEXTUAL_FPS"]) < int(near["TEXTUAL_FPS"])
    assert near["TEXTUAL_COLOR_SYSTEM"] == "standard"
