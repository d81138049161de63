"""Every finding in words: how grave it is, why it matters, and which repairs may help."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config.fix_names import Fix
from engine.data.quality.findings import Severity


@dataclass(frozen=True)
class Entry:
    severity: Severity
    title: str
    why: str
    fixes: tuple[Fix, ...] = ()


FIX_TEXTS: dict[str, str] = {
    "drop_unreadable": "leave those rows out",
    "trim_whitespace": "take the blank space off",
    "drop_unanswered_turn": "cut the turns behind the last answer",
    "merge_system_turn": "put the system text in front of the first question",
    "fix_mojibake": "turn the characters back (ftfy)",
    "strip_control": "take these characters out",
    "unescape_html": "turn &amp; and the like into characters",
    "one_answer_per_prompt": "keep the first answer of each prompt",
    "drop_exact_duplicates": "keep the first of each",
    "drop_near_duplicates": "keep the first of each cluster",
}
"""What a repair does; one that is not here leaves the rows with the finding out."""

CATALOGUE: dict[str, Entry] = {
    "unreadable": Entry(
        "fatal", "rows that can't be read", "The training refuses a file with such rows.", ("drop_unreadable",)
    ),
    "nothing_left": Entry("fatal", "rows that can't be split, or of which none is left", "A training would not start."),
    "empty_answers": Entry(
        "warning", "empty answers",
        "A blank answer teaches the model to say nothing; rows without any other are left out.",
        ("drop_empty_answers",),
    ),
    "missing_user": Entry(
        "warning", "answers that nobody asked for",
        "Without a question before it an answer is no example of how to answer.", ("drop_missing_user",),
    ),
    "untrained_rows": Entry(
        "note", "rows marked as not to be trained",
        "They, or all their answers, ask for it: they are left out. A column that is no mark is passed over with "
        'columns = {weight = ""}.',
    ),
    "untrained_turns": Entry(
        "note", "answers marked as not to be trained",
        "The model reads them but does not learn them.",
    ),
    "unclear_marks": Entry(
        "warning", "marks of training that are neither yes nor no",
        "They are passed over and the answers trained in full: write true or false. To weigh whole rows, map a column: "
        'columns = {weight = "..."}.',
    ),
    "marked_questions": Entry(
        "note", "turns marked as to be trained that are no answers",
        'What is trained beside answers is up to dataset.train_on: "all" trains them too.',
    ),
    "turn_keys": Entry("note", "turns with fields that are not used", "The model sees nothing of them."),
    "nulls": Entry(
        "note", "null fields in tools or calls",
        "They are left out, as tables pad objects with them. To keep one, write the tools or arguments as JSON text.",
    ),
    "role_order": Entry(
        "warning", "turns out of order", "Many templates refuse such rows, others render them wrongly.",
        ("drop_role_order",),
    ),
    "unanswered": Entry(
        "warning", "last turns without an answer", "Nothing is learnt from them, but they cost memory and time.",
        ("drop_unanswered_turn", "drop_unanswered"),
    ),
    "whitespace": Entry(
        "note", "blank space around answers", "The model learns to begin or end its answers with it.",
        ("trim_whitespace",),
    ),
    "placeholders": Entry(
        "warning", "placeholders nobody filled in", "The model will answer with them, word for word.",
        ("drop_placeholders",),
    ),
    "html": Entry(
        "note", "HTML in prose", "Left over from the web, it will turn up in the answers.",
        ("unescape_html", "drop_html"),
    ),
    "mojibake": Entry(
        "warning", "garbled or lost characters", "Text read in a wrong encoding teaches letters that mean nothing.",
        ("fix_mojibake", "drop_mojibake"),
    ),
    "control": Entry(
        "warning", "control or invisible characters", "They steer terminals, hide text and waste tokens.",
        ("strip_control", "drop_control"),
    ),
    "secrets": Entry(
        "warning", "keys or passwords", "A model can repeat what it was trained on to anybody.", ("drop_secrets",)
    ),
    "emails": Entry(
        "warning", "e-mail addresses", "A model can repeat people's addresses to anybody.", ("drop_emails",)
    ),
    "phones": Entry("warning", "phone numbers", "A model can repeat people's numbers to anybody.", ("drop_phones",)),
    "exact_duplicates": Entry(
        "warning", "exact duplicates", "Rows seen more often weigh more, and are learnt by heart.",
        ("drop_exact_duplicates",),
    ),
    "near_duplicates": Entry(
        "note", "near duplicates", "Rows that hardly differ weigh like one row repeated.", ("drop_near_duplicates",)
    ),
    "conflicts": Entry(
        "warning", "one prompt, different answers", "The model learns to guess between them.",
        ("one_answer_per_prompt",),
    ),
    "leakage": Entry(
        "warning", "held-out rows also trained on", "What is measured on them looks better than it is.",
        ("one_answer_per_prompt", "drop_near_duplicates"),
    ),
    "languages": Entry("note", "several languages", "The model may answer in the wrong one."),
    "label_balance": Entry(
        "warning", "uneven labels", "The model does well by saying the frequent one; judge it per label."
    ),
    "label_typos": Entry(
        "warning", "labels that differ in case or blanks", "To the model these are different answers."
    ),
    "too_long": Entry("warning", "rows longer than max_length", "They are left out or cut: see dataset.too_long."),
    "no_supervised": Entry("warning", "rows without a trained token", "They are left out: nothing in them is learnt."),
    "refused": Entry("warning", "rows that the template refuses", "They are left out."),
    "stop_token": Entry(
        "fatal", "answers that do not end with a stop token", "The model would never learn to stop."
    ),
    "written_specials": Entry(
        "warning", "special tokens written in the text",
        "The model reads real ones: in the middle of an answer it learns to stop, or takes words for a turn.",
    ),
    "double_bos": Entry(
        "warning", "two begin tokens in a row", "The model sees a beginning at training that it never sees at use."
    ),
    "unknown_pieces": Entry(
        "warning", "characters the tokenizer does not know", "They all look the same to the model."
    ),
    "costly_language": Entry(
        "note", "language that this tokenizer splits finely", "Rows cost more tokens, and are learnt less well."
    ),
}  # fmt: skip


def fix_text(fix: str) -> str:
    return FIX_TEXTS.get(fix, "leave those rows out")
