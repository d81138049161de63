"""Text in lines of a given width: broken at spaces, indents kept."""

from __future__ import annotations

import pytest

from tui.widgets.wrapping import wrap


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("  `- keys/merged", 40, ["  `- keys/merged"]),
        ("  a bb ccc", 6, ["  a bb", "ccc"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("          far in", 8, ["    far", "in"]),
        ("one\n\ntwo", 9, ["one", "", "two"]),
        ("", 5, [""]),
    ],
)
def test_lines_break_at_spaces_and_keep_their_indent(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines
