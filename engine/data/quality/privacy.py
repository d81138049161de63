"""What a model must not learn by heart: keys and passwords, e-mail addresses, phone numbers."""

from __future__ import annotations

import re

from engine.data.quality.prose import holds_any

_KEYS = re.compile(
    r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----"
    r"|\b(?:sk|pk|rk)_live_[0-9A-Za-z]{16,}"
    r"|\bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{20,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[baprs]-[A-Za-z0-9-]{10,}"
    r"|\bAIza[0-9A-Za-z_-]{35}"
    r"|\bhf_[A-Za-z]{30,}\b"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
)
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----).*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL
)
_NAMED = re.compile(
    r"(?:api[_-]?key|secret[_-]?(?:access[_-]?)?key|client[_-]?secret|access[_-]?token|passw(?:or)?d)[\"']?\s*[:=]\s*"
    r"[\"']?([A-Za-z0-9/+_=.-]{16,})",
    re.IGNORECASE,
)
_BY_UNDERSCORE = ("_live_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "hf_")
_BY_HYPHEN = ("sk-", "glpat-", "PRIVATE KEY-")
# What a named one ends with: begun with one mark it is found much faster than the name.
_SET = re.compile(r"=\s*[\"']?[A-Za-z0-9/+_=.-]{16}")
_SAID = re.compile(r":\s*[\"']?[A-Za-z0-9/+_=.-]{16}")
_NAMES = ("key", "secret", "token", "passw")
_DUMMY = re.compile(r"example|your|xxx|dummy|placeholder|changeme|test|sample|\.\.\.|abcdef|123456", re.IGNORECASE)
_FEW_CHARACTERS = 9  # of a real key more are different

_EMAIL = re.compile(r"(?<![\w.+-])([A-Za-z0-9][\w.+-]{0,63})@((?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24})(?![\w@])")
_NOBODYS = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|domain|yourdomain|company|email|yourcompany)\.|\.(?:example|test|png|jpg|py|js)$",
    re.IGNORECASE,
)
_NOBODY = {
    "git",
    "user",
    "username",
    "name",
    "email",
    "you",
    "your.email",
    "youremail",
    "noreply",
    "no-reply",
    "someone",
}

_ABROAD = re.compile(r"\+(?<![\w.+-]\+)[1-9][0-9]{0,2}(?:[ .-]?\(?[0-9]{1,4}\)?){2,5}(?![\w-])")
_AMERICAN = re.compile(
    r"(?<![\w.-])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[.-])[2-9][0-9]{2}[.-][0-9]{4}(?![\w-])", re.ASCII
)
# Found faster than the whole, as they begin with one mark.
_HYPHEN_END = re.compile(r"-(?<=[0-9]-)[0-9]{4}")
_DOT_END = re.compile(r"\.(?<=[0-9]\.)[0-9]{4}")
_CHINESE = re.compile(r"1[3-9][0-9]{9}(?<![\w.+-][0-9]{11})(?![\w.])", re.ASCII)
_PHONE_DIGITS = range(8, 16)


def secret_in(text: str) -> str:
    """What kind of key or password ``text`` holds, its first characters only; "" for none."""
    if _may_hold_key(text):
        for match in _KEYS.finditer(text):
            if match[0].startswith("-----") or _is_real(match[0]):
                return _hidden(match[0])
    may_be_named = ("=" in text and _SET.search(text)) or (":" in text and _SAID.search(text))
    if may_be_named and holds_any(text.lower(), _NAMES):
        for match in _NAMED.finditer(text):
            value = match[1]
            if _is_real(value) and any(c.isdigit() for c in value) and any(c.isalpha() for c in value):
                return _hidden(value)
    return ""


def without_secrets(text: str) -> str:
    """``text`` with the keys and passwords in it cut to their first characters, those made for examples too."""
    if _may_hold_key(text):
        text = _PRIVATE_KEY.sub(lambda match: f"{match[1]}...", text)
        text = _KEYS.sub(lambda match: _hidden(match[0]), text)
    return _NAMED.sub(lambda match: match[0].replace(match[1], _hidden(match[1])), text)


def email_in(text: str) -> str:
    """The first e-mail address of somebody; addresses made for examples do not count."""
    if "@" not in text:
        return ""
    for match in _EMAIL.finditer(text):
        if match[1].lower() not in _NOBODY and not _NOBODYS.search(match[2]):
            return match[0]
    return ""


def phone_in(text: str) -> str:
    """The first phone number: international, North American (not the 555 of films) or a Chinese mobile number."""
    patterns = [_ABROAD] if "+" in text else []
    if ("-" in text and _HYPHEN_END.search(text)) or ("." in text and _DOT_END.search(text)):
        patterns.append(_AMERICAN)
    if "1" in text:
        patterns.append(_CHINESE)
    for pattern in patterns:
        for match in pattern.finditer(text):
            digits = [c for c in match[0] if c.isdigit()]
            is_made_up = "555" in match[0] or "12345" in match[0] or len(set(digits)) <= 3
            if len(digits) in _PHONE_DIGITS and not is_made_up:
                return match[0]
    return ""


def _may_hold_key(text: str) -> bool:
    """Cheaper than a search; single letters are found much faster than words, and these are rare."""
    return (
        ("_" in text and holds_any(text, _BY_UNDERSCORE))
        or ("-" in text and holds_any(text, _BY_HYPHEN))
        or ("J" in text and "eyJ" in text)
        or ("K" in text and "AKIA" in text)
        or ("z" in text and "AIza" in text)
        or ("S" in text and "ASIA" in text)
        or ("x" in text and "xox" in text)
    )


def _is_real(value: str) -> bool:
    return len(set(value)) > _FEW_CHARACTERS and not _DUMMY.search(value)


def _hidden(value: str) -> str:
    return value if value.startswith("-----") else f"{value[:4]}... ({len(value)} characters)"
