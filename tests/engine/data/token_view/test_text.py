"""An X-ray reads without colour: its marks say what is trained, blanks show, and nothing in it steers a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.common.clean_text import clean
from engine.data.token_view.form import Part, Piece, Verdict, Xray
from engine.data.token_view.report import WIDTH, cells, folded, lines_of
from engine.data.token_view.text import ASCII, UNICODE, Detail, Signs, spans, summary, visible
from engine.messages.message import Message

END = Piece((2,), "<|im_end|>", "trained", True)
RAY = Xray(
    "a.jsonl", 1, "a", "trained",
    (Verdict("begin", True, Message("xray.begin-none")), Verdict("stop", False, Message("xray.stop-none"))),
    (
        Part(
            (
                Piece((1,), "<|im_start|>", "context", True), Piece((5,), "user", "context"),
                Piece((6,), "\n", "context"),
                Piece((7, 8), "好", "trained"), Piece((9,), "  x", "trained"), END, Piece((6,), "\n", "cut"),
                Piece((2, 2), "<|im_end|>", "padding"),
            ),
            9, 4, 11,
        ),
    ),
)  # fmt: skip


def text(signs: Signs, detail: Detail = "text") -> str:
    return "".join(span.text for span in spans(RAY, signs, detail))


def test_the_marks_tell_the_states_apart() -> None:
    assert text(UNICODE) == "{<|im_start|>}user↵\n»好␣␣x{<|im_end|>}«[cut: ↵\n][padding: 2 x <|im_end|>]"
    assert text(ASCII) == ("{<|im_start|>}user<nl>\n[+好<sp><sp>x{<|im_end|>}+][cut: <nl>\n][padding: 2 x <|im_end|>]")


def test_the_bounds_of_tokens_and_their_ids_can_be_shown() -> None:
    assert text(ASCII, "tokens").startswith("{<|im_start|>}|user|<nl>\n[+好|  x|{<|im_end|>}+]")
    assert text(UNICODE, "ids").startswith("{<|im_start|>}:1 user:5 ↵:6\n»好:7,8 ␣␣x:9 {<|im_end|>}:2«")


def test_blanks_show_where_they_could_be_missed() -> None:
    assert visible(" a b  c \n d", UNICODE) == "␣a b␣␣c␣↵\n␣d"
    assert visible("    a\tb", ASCII) == "<4sp>a<tab>b"


@given(st.text())
def test_nothing_shown_steers_a_terminal(words: str) -> None:
    for signs in (UNICODE, ASCII):
        shown = visible(words, signs)
        assert clean(shown) == shown
        assert not any(character != "\n" and ord(character) < 32 for character in shown)


def test_what_is_hidden_is_named() -> None:
    assert visible("a\x1b[31mb\u200bc\u202e\r", UNICODE) == "a<0x1B>[31mb<U+200B>c<U+202E><0x0D>"
    assert visible("👨\u200d👩\u200d👧", UNICODE) == "👨\u200d👩\u200d👧", "one emoji stays one"


def test_the_summary_is_one_line_and_names_what_is_right() -> None:
    assert summary(RAY) == "trained on  4 of 9 tokens trained, 44%  ok: begin"


def test_pieces_of_a_split_row_are_numbered_and_hidden_tokens_counted() -> None:
    part = Part((END,), 70, 1, 72, hidden=69)
    ray = Xray("a", 1, "a", "trained", (), (part, part))
    shown = "".join(span.text for span in spans(ray, ASCII))
    assert shown.startswith(
        "[piece 1 of 2: 70 tokens]\n[+{<|im_end|>}+]\n[69 more tokens are not shown]\n[piece 2 of 2"
    )


def test_a_row_without_tokens_is_shown_in_its_own_words() -> None:
    ray = Xray("a", 1, "a", "left-out", (), words="user: hi\x1b")
    assert "".join(span.text for span in spans(ray, ASCII)).endswith("no tokens]\nuser: hi<0x1B>")


@given(st.text(max_size=400), st.integers(10, 79))
def test_lines_fold_within_their_columns_and_lose_no_letter(words: str, width: int) -> None:
    shown = visible(words, UNICODE)
    lines = list(folded(shown, width))
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "").replace("\n", "") == shown.replace(" ", "").replace("\n", "")


def test_the_report_keeps_to_its_columns_and_ends_with_the_verdicts() -> None:
    lines = list(lines_of(RAY, ASCII))
    assert all(cells(line) <= WIDTH for line in lines)
    assert lines[0] == "a.jsonl, row 1: trained on"
    assert lines[-2:] == ["ok No begin token: this model has none.", "!  No stop token is trained."]
