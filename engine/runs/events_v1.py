"""Lines of event log 1, which held sentences, in the shape of today's; those sentences are shown as they are.

The only place that reads anything out of a sentence: what version 1 said in words alone, a post-mortem needs.
"""

from __future__ import annotations

import re
from typing import Any

from engine.messages.message import Message

_DROPPED = {
    "while reading": "unreadable", "too long": "too-long", "not renderable": "unrenderable",
    "without a token to learn": "unsupervised", "of weight 0": "weightless",
}  # fmt: skip
_SAVED = {
    "on schedule": "scheduled", "the last step": "last-step", "asked for": "asked", "before the pause": "pause",
    "before memory ran out": "out-of-memory", "before the loss was lost": "not-finite", "finished": "last-step",
}  # fmt: skip
_ASKED = re.compile(r"([\d.,]+) ?(bytes|[KMG]iB)")
_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SHORTAGE = "out of memory"


def reworded(line: Any) -> dict[str, Any] | None:
    """``line``, decoded, as version 2 would have it; None where it is no line of version 1."""
    if not isinstance(line, dict) or line.get("v") != 1:
        return None
    found: dict[str, Any] = dict(line)
    match line.get("type"):
        case "phase" | "control_ack":
            found["message"] = _literal(line.get("message"))
        case "state" | "finished":
            found["reason"] = _literal(line.get("reason"))
        case "warning":
            found["message"] = _literal(line.get("title"), line)
        case "failed":
            title = str(line.get("title"))
            found |= {"reason": _literal(title, line)}
            found["error"] = "OutOfMemory" if _SHORTAGE in title.lower() else "TunedeckError"
        case "checkpoint":
            reason = str(line.get("reason") or "")
            found["reason"] = _SAVED.get(reason, "stop" if reason else "")
        case "rows":
            dropped = _dict(line.get("dropped"))
            found["noted"] = [
                Message("events.rows-with", rows=count, what=what).as_json()
                for what, count in _dict(line.get("noted")).items()
            ]
            found["dropped"] = {_DROPPED.get(why, why): count for why, count in dropped.items()}
        case "memory_plan":
            found["verdict"] = _literal(line.get("verdict"))
            found["reasons"] = {field: _literal(why) for field, why in _dict(line.get("reasons")).items()}
        case "memory_measured":
            found["of"] = "resident" if "resident" in str(line.get("of")) else "allocated"
        case "out_of_memory":
            found |= {"cause": _literal(line.get("message")), "asked_bytes": _asked(str(line.get("message")))}
    return found


def _literal(text: Any, parts: dict[str, Any] | None = None) -> Any:
    """``text`` as a message, with the message and the hint of ``parts``; None for an empty one."""
    if not text and parts is None:
        return None
    more = {name: str(parts.get(name) or "") for name in ("message", "hint")} if parts else {}
    return Message.literal(str(text or ""), **more).as_json()


def _asked(said: str) -> int | None:
    """The first size in what was said is what could not be had: "1.75 GiB more could not be had"."""
    found = _ASKED.search(said)
    try:
        return int(float(found[1].replace(",", "")) * _UNITS[found[2]]) if found else None
    except ValueError:
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
