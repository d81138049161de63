"""Numbers, sizes and times as people read them: one way for each kind, in each language, for every screen and command.

The catalogues call these as Fluent functions (``{ DURATION($left) }``), code by their own names. They are written here
because babel costs 40 ms to import, half of what the first frame may take, and has none of the shapes that are usual
in this field (135M, 3.1e-4, 14.2 GiB); humanize has no Chinese without gettext's files and writes "6 minutes ago".
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from engine.messages.language import current

Number = float | str | None
"""A number, None for one that is not known, or the name of one that is not finite."""
_GIB = 2**30
_UNITS = {
    "en": {"s": "s", "min": "min", "h": "h", "day": ("day", "days"), "rough": "min"},
    "zh": {"s": "秒", "min": "分", "h": "小时", "day": ("天", "天"), "rough": "分钟"},
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WHEN = {
    "en": {"now": "just now", "min": "{} min ago", "yesterday": "yesterday", "days": "{} days ago"},
    "zh": {"now": "刚刚", "min": "{} 分钟前", "yesterday": "昨天", "days": "{} 天前"},
}


def number(value: Number, digits: int | None = None) -> str:
    """A count with separators, a measured quantity with about three digits: ``12,300``, ``0.82``, ``3.1e-4``.

    With ``digits`` it has that many after the point. "-" where it is not known.
    """
    if (odd := _odd(value)) is not None:
        return odd
    assert isinstance(value, (int, float))
    if digits is not None:
        return f"{value:,.{digits}f}"
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    if value and abs(value) < 0.01:
        return rate(value)
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def setting(value: Number) -> str:
    """A number as one writes it in a config: ``0.05``, ``2e-4``, ``1,024``."""
    if (odd := _odd(value)) is not None:
        return odd
    assert isinstance(value, (int, float))
    if isinstance(value, int):
        return f"{value:,}"
    return _short_exponent(f"{value:.6g}" if not 0 < abs(value) < 1e-3 else f"{value:.5e}")


def weight(value: float) -> str:
    """The weight of one adapter of several as one gives it: ``0.7``, and ``1/3`` for what no short number is."""
    parts = round(1 / value) if value else 0
    return f"1/{parts}" if parts and 1 / parts == value != round(value, 4) else setting(value)


def amount(value: Number) -> str:
    """135,000,000 as ``135M``: how people name the size of a model, or many tokens."""
    if (odd := _odd(value)) is not None:
        return odd
    assert isinstance(value, (int, float))
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"


def percent(share: Number, digits: int = 0) -> str:
    """A share of 0 to 1 as ``42%``; with ``digits`` ``12.5%`` where that says more. What is there is never "0%"."""
    if (odd := _odd(share)) is not None:
        return odd
    assert isinstance(share, (int, float))
    least = 0.5 * 10**-digits
    if 0 < share * 100 < least:
        return f"<{10**-digits:g}%"
    shown = f"{share * 100:,.{digits}f}"
    return f"{shown.rstrip('0').rstrip('.') if digits else shown}%"


def gib(size_bytes: Number, unit: int = 1) -> str:
    """Memory in GiB, one decimal, two under 1: ``14.2 GiB``; ``unit=0`` leaves the unit to the sentence."""
    if (odd := _odd(size_bytes)) is not None:
        return odd
    assert isinstance(size_bytes, (int, float))
    value = size_bytes / _GIB
    shown = f"{value:,.2f}" if abs(value) < 1 else f"{value:,.1f}"
    return f"{shown} GiB" if unit else shown


def size(size_bytes: Number) -> str:
    """Size of a file, decimal as disks are sold: ``19 MB``, ``1.2 GB``, ``512 B``."""
    if (odd := _odd(size_bytes)) is not None:
        return odd
    assert isinstance(size_bytes, (int, float))
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size_bytes >= limit:
            value = size_bytes / limit
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{size_bytes:.0f} B"


def loss(value: Number) -> str:
    """A loss with three decimals, in e-notation where that would hide it."""
    if (odd := _odd(value)) is not None:
        return odd
    assert isinstance(value, (int, float))
    if value and abs(value) < 1e-3:
        return rate(value)
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"


def rate(value: Number) -> str:
    """A learning rate: ``3.1e-4``."""
    if (odd := _odd(value)) is not None:
        return odd
    return _short_exponent(f"{value:.1e}") if value else "0"


def duration(seconds: Number, language: str = "") -> str:
    """A length of time in its two largest units: ``38 s``, ``6 min 12 s``, ``2 days 3 h``, ``20 days``."""
    if (odd := _odd(seconds)) is not None:
        return odd
    assert isinstance(seconds, (int, float))
    whole, units = max(0, round(seconds)), _UNITS[language or current()]
    if whole < 60:
        return f"{whole} {units['s']}"
    if whole < 3600:
        return _two(whole // 60, units["min"], whole % 60, units["s"])
    minutes = round(whole / 60)
    if minutes < 1440:
        return _two(minutes // 60, units["h"], minutes % 60, units["min"])
    hours = round(whole / 3600)
    days = round(whole / 86_400) if hours >= 240 else hours // 24
    return _two(days, units["day"][days != 1], 0 if hours >= 240 else hours % 24, units["h"])


def rough_duration(seconds: Number, language: str = "") -> str:
    """A length of time in one unit, for what is not known better: ``40 s``, ``6 min``, ``3 h``, ``20 days``."""
    if (odd := _odd(seconds)) is not None:
        return odd
    assert isinstance(seconds, (int, float))
    units = _UNITS[language or current()]
    for length, unit in ((86_400, units["day"][1]), (3600, units["h"]), (60, units["rough"])):
        if seconds >= 1.5 * length:
            return f"{round(seconds / length):,} {unit}"
    return f"{max(0, round(seconds))} {units['s']}"


def when(then: Number, now: float | None = None, language: str = "") -> str:
    """When something was (seconds of the epoch): ``just now``, ``12 min ago``, ``09:40``, ``yesterday``, ``3 Nov``."""
    if not then or isinstance(then, str):
        return ""
    now, language = time.time() if now is None else now, language or current()
    words, passed = _WHEN[language], now - then
    if passed < 60:
        return words["now"]
    if passed < 5400:
        return words["min"].format(round(passed / 60))
    days = (_midnight(now) - _midnight(then)) / 86_400
    if days < 0.5:
        return time.strftime("%H:%M", time.localtime(then))
    if days < 1.5:
        return words["yesterday"]
    return words["days"].format(round(days)) if days < 6.5 else day(then, language)


def day(then: float, language: str = "") -> str:
    """``3 Nov``; ``11 月 3 日``."""
    local = time.localtime(then)
    if (language or current()) == "zh":
        return f"{local.tm_mon} 月 {local.tm_mday} 日"
    return f"{local.tm_mday} {_MONTHS[local.tm_mon - 1]}"


def clock(then: float) -> str:
    """``09:40:12``."""
    return time.strftime("%H:%M:%S", time.localtime(then))


def plural(count: Number, one: str, other: str = "") -> str:
    """``one`` for a single thing, else ``other``: the word alone, as the noun or the verb of a sentence."""
    return one if count == 1 or not other else other


def count(count: Number, one: str, other: str = "") -> str:
    """A number with its noun: ``1 row``, ``12,300 rows``. A language without plurals gives one word."""
    return f"{number(count)} {plural(count, one, other)}"


def listing(texts: Sequence[str], language: str = "", joined: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``; ``joined="or"`` for a choice."""
    if len(texts) < 2:
        return "".join(texts)
    if (language or current()) == "zh":
        before, word, after = "、".join(texts[:-1]), "或" if joined == "or" else "和", texts[-1]
        # Beside Latin letters and digits a blank, between Chinese none.
        return before + " " * (before[-1:] < "\u2e80") + word + " " * (after[:1] < "\u2e80") + after
    return f"{', '.join(texts[:-1])} {joined} {texts[-1]}"


def functions(language: str) -> dict[str, Callable[..., str]]:
    """What a catalogue may call; those of lists and of messages are the catalogue's own."""
    return {
        "NUMBER": number, "SETTING": setting, "AMOUNT": amount, "PERCENT": percent, "GIB": gib, "BYTES": size,
        "LOSS": loss, "RATE": rate, "COUNT": count, "PLURAL": plural, "CLOCK": clock,
        "DURATION": partial(duration, language=language), "ABOUT": partial(rough_duration, language=language),
        "WHEN": partial(when, language=language), "DAY": partial(day, language=language),
    }  # fmt: skip


def _odd(value: Any) -> str | None:
    """What stands for a value that is no finite number; None for one that is."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if math.isfinite(value):
        return None
    return "NaN" if math.isnan(value) else f"{value}"


def _short_exponent(text: str) -> str:
    """ "3.10e-04" as "3.1e-4"."""
    mantissa, mark, exponent = text.partition("e")
    if mark and "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}" if mark else mantissa


def _two(large: int, large_unit: Any, small: int, small_unit: Any) -> str:
    return f"{large} {large_unit}" + (f" {small} {small_unit}" if small else "")


def _midnight(t: float) -> float:
    local = time.localtime(t)
    return time.mktime((local.tm_year, local.tm_mon, local.tm_mday, 0, 0, 0, 0, 0, -1))
