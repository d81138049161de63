"""Every fault is seen in a row that has it, and in no clean one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.quality import privacy
from engine.data.quality.inspection import faults_of, has
from engine.data.rows.messages import Message, Row, ToolCall
from tests.engine.data.quality.making import CLEAN, asked, plain, row

KEY = "sk-" + "aB3dE5fG7hJ9kL2mN4pQ6rS8"


@pytest.mark.parametrize("name", list(CLEAN))
def test_nothing_is_found_in_a_clean_row(name: str) -> None:
    assert faults_of(CLEAN[name]) == {}


def test_nothing_is_found_in_the_demo() -> None:
    rows = Path(__file__).parents[4].joinpath("presets/demo/orders.jsonl").read_text().splitlines()
    assert len(rows) > 500
    for line in map(json.loads, rows):
        assert faults_of(asked(line["prompt"], line["completion"])) == {}


@pytest.mark.parametrize(
    ("code", "faulty"),
    [
        ("empty_answers", asked("Hi.", "")),
        ("empty_answers", asked("Hi.", " \n\t\u3000")),
        ("empty_answers", row("user: a", "assistant:  ", "user: b", "assistant: c")),
        ("empty_answers", plain(" \n ")),
        ("missing_user", row("assistant: Hello.")),
        ("missing_user", row("system: Be kind.", "assistant: Hello.")),
        ("missing_user", asked("  ", "Hello.")),
        ("role_order", row("user: a", "user: b", "assistant: c")),
        ("role_order", row("user: a", "assistant: b", "assistant: c")),
        ("role_order", row("user: a", "system: b", "assistant: c")),
        ("role_order", row("user: a", "tool: b", "assistant: c")),
        ("unanswered", row("user: a", "assistant: b", "user: c")),
        ("unanswered", row("user: a")),
        ("whitespace", asked("a", "\nb")),
        ("whitespace", asked("a", "b  ")),
        ("placeholders", asked("Who are you?", "I am {{name}}, made by {{ author }}.")),
        ("placeholders", asked("你是谁", "我是由 {{author}} 发明的 {{name}}。我可以翻译、写代码、闲聊等。")),
        ("placeholders", asked("Write a letter.", "Dear [Recipient],\n\nyours,\n[Your Name]")),
        ("placeholders", asked("Write a letter.", "Dear [NAME], your [insert product here] is ready.")),
        ("placeholders", asked("Greet me.", "Hello <name>, welcome to <your company>!")),
        ("placeholders", asked("Explain it.", "TODO: write this answer")),
        ("placeholders", asked("Explain it.", "TBD")),
        ("placeholders", asked("Greet me.", "Hello ${user_name}!")),
        ("placeholders", asked("写一封信", "尊敬的[公司名称]：您好")),
        ("placeholders", plain("Lorem ipsum dolor sit amet, consectetur.")),
        ("html", asked("Who was she?", "<p>She was a <b>pilot</b>.</p><br/>")),
        ("html", asked("Who was she?", 'She flew <a href="https://x.org">here</a>.')),
        ("html", asked("Who was she?", "Smith &amp; Sons,&nbsp;pilots")),
        ("mojibake", asked("Where?", "In the cafÃ© near the hÃ´tel")),
        ("mojibake", asked("Quote it.", "â€œWe donâ€™t knowâ€\x9d")),
        ("mojibake", asked("Как?", "ÐŸÑ€Ð¸Ð²ÐµÑ‚, Ð¼Ð¸Ñ€")),
        ("mojibake", asked("你好", "ä½\xa0å¥½ï¼Œä¸–ç•Œ")),
        ("mojibake", asked("Where?", "In the caf\ufffd")),
        ("mojibake", asked("你好", "锟斤拷锟斤拷")),
        ("control", asked("Hi.", "be\x07ll")),
        ("control", asked("Hi.", "\x1b[31mred\x1b[0m")),
        ("control", asked("Hi.", "user\u202etxt.exe")),
        ("control", asked("Hi.", "zero\u200bwidth")),
        ("control", asked("Hi.", "\x00")),
        ("secrets", asked("Key?", f"It is {KEY}.")),
        ("secrets", asked("Key?", "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")),
        ("secrets", asked("Key?", "AKIA" + "Q3EGRV7MZ2XWB4NT")),
        ("secrets", asked("Key?", "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE...")),
        ("secrets", asked("Config?", 'password = "hG7kq92Lmzp4WvRt"')),
        ("secrets", asked("Config?", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI7K9DENGbPxRfiCYzq8")),
        ("emails", asked("Whom do I ask?", "Ask jane.doe@acme-tools.co.uk about it.")),
        ("phones", asked("Number?", "Call 780-800-7092 today.")),
        ("phones", asked("Number?", "Call (213) 484-0480.")),
        ("phones", asked("Number?", "Call +44 20 7946 0958.")),
        ("phones", asked("Number?", "Call +49 (30) 901820-33")),
        ("phones", asked("电话？", "请拨打13800138000。")),
    ],
)  # fmt: skip
def test_a_fault_is_found(code: str, faulty: Row) -> None:
    assert code in faults_of(faulty)
    assert has(faulty, code)
    assert set(faults_of(faulty)) <= {code, "unanswered", "whitespace", "role_order", "control"}


def test_what_was_seen_is_told_but_no_secret_is() -> None:
    assert faults_of(asked("Who?", "I am {{name}}."))["placeholders"] == "{{name}}"
    both = asked("Who?", "I am {{name}}, yes, {{name}}, made by {{author}}.")
    assert faults_of(both)["placeholders"] == "{{name}}, {{author}}"
    assert faults_of(asked("Who?", "She was a <b>pilot</b>."))["html"] == "<b>"
    assert faults_of(asked("Hi.", "be\x07ll"))["control"] == "U+0007"
    assert faults_of(asked("Key?", KEY))["secrets"] == f"sk-a... ({len(KEY)} characters)"


def test_a_call_is_an_answer_and_its_result_is_in_order() -> None:
    call = Message("assistant", "", calls=(ToolCall("weather", "{}"),))
    turns = (Message("user", "Weather?"), call, Message("tool", "12"), Message("assistant", "12 degrees."))
    assert faults_of(Row(turns, "", "a", "a", 1)) == {}


def test_faults_inside_calls_and_reasoning_are_seen() -> None:
    call = Message("assistant", "", calls=(ToolCall("mail", '{"to": "jane.doe@acme-tools.co.uk"}'),))
    assert "emails" in faults_of(Row((Message("user", "Mail her."), call), "", "a", "a", 1))
    thought = Message("assistant", "Yes.", reasoning="He is {{name}}.")
    assert "placeholders" in faults_of(Row((Message("user", "Who?"), thought), "", "a", "a", 1))


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system", "tool"]), st.text()), max_size=5), st.text())
def test_no_row_makes_the_doctor_stumble(turns: list[tuple[str, str]], text: str) -> None:
    made = Row(tuple(Message(*turn) for turn in turns), "" if turns else text, "a", "a", 1)
    assert all(has(made, code) for code in faults_of(made))


@pytest.mark.parametrize(
    "text",
    ["<a " * 20_000, "{{ " * 20_000, "[your " * 20_000, "+1 (2" * 20_000, "a@" * 20_000, "Ã©" * 20_000, "`" * 50_001,
     "1" * 100_000, "<b " + "x=1 " * 20_000, "\n" * 50_000 + "TODO:", "sk-" + "a" * 100_000, "x=" * 40_000],
    ids=range(12),
)  # fmt: skip
def test_no_text_keeps_the_doctor_busy_for_long(text: str) -> None:
    """Patterns that go back and forth over such a text would take minutes: the test would time out."""
    faults_of(asked("?", text))


FRAGMENTS = st.lists(
    st.sampled_from(
        ["sk-", "proj-", "sk_live_", "AKIA", "ASIA", "AIza", "ghp_", "github_pat_", "glpat-", "xoxb-", "hf_", "eyJ",
         "-----BEGIN RSA PRIVATE KEY-----", "api_key", "apiKey", "API-KEY", "Passwd", "PASSWORD", "secret", "_access",
         "client-secret", "access_token", "=", ": ", '"', " ", "\n", ".", "q8Zr3LmT0vXw7YbN5cKd",
         "ABCDEFGH12345678", "q" * 40,
         "415-", "415.", "283-", "9021", "-9021", ".9021", "(415) ", "+49 170 2345678", "13812345679", "中"]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@given(FRAGMENTS)
def test_the_quick_look_before_a_search_loses_nothing(text: str) -> None:
    assert privacy._may_hold_key(text) or not privacy._KEYS.search(text)
    if any(privacy._AMERICAN.finditer(text)):
        assert privacy._HYPHEN_END.search(text) or privacy._DOT_END.search(text)
    if privacy._NAMED.search(text):
        assert privacy._SET.search(text) or privacy._SAID.search(text)
        assert any(name in text.lower() for name in privacy._NAMES)
