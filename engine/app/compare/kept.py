"""What a side of a comparison kept of one evaluation."""

from __future__ import annotations

from engine.runs.evaluations import Answer, Evaluation
from engine.runs.group_summary import RowKey

Kept = list[tuple[Evaluation, dict[RowKey, Answer]]]
"""One evaluation of each run of a side, with the answers of its result."""
