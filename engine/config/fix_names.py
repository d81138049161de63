"""The names of the repairs that a run's config may ask for in ``dataset.fixes``."""

from __future__ import annotations

from typing import Literal

Fix = Literal[
    "drop_unreadable",
    "trim_whitespace", "drop_unanswered_turn", "merge_system_turn", "fix_mojibake", "strip_control", "unescape_html",
    "drop_empty_answers", "drop_missing_user", "drop_role_order", "drop_unanswered", "drop_placeholders",
    "drop_mojibake", "drop_html", "drop_control", "drop_secrets", "drop_emails", "drop_phones",
    "drop_exact_duplicates", "one_answer_per_prompt", "drop_near_duplicates",
]  # fmt: skip
"""Reading, changes of a row, rows left out for a fault of their own, rows left out because of other rows."""
