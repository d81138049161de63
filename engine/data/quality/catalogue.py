"""Every finding: how serious it is, its name, why it matters, and which repairs may help."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config.fix_names import Fix
from engine.data.quality.findings import Severity
from engine.messages.message import Message


@dataclass(frozen=True)
class Entry:
    severity: Severity
    title: Message
    why: Message
    fixes: tuple[Fix, ...] = ()


def _entry(severity: Severity, title: str, why: str, *fixes: Fix) -> Entry:
    return Entry(severity, Message(title), Message(why), fixes)


LEAVE_OUT = Message("quality.leave-out")
_FIXES: dict[str, Message] = {
    "trim_whitespace": Message("quality.trim-whitespace"),
    "drop_unanswered_turn": Message("quality.drop-unanswered-turn"),
    "merge_system_turn": Message("quality.merge-system-turn"),
    "fix_mojibake": Message("quality.fix-mojibake"),
    "strip_control": Message("quality.strip-control"),
    "unescape_html": Message("quality.unescape-html"),
    "one_answer_per_prompt": Message("quality.one-answer-per-prompt"),
    "drop_exact_duplicates": Message("quality.keep-first"),
    "drop_near_duplicates": Message("quality.keep-first-of-cluster"),
}
"""What a repair does; one that is not here leaves the rows with the finding out."""
SAFE: frozenset[str] = frozenset(
    ("trim_whitespace", "fix_mojibake", "strip_control", "drop_unreadable", "drop_empty_answers",
     "drop_exact_duplicates")
)  # fmt: skip
"""Repairs that nobody regrets: they mend text that was broken on its way, or leave out rows that teach nothing."""

CATALOGUE: dict[str, Entry] = {
    "unreadable": _entry("fatal", "quality.unreadable", "quality.unreadable-why", "drop_unreadable"),
    "nothing_left": _entry("fatal", "quality.nothing-left", "quality.nothing-left-why"),
    "empty_answers": _entry("warning", "quality.empty-answers", "quality.empty-answers-why", "drop_empty_answers"),
    "missing_user": _entry("warning", "quality.missing-user", "quality.missing-user-why", "drop_missing_user"),
    "untrained_rows": _entry("note", "quality.untrained-rows", "quality.untrained-rows-why"),
    "untrained_turns": _entry("note", "quality.untrained-turns", "quality.untrained-turns-why"),
    "unclear_marks": _entry("warning", "quality.unclear-marks", "quality.unclear-marks-why"),
    "marked_questions": _entry("note", "quality.marked-questions", "quality.marked-questions-why"),
    "turn_keys": _entry("note", "quality.turn-keys", "quality.turn-keys-why"),
    "nulls": _entry("note", "quality.nulls", "quality.nulls-why"),
    "role_order": _entry("warning", "quality.role-order", "quality.role-order-why", "drop_role_order"),
    "unanswered": _entry(
        "warning", "quality.unanswered", "quality.unanswered-why", "drop_unanswered_turn", "drop_unanswered"
    ),
    "whitespace": _entry("note", "quality.whitespace", "quality.whitespace-why", "trim_whitespace"),
    "placeholders": _entry("warning", "quality.placeholders", "quality.placeholders-why", "drop_placeholders"),
    "html": _entry("note", "quality.html-in-prose", "quality.html-in-prose-why", "unescape_html", "drop_html"),
    "mojibake": _entry("warning", "quality.mojibake", "quality.mojibake-why", "fix_mojibake", "drop_mojibake"),
    "control": _entry("warning", "quality.control", "quality.control-why", "strip_control", "drop_control"),
    "secrets": _entry("warning", "quality.secrets", "quality.secrets-why", "drop_secrets"),
    "emails": _entry("warning", "quality.emails", "quality.emails-why", "drop_emails"),
    "phones": _entry("warning", "quality.phones", "quality.phones-why", "drop_phones"),
    "exact_duplicates": _entry(
        "warning", "quality.exact-duplicates", "quality.exact-duplicates-why", "drop_exact_duplicates"
    ),
    "near_duplicates": _entry("note", "quality.near-duplicates", "quality.near-duplicates-why", "drop_near_duplicates"),
    "conflicts": _entry("warning", "quality.conflicts", "quality.conflicts-why", "one_answer_per_prompt"),
    "leakage": _entry(
        "warning", "quality.leakage", "quality.leakage-why", "one_answer_per_prompt", "drop_near_duplicates"
    ),
    "languages": _entry("note", "quality.languages", "quality.languages-why"),
    "label_balance": _entry("warning", "quality.label-balance", "quality.label-balance-why"),
    "label_typos": _entry("warning", "quality.label-typos", "quality.label-typos-why"),
    "too_long": _entry("warning", "quality.too-long", "quality.too-long-why"),
    "no_supervised": _entry("warning", "quality.no-supervised", "quality.no-supervised-why"),
    "refused": _entry("warning", "quality.refused", "quality.refused-why"),
    "stop_token": _entry("fatal", "quality.stop-token", "quality.stop-token-why"),
    "written_specials": _entry("warning", "quality.written-specials", "quality.written-specials-why"),
    "unwritten_turns": _entry("warning", "quality.unwritten-turns", "quality.unwritten-turns-why"),
    "double_bos": _entry("warning", "quality.double-bos", "quality.double-bos-why"),
    "unknown_pieces": _entry("warning", "quality.unknown-pieces", "quality.unknown-pieces-why"),
    "costly_language": _entry("note", "quality.costly-language", "quality.costly-language-why"),
}  # fmt: skip


def fix_message(fix: str) -> Message:
    """What the repair ``fix`` does to the rows of a finding."""
    return _FIXES.get(fix, LEAVE_OUT)


def fix_named(fix: str) -> Message:
    """The same by itself, where no finding stands beside it."""
    entry = CATALOGUE.get(fix.removeprefix("drop_"))
    if fix in _FIXES or entry is None:
        return fix_message(fix)
    return Message("quality.leave-out-named", what=entry.title)
