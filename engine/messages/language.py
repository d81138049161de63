"""The language of this process: asked for, kept from an earlier choice, or that of the locale."""

from __future__ import annotations

import os
import re

from engine.common import settings

LANGUAGES = {"en": "English", "zh": "中文"}
"""Languages there is a catalogue for, each by its own name. The first one has every text."""
VARIABLE = "TUNEDECK_LANG"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
_current = ""


def current() -> str:
    """``en`` or ``zh``: that of ``use``, of TUNEDECK_LANG, of a kept choice, of the locale, else English."""
    global _current
    if not _current:
        _current = known(os.environ.get(VARIABLE, "")) or _kept() or _of_locale()
    return _current


def use(language: str) -> None:
    """Speak ``language`` from now on, in this process and in those that it starts; "" finds it anew."""
    global _current
    _current = language
    if language:
        os.environ[VARIABLE] = language


def keep(language: str) -> None:
    """Speak ``language`` from now on, also next time. Raises OSError where the choice can't be written."""
    use(language)
    settings.keep(language, "language")


def known(tag: str) -> str:
    """The language that a tag such as ``zh_CN.UTF-8`` or ``en-GB`` asks for; "" where there is none of it."""
    first = re.split(r"[-_.@]", tag.strip().lower(), maxsplit=1)[0]
    return {"c": "en", "posix": "en", "chinese": "zh", "english": "en"}.get(first, first if first in LANGUAGES else "")


def _kept() -> str:
    return known(str(settings.get("language") or ""))


def _of_locale() -> str:
    tag = next((value for name in _LOCALE if (value := os.environ.get(name))), "")
    return known(tag) or "en"
