"""Rows for the doctor: short ways to write them, and clean ones of many kinds that nothing may be found in."""

from __future__ import annotations

import json

from engine.data.quality.findings import Finding, Report
from engine.data.rows.messages import Message, Row


def row(*turns: str, file: str = "a.jsonl", number: int = 1) -> Row:
    """Turns as "user: text"."""
    messages = []
    for turn in turns:
        role, _, content = turn.partition(": ")
        messages.append(Message(role, content))
    return Row(tuple(messages), "", "a", file, number)


def plain(text: str) -> Row:
    return Row((), text, "a", "a.txt", 1)


def asked(question: str, answer: str) -> Row:
    return row(f"user: {question}", f"assistant: {answer}")


CODE = """Here is a class that does it:

class Cart<T extends Item> {
  private items: Map<string, T> = new Map();
  // TODO: prices
  total(): number {
    for (let i = 0; i < a.length && b > 3; i++) { sum += a[i]; }
    return sum;
  }
}"""
FENCED = """Write a letter in a template:

```jinja
<p>Dear {{ name }},</p>  <!-- TODO: fill in -->
Send it to [Name] <name> lorem ipsum dolor &nbsp;
```
Then render it with `{{name}}` set."""

CLEAN = {
    "alpaca": asked(
        "Give three tips for staying healthy.",
        "1. Eat a balanced diet.\n2. Exercise regularly, 3-4 times a week.\n3. Sleep 7-9 hours [1].",
    ),
    "chinese": asked("保持健康的三个提示。", "以下是三个提示：\n1. 保持身体活动。\n2. 均衡饮食【每天】。"),
    "french": asked("Où est le café ?", "L’hôtel « Élysée » est là-bas, à côté du musée : « très bien »…"),
    "russian": asked("Как дела?", "Спасибо, всё хорошо. Съешь ещё этих булок, Сёма."),
    "german": asked("Wie heißt du?", "Ich heiße Jürgen – schöne Grüße aus Köln, Straße 5."),
    "json": asked("Ada orders 3 teas to Oslo.", '{"name": "Ada", "item": "tea", "qty": 3, "tags": ["a"], "x": {}}'),
    "nested_json": asked("As JSON.", '{"a":{"b":{"c":[1,2]}}}'),
    "code": asked("Write a shopping cart.", CODE),
    "fenced": asked("Write a mail template for my site.", FENCED),
    "html": asked(
        "How do I write a link in HTML?", 'Use the anchor tag: <a href="https://x.org">text</a> and &nbsp; for blanks.'
    ),
    "django": asked("Show the user in a Django template.", "Write {{ user }} inside {% block content %}."),
    "python": asked(
        "Sort a list.",
        "import re\n\n@app.route('/x')\ndef f(a, b):\n    x = a @ b.T\n    return {name: [NAME] for name in sorted(a)}",
    ),
    "cpp": asked("Print a vector.", "#include <vector>\nvector<name> v;\nif (a<b && c>d) { cout << v; }"),
    "latex": asked("What is a half?", "$\\frac{{a}}{{b}}$ with $a = 1$, so $x_{n} < y_{n}$ and $p > q$."),
    "maths": asked("2^40?", "2^40 = 1099511627776, about 1.0995 x 10^12; pi = 3.14159265358979; 2020-01-31 12:30:45."),
    "isbn": asked("Which book?", "ISBN 978-3-16-148410-0, of 1999-2004, page 123-1234, at 192.168.100.12."),
    "markdown": asked("Make a list.", "- [ ] milk\n- [x] bread\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[name](https://x.org)"),
    "todo": asked("What is a TODO list?", "A TODO list names what is left to do. TODO lists help."),
    "emoji": asked("Cheer me up!", "You can do it \U0001f469\u200d\U0001f467! \u00a0Really.\u3000Yes."),
    "arabic": asked("مرحبا", "أهلا وسهلا، كيف حالك؟\u200f"),
    "keys": asked("Which key is it?", "Press the key: keys are task-specific, ask-me-anything-about-the-matter."),
    "example_key": asked("How do I log in?", "Set KEY=AKIAIOSFODNN7EXAMPLE, api_key = 'your_api_key_goes_here'."),
    "example_mail": asked("A mail?", "Write to user@example.com or name@domain.com; git clone git@github.com:a/b.git"),
    "phone_of_films": asked("A phone?", "Call (212) 555-0123 or 555-1234."),
    "tool": row(
        "system: Call tools.", "user: Weather?", 'assistant: {"name": "weather"}', "tool: 12 degrees", "assistant: 12."
    ),
    "talk": row("system: Be kind.", "user: Hi.", "assistant: Hello.", "user: Bye.", "assistant: Bye."),
    "text": plain("A document, as it was written.\n\nIt has two paragraphs, and nothing is wrong with it."),
}  # fmt: skip


def jsonl(*rows: Row) -> str:
    """Rows as a file in OpenAI's manner, or of texts."""
    lines = []
    for each in rows:
        turns = [{"role": message.role, "content": message.content} for message in each.messages]
        lines.append(json.dumps({"messages": turns} if turns else {"text": each.text}))
    return "".join(line + "\n" for line in lines)


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def only(report: Report, code: str) -> Finding:
    (finding,) = report.of(code)
    return finding
