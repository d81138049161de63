"""Sentences are put together from codes, in the language of the process, and nothing that comes in can break them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.messages import catalogue, language
from engine.messages.catalogue import CatalogueError, part, text
from engine.messages.message import Message

_EN = """
# A comment
plain = A text
rows = { COUNT($rows, "row", "rows") } of { $name }, { PERCENT($share, digits: 1) }
unread = The file can't be read
    .message = { $path }: { $reason }.
    .hint =
        First line.

          Indented { $path }
reason = row { $row } is no JSON
mixed = { $rows ->
    [0] No rows in { -product }
    [one] { $rows } row
   *[other] { NUMBER($rows) } rows
} of { $name }: { LIST($others) }
-product = tunedeck
only-english = English
either = { OR($choices) }
whole = Because: { WHOLE($reason) }
"""
_ZH = """
plain = 一段文字
rows = { $name } 的 { NUMBER($rows) } 行，占 { PERCENT($share, digits: 1) }
either = { OR($choices) }
whole = 原因：{ WHOLE($reason) }
unread = 无法读取文件
    .message = { $path }：{ $reason }。
reason = 第 { $row } 行不是 JSON
"""


@pytest.fixture(autouse=True)
def _catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A room ``try`` in both languages."""
    for spoken, source in (("en", _EN), ("zh", _ZH)):
        (tmp_path / spoken).mkdir()
        (tmp_path / spoken / "try.ftl").write_text(source, "utf-8")
    monkeypatch.setattr(catalogue, "_FOLDER", tmp_path)
    caches = (catalogue._entries, catalogue._entry, catalogue._bundle)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


def test_arguments_are_formatted_by_their_kind() -> None:
    assert text("try.rows", rows=1, name="a.jsonl", share=0.125) == "1 row of a.jsonl, 12.5%"
    assert text("try.rows", rows=12300, name="a.jsonl", share=1.0) == "12,300 rows of a.jsonl, 100%"


def test_a_message_and_a_list_in_an_argument_are_shown_in_their_place() -> None:
    reason = Message("try.reason", row=7)
    unread = Message("try.unread", path="a.jsonl", reason=reason)
    assert part(unread, "message") == "a.jsonl: row 7 is no JSON."
    assert text("try.either", choices=["a", reason, 3]) == "a, row 7 is no JSON or 3"
    assert text("try.whole", reason=unread) == (
        "Because: The file can't be read: a.jsonl: row 7 is no JSON. First line.\n\n  Indented a.jsonl."
    )


def test_lines_keep_the_indent_they_do_not_share() -> None:
    assert part(Message("try.unread", path="x", reason=""), "hint") == "First line.\n\n  Indented x"


@pytest.mark.parametrize(
    ("rows", "said"),
    [(0, "No rows in tunedeck of f: a and b"), (1, "1 row of f: a and b"), (2000, "2,000 rows of f: a and b")],
)
def test_selectors_and_terms_are_those_of_fluent(rows: int, said: str) -> None:
    assert text("try.mixed", rows=rows, name="f", others=["a", "b"]) == said


def test_chinese_is_spoken_when_asked_and_english_where_it_has_no_text() -> None:
    language.use("zh")
    assert text("try.plain") == "一段文字"
    assert text("try.rows", rows=12300, name="a.jsonl", share=0.5) == "a.jsonl 的 12,300 行，占 50%"
    assert text("try.either", choices=["a", "b", "c"]) == "a、b 或 c"
    assert text("try.only-english") == "English"
    assert text("try.whole", reason=Message("try.unread", path="x", reason=Message("try.reason", row=1))) == (
        "原因：无法读取文件：x：第 1 行不是 JSON。"
    )


def test_an_attribute_that_is_not_there_is_empty() -> None:
    assert part(Message("try.plain"), "hint") == ""


@pytest.mark.parametrize("rows", [3, "3"])
def test_what_comes_in_can_neither_steer_a_terminal_nor_break_the_line(rows: object) -> None:
    hostile = "a\x1b]0;title\x07\nb\u202e{ $rows }"
    assert text("try.rows", rows=rows, name=hostile, share=1) == "3 rows of a b{ $rows }, 100%"
    assert (
        text("try.mixed", rows=3, name=hostile, others=[hostile, "c"]) == "3 rows of a b{ $rows }: a b{ $rows } and c"
    )
    assert text(Message.literal("a\x1b[31mb")) == "ab"


def test_a_very_long_argument_is_no_trouble_for_fluent() -> None:
    assert text("try.mixed", rows=3, name="x" * 9000, others=["a"]).startswith("3 rows of xxx")


def test_a_missing_code_or_argument_ends_a_test_and_shows_a_person_what_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for code in ("try.nothing", "nowhere.nothing", "../x.y", "try.rows", "try.mixed"):
        with pytest.raises(CatalogueError):
            text(code)
    monkeypatch.delenv(catalogue.STRICT)
    assert text("try.nothing") == "try.nothing"
    assert text("nowhere.nothing") == "nowhere.nothing"
    assert text("try.rows", rows="many", name="f") == "many rows of f, {$share}"
    assert text("try.rows", rows=[1], name="f", share=Message("try.plain")) == "1 of f, A text"
    assert "of" in text("try.mixed")


def test_fluent_is_loaded_only_for_what_needs_it() -> None:
    code = (
        "import sys; from engine.common.errors import DataError; "
        "DataError('messages.unknown-language', given='x', known=['en']).said; "
        "print([each for each in sys.modules if each.startswith(('fluent', 'babel'))])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert loaded.stdout.strip() == "[]"
