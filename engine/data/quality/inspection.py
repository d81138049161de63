"""All faults that one row shows by itself."""

from __future__ import annotations

from engine.data.quality.placeholders import placeholder_in
from engine.data.quality.privacy import email_in, phone_in, secret_in
from engine.data.quality.structure import Seen, form_faults
from engine.data.quality.text_faults import control_in, html_in, mojibake_in
from engine.data.rows.messages import Row, whole_text

_OF_TEXT = {
    "placeholders": placeholder_in,
    "html": html_in,
    "mojibake": mojibake_in,
    "control": control_in,
    "secrets": secret_in,
    "emails": email_in,
    "phones": phone_in,
}


def faults_of(row: Row, text: str | None = None) -> dict[str, Seen]:
    """Codes of the row's faults, each with a few uncleaned words of what was seen; ``text`` is its ``whole_text``."""
    faults: dict[str, Seen] = dict(form_faults(row))
    text = whole_text(row) if text is None else text
    for code, find in _OF_TEXT.items():
        seen = find(text)
        if seen:
            faults[code] = seen
    return faults


def has(row: Row, code: str) -> bool:
    """Whether ``row`` has the fault ``code``; cheaper than all of them."""
    find = _OF_TEXT.get(code)
    return bool(find(whole_text(row))) if find else code in dict(form_faults(row))
