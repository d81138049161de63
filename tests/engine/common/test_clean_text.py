"""Text of data and models must never steer the terminal it is shown on."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.common.clean_text import clean, shorten


@pytest.mark.parametrize(
    ("dirty", "safe"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;file:///etc\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;ZXZpbA==", ""),
        ("\x9b2Jgone", "gone"),
        ("\x1bPq#0\x1b\\after", "after"),
        ("\x1bcreset", "reset"),
        ("bell\x07", "bell\\x07"),
        ("nul\x00l", "nul\\x00l"),
        ("abc\u202edcba", "abcdcba"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("half \ud83d", "half \ufffd"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("tab\tstays", "tab\tstays"),
        ("日本語 ok é", "日本語 ok é"),
    ],
)
def test_text_is_safe_to_show(dirty: str, safe: str) -> None:
    assert clean(dirty) == safe


def test_one_line_has_no_breaks_or_tabs() -> None:
    assert clean("a\n\n\tb\u2028c", keep_newlines=False) == "a b c"


def test_a_cut_is_marked_and_fits() -> None:
    assert shorten("x" * 50, 10) == "xxxxxxx..."
    assert shorten(" short ", 10) == "short"
    assert shorten("\x1b[1m" * 5000 + "text", 8) == ""


@given(st.text(st.characters(codec=None), max_size=60))
def test_nothing_a_terminal_obeys_is_left(text: str) -> None:
    shown = clean(text)
    assert not any(ord(character) < 32 and character not in "\n\t" for character in shown)
    assert not any(0x7F <= ord(character) <= 0x9F for character in shown)
    shown.encode("utf-8")
    assert clean(shown) == shown


@given(st.text(max_size=60))
def test_printable_text_is_not_touched(text: str) -> None:
    printable = "".join(character for character in text if character.isprintable() and ord(character) < 0x250)
    assert clean(printable) == printable


def test_a_cut_is_at_the_end_of_a_word() -> None:
    assert shorten("its generation settings stop at it", 30) == "its generation settings..."
    assert shorten("one, two and three", 8) == "one..."
    assert shorten("a verylongwordwithoutanend", 12) == "a verylon..."


@pytest.mark.parametrize("width", range(8, 30))
def test_a_cut_leaves_no_half_of_a_number(width: int) -> None:
    for line in ("loss +0.176 over 1,024 texts, 95.5%", "损失上升 +0.176，共 1,024 段，占 95.5%"):
        kept = shorten(line, width).removesuffix("...")
        for number in re.findall(r"[\d.,]*\d%?", kept):
            assert number in ("0.176", "1,024", "95.5%"), kept
