"""Stop strings: how they are typed, and that a text which grows never shows one, however it comes in pieces."""

from __future__ import annotations

import pytest

from engine.models.stop_strings import Until, meant, read, written


@pytest.mark.parametrize(
    ("typed", "stop"),
    [
        ("User:, </s>", ("User:", "</s>")),
        (r"\nUser:,\n\n", ("\nUser:", "\n\n")),
        (r"a\, b, \\n", ("a, b", "\\n")),
        (r"<|im_end|>, \ x\ ", ("<|im_end|>", " x ")),
        ("。, 用户：", ("。", "用户：")),
        ("END\\", ("END\\",)),
        (" , ,", ()),
        ("a, a", ("a",)),
    ],
)
def test_stop_strings_are_read_as_typed_and_written_so_that_they_are_read_again(
    typed: str, stop: tuple[str, ...]
) -> None:
    assert read(typed) == stop
    assert read(written(stop)) == stop
    assert "\n" not in written(stop)


def test_one_from_the_command_line_keeps_its_commas_and_blanks() -> None:
    assert meant(r" a, b\n") == " a, b\n"


def shown(stop: tuple[str, ...], pieces: list[str]) -> tuple[str, bool]:
    until = Until(stop)
    said = "".join(until.add(piece) for piece in pieces)
    return said + until.end(), until.is_met


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_stop_string_is_found_however_it_is_cut(cut: int) -> None:
    text = "Two teas.\nUser: and more"
    pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
    assert shown(("\nUser:",), pieces) == ("Two teas.", True)
    assert shown(("\nModel:",), pieces) == (text, False)


def test_nothing_of_a_stop_string_is_shown_before_it_is_whole() -> None:
    until = Until(("END",))
    assert [until.add(piece) for piece in ("a", "bE", "N", "x", "EEN", "D y")] == ["a", "b", "", "ENx", "E", ""]
    assert until.is_met
    assert (until.add("more"), until.end()) == ("", "")


def test_the_first_of_several_counts() -> None:
    assert shown(("teas", "Two t"), ["Two ", "teas, please"]) == ("", True)
    assert shown(("b", "ab"), ["xab"]) == ("x", True)
    assert shown(("aab",), ["aaab"]) == ("a", True)  # the beginning of one within another try
    assert shown((), ["a", "b"]) == ("ab", False)


def test_what_only_began_like_one_is_shown_in_the_end() -> None:
    assert shown(("\nUser:",), ["Yes.", "\nUse"]) == ("Yes.\nUse", False)
