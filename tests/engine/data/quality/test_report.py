"""The report reads well on 80 columns without colour, whatever the rows hold."""

from __future__ import annotations

from dataclasses import replace

from engine.data.quality.catalogue import CATALOGUE
from engine.data.quality.findings import Finding, LanguageTokens, Lengths, Place, Remedy, Report, SourceFacts, ordered
from engine.data.quality.report import lines_of, verdict
from engine.messages.catalogue import text
from engine.messages.message import Message

LENGTHS = Lengths(
    1024, 10, 4000, 0.5, {"50": 300, "90": 700, "95": 900, "99": 1500, "100": 2000}, ((512, 6), (1024, 3), (2048, 1))
)
SOURCE = SourceFacts("talks", "messages", 1000, 3, 123_456, {"en": 0.9, "zh": 0.1}, {"good": 60, "bad": 5})


def finding(code: str, **changes: object) -> Finding:
    entry = CATALOGUE[code]
    made = Finding(code, entry.severity, "talks", 12, 1000, entry.title, entry.why)
    return replace(made, **changes)  # type: ignore[arg-type]


def shown_text(*findings: Finding, rows: int = 3) -> str:
    return "\n".join(lines_of(Report((SOURCE,), ordered(list(findings)), (Message.literal("A note."),)), rows))


def test_every_finding_fits_80_columns_and_says_how_grave_it_is() -> None:
    places = tuple(Place("/a/long/folder/" + "x" * 90 + ".jsonl", 1_000_000 + i, "seen " * 30) for i in range(20))
    remedy = Remedy(Message("quality.leave-out"), 12, 0, "drop_near_duplicates")
    for code, entry in CATALOGUE.items():
        lines = shown_text(finding(code, places=places, remedies=(remedy,), tokens=1234, text_share=0.02)).splitlines()
        assert all(len(line) < 80 for line in lines)
        (head,) = [line for line in lines if line.startswith(("FATAL:", "Warning:", "Note:"))]
        assert head.lower().startswith(entry.severity)
        assert text(entry.title).split()[0] in head


def test_wide_characters_count_twice() -> None:
    place = Place("数据" * 30 + ".jsonl", 1, "尊敬的公司名称" * 20)
    lines = shown_text(finding("phones", places=(place,))).splitlines()
    cells = [sum(2 if character > "\u2e80" else 1 for character in line) for line in lines]
    assert max(cells) < 80
    assert sum(line.count("数据") for line in lines) == 30, "a name is shown whole"


def test_the_gravest_comes_first() -> None:
    shown = shown_text(
        finding("near_duplicates"), finding("phones"), finding("emails", count=500), finding("unreadable")
    )
    heads = [line.split(":")[1].strip() for line in shown.splitlines() if line.startswith(("FATAL", "Warning", "Note"))]
    assert heads == ["unreadable rows", "email addresses", "phone numbers", "near duplicates"]


def test_what_rows_hold_can_not_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e{{name}}\r\n\x9b31m"
    source = replace(SOURCE, name=f"a{evil}", labels={evil: 3})
    shown = finding(
        "placeholders", source=f"a{evil}", places=(Place(f"{evil}.jsonl", 1, evil),), detail=Message.literal(evil)
    )
    for line in lines_of(Report((source, source), (shown,))):
        assert line.isprintable()


def test_a_reason_is_told_to_its_end_and_what_to_do_once() -> None:
    reason = "The template refuses the row: " + "conversation roles must alternate user and assistant " * 3
    places = tuple(Place("a.jsonl", row, reason, Message("tokens.cure-last")) for row in (1, 2))
    shown = " ".join(shown_text(finding("refused", places=places)).split())
    assert shown.count(reason.strip()) == 2
    assert shown.count('> Set dataset.train_on = "last":') == 1


def test_rows_are_named_as_many_as_asked_for() -> None:
    places = tuple(Place("a.jsonl", row) for row in range(1, 13))
    shown = shown_text(finding("phones", places=places), rows=2)
    assert "a.jsonl, row 2" in shown
    assert "row 3" not in shown
    assert "and 10 more" in shown
    assert (
        "row "
        not in shown_text(finding("phones", places=places), rows=0).partition("phone numbers:")[2].partition("\n")[2]
    )


def test_a_remedy_says_what_to_write_and_how_it_went() -> None:
    by_fix = Remedy(Message("quality.fix-mojibake"), 12, 1, "fix_mojibake")
    by_field = Remedy(
        Message("quality.raise-max-length", length=1536, share=1.0), 12, 0, settings={"dataset.max_length": 1536}
    )
    shown = " ".join(shown_text(finding("mojibake", remedies=(by_fix, by_field))).split())
    assert 'restore the characters (ftfy) (tried: 12 -> 1): fixes = ["fix_mojibake"]' in shown
    assert "(tried: 12 -> 0): dataset.max_length = 1536" in shown


def test_lengths_are_drawn_with_what_each_share_would_need() -> None:
    zh = LanguageTokens("talks", "zh", 9, 100, 75, 2)
    shown = "\n".join(lines_of(Report((SOURCE,), (), (), LENGTHS, (zh,))))
    assert "300 50%, 700 90%, 900 95%, 1,500 99%, 2,000 100%" in shown
    bars = {line.split()[2]: line.count("#") for line in shown.splitlines() if "up to" in line}
    assert bars["512"] == 30
    assert bars["1,024"] == 15
    (marked,) = [line for line in shown.splitlines() if "<- max_length" in line]
    assert "1,024" in marked
    assert any(
        line.split() == ["talks", "zh", "0.75", "9", "rows,", "2", "unknown", "tokens"] for line in shown.splitlines()
    )


def test_the_last_line_is_the_verdict() -> None:
    assert verdict(Report((), (), lengths=LENGTHS)) == "No problems found."
    assert verdict(Report((), ())) == "No problems found in the text. No tokenizer has read it."
    assert verdict(Report((), (finding("phones"), finding("html")))) == "Nothing fatal: 1 warning and 1 note."
    fatal = Report((), (finding("unreadable"), finding("phones"), finding("emails")))
    assert verdict(fatal) == "1 fatal finding: training would not start. Also 2 warnings."
    assert shown_text(finding("phones")).endswith("Nothing fatal: 1 warning.")
