"""Text in lines of a given width: broken at spaces, indents kept."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.text import Text

from tui.widgets.line import cut, cut_cells, cut_path, wrap


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("  `- keys/merged", 40, ["  `- keys/merged"]),
        ("  a bb ccc", 6, ["  a bb", "ccc"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("          far in", 8, ["    far", "in"]),
        ("one\n\ntwo", 9, ["one", "", "two"]),
        ("", 5, [""]),
        ("按 r 从 checkpoint-100 恢复。", 22, ["按 r 从 checkpoint-100", "恢复。"]),
        ("先快后慢地下降。", 14, ["先快后慢地下", "降。"]),
        ("saved (19 MB, 0.2 s), 6 min 12 s", 12, ["saved", "(19 MB,", "0.2 s),", "6 min 12 s"]),
        ("exact match 11% (n = 100)", 20, ["exact match 11%", "(n = 100)"]),
        ("GPU 0: 14.2 GiB.", 13, ["GPU 0:", "14.2 GiB."]),
        ("还需 6 分 12 秒。", 12, ["还需 6 分", "12 秒。"]),
        ("To /data/of/the/team/orders.", 14, ["To /data/of/", "the/team/", "orders."]),
        ("显存 14.2 GiB。", 13, ["显存", "14.2 GiB。"]),
    ],
)
def test_lines_break_at_spaces_and_keep_their_indent(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("killed by the system: out of memory", 27, "killed by the system..."),
        ("its generation settings stop at it", 30, "its generation settings..."),
        ("short enough", 12, "short enough"),
        ("a-name-without-any-space.jsonl", 12, "a-name-wi..."),
        ("好好好好好好", 8, "好好..."),
        ("one two", 2, ""),
    ],
)
def test_a_cut_is_at_the_end_of_a_word_where_there_is_one(text: str, width: int, shown: str) -> None:
    found = cut_cells(text, width)
    assert cell_len(found) <= width
    assert found == shown
    line = Text(text)
    cut(line, width)
    assert line.plain == found


@pytest.mark.parametrize(
    ("path", "width", "shown"),
    [
        ("/data/orders.jsonl", 18, "/data/orders.jsonl"),
        ("/data/of/the/team/orders.jsonl", 20, ".../orders.jsonl"),
        ("/data/of/the/team/orders.jsonl", 22, ".../team/orders.jsonl"),
        ("/data/a-name-without-any-space.jsonl", 15, "...-space.jsonl"),
        ("/数据/订单和地址.jsonl", 14, "...地址.jsonl"),
        ("/data/orders.jsonl", 2, ""),
    ],
)
def test_of_a_path_the_end_is_kept(path: str, width: int, shown: str) -> None:
    found = cut_path(path, width)
    assert cell_len(found) <= width
    assert found == shown
