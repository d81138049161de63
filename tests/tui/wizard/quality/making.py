"""Answers of a child that examined rows and found something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.messages.message import Message
from tests.tui.wizard.making import GOOD


def literal(words: str) -> dict[str, Any]:
    return Message.literal(words).as_json()


def finding(code: str, severity: str, title: str, count: int = 12, detail: str = "", **more: Any) -> dict[str, Any]:
    return {
        "code": code, "severity": severity, "source": "orders", "count": count, "of": 40,
        "title": literal(title), "why": literal(f"Why {title} matter."),
        "detail": literal(detail) if detail else None, **more,
    }  # fmt: skip


def remedy(text: str, tried: int, left: int, fix: str = "", settings: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"what": literal(text), "tried": tried, "left": left, "fix": fix, "settings": settings or {}}


def found(rows: Path, *findings: dict[str, Any], **report: Any) -> dict[str, Any]:
    """A result with ``findings`` in 40 rows of ``rows``; each names its first rows there."""
    places = [{"file": str(rows), "row": number, "seen": f"words {number}"} for number in (3, 7, 9)]
    for each in findings:
        each.setdefault("places", places)
    return GOOD | {"report": GOOD["report"] | {"findings": list(findings)} | report}


LENGTHS = {
    "max_length": 64, "rows": 40, "tokens": 4000, "supervised": 0.4,
    "needed": {"50": 90, "90": 180, "95": 220, "99": 260, "100": 300},
    "bins": [[32, 0], [64, 4], [128, 20], [256, 14], [512, 2]],
}  # fmt: skip
