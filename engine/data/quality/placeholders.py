"""Places in a text that somebody meant to fill in and did not: {{name}}, [Your Name], <company>, TODO."""

from __future__ import annotations

import re

from engine.data.quality.prose import holds_any, prose_of, speaks_of_markup

_NAMES = (
    "name|first name|last name|full name|company|company name|address|city|state|country|date|today's date|email|"
    "e-mail|email address|phone|phone number|number|title|job title|position|organization|amount|product|"
    "product name|recipient|recipient's name|sender|author|username|url|link|topic|placeholder"
)
# Patterns begin with the mark itself, and look behind it only then: so they are found as fast as the mark is.
_BRACES = re.compile(r"\{\{(?<![\\\w{}]\{\{)\s?([^\W\d][\w .-]{0,38}\w|[^\W\d])\s?\}\}(?![{}])")
_DOLLAR = re.compile(r"\$\{[a-z_]{2,30}\}")
_BRACKETS = re.compile(rf"\[(?i:(?:your|insert|enter|my|recipient)\s[^\[\]\n()]{{1,40}}|{_NAMES})\](?!\()")
_ANGLES = re.compile(rf"<(?<![\w<]<)((?i:(?:(?:your|insert|enter)[ _-][\w' _-]{{1,40}})|{_NAMES}))>")
_TODO = re.compile(r"^[ \t]*(?:TODO|FIXME|TBD|XXX+)[ \t]*(?::|：|$)", re.MULTILINE)
_CHINESE = re.compile(r"[\[【{](?:你的|您的|请填写|请输入|此处填写|公司名称?|姓名|名字|某某)[^\]】}\n]{0,12}[\]】}]")
_FILLER = re.compile("lorem ipsum dolor", re.IGNORECASE)
# {{name}} in a row that only mentions code is one that nobody filled in; not so where templates are the matter.
_USUAL = re.compile(_NAMES, re.IGNORECASE)
_TEMPLATES = re.compile(
    "template|html|jinja|handlebars|mustache|django|liquid|ansible|vue|angular|react|jsx|php|模板|网页", re.IGNORECASE
)
_SHOWN = 3
# How templates are written; where such marks stand, {{ }} belongs to the code.
_TEMPLATE_CODE = ("{%", "{{#", "{{/", "{{>", "v-if", "v-for", "v-bind", "ng-", "\\frac", "\\begin{")


def placeholder_in(text: str) -> str:
    """The first placeholders in ``text`` as they stand there; "" for none. Code and talk of templates do not count."""
    marks = _marks(text)
    if not any(pattern.search(text) for pattern in marks):
        return ""
    prose = prose_of(text)
    found: dict[str, None] = {}
    for pattern in marks:
        for match in pattern.finditer(prose):
            if pattern not in (_BRACES, _DOLLAR, _ANGLES) or not _is_markup(text, match):
                found[match[0].strip()] = None
            if len(found) == _SHOWN:
                return ", ".join(found)
    return ", ".join(found)


def _marks(text: str) -> list[re.Pattern[str]]:
    """The patterns whose first mark occurs in ``text``."""
    found = []
    if "[" in text:
        found.append(_BRACKETS)
    if not text.isascii() and holds_any(text, "[【{"):
        found.append(_CHINESE)
    if "{" in text:
        found += [_BRACES, _DOLLAR]
    if "<" in text:
        found.append(_ANGLES)
    if "TODO" in text or "TBD" in text or "FIXME" in text or "XXX" in text:
        found.append(_TODO)
    if "psum dolor" in text:
        found.append(_FILLER)
    return found


def _is_markup(text: str, match: re.Match[str]) -> bool:
    """Whether the mark is a tag that is closed again, or part of a template that the row is about."""
    if match.re is _BRACES and _USUAL.fullmatch(match[1].strip()):
        about = _TEMPLATES.search(text) is not None
    else:
        about = speaks_of_markup(text) or (match[0].startswith("<") and f"</{match[1]}>" in text)
    return about or holds_any(text, _TEMPLATE_CODE)
