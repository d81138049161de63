"""The HTML of a report: one file that needs no network and no script, each text in it cleaned and escaped."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engine.common.clean_text import clean
from engine.common.places import without_places
from engine.common.redact import redact
from engine.data.quality.privacy import without_secrets
from engine.messages import language
from engine.messages.catalogue import text
from engine.report.content import Content
from engine.runs.directory import report_mark

_HERE = Path(__file__).parent
_TAGS = {"en": "en", "zh": "zh-CN"}
_PARTS = (
    ("results", "report.results"), ("forgetting", "report.forgetting-title"),
    ("answers", "report.answers"), ("done", "report.done"), ("data", "report.data"),
    ("curves", "report.curves"), ("memory", "report.memory-title"), ("warnings", "report.warnings"),
    ("history", "report.history"), ("repeat", "report.repeat"), ("unknown", "report.unknown"),
    ("settings", "report.settings"),
)  # fmt: skip


def html(content: Content) -> str:
    """The whole page, in the language of the process."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def safe(value: Any) -> Any:
        """What stands in the page: no control characters, no tricks of direction, no secrets, no paths."""
        return without_secrets(redact(without_places(clean(value), content.places))) if type(value) is str else value

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, finalize=safe, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    has_answers = bool(content.samples) or any(each.shown for each in content.results)
    there = {
        "results": bool(content.results or content.fallback), "answers": has_answers,
        "forgetting": content.cost is not None, "curves": bool(content.curves),
        "warnings": bool(content.warnings), "history": bool(content.family),
    }  # fmt: skip
    spoken = language.current()
    return environment.get_template("page.html.jinja").render(
        c=content, t=text, mark=Markup(report_mark(content.run)),
        lang=_TAGS.get(spoken, spoken), version=_version(), has_answers=has_answers,
        css=Markup((_HERE / "page.css").read_text("utf-8")),
        contents=[(id, text(code)) for id, code in _PARTS if there.get(id, True)],
    )  # fmt: skip


def _version() -> str:
    try:
        return version("tunedeck")
    except PackageNotFoundError:
        return "?"
