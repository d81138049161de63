"""What a model folder says about its tokenizer: chat template and end tokens, without loading one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "tokenizer_config.json",
)
# A fast tokenizer's file begins with its added tokens; the vocabulary behind them is never needed here.
_HEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class Tokens:
    """``eos_tokens``: every token that ends a turn or text, from the tokenizer and from the generation settings."""

    has_tokenizer: bool
    chat_template: str
    eos_tokens: tuple[str, ...]
    pad_token: str


def read_tokens(folder: Path, config: Mapping[str, Any]) -> Tokens:
    """Read what there is; files that are missing or broken count as saying nothing."""
    settings = read_object(folder / "tokenizer_config.json")
    by_id = _added_tokens(folder, settings)
    ids = read_object(folder / "generation_config.json").get("eos_token_id", config.get("eos_token_id"))
    found = [_content(settings.get("eos_token"))]
    found += [by_id.get(number, "") for number in (ids if isinstance(ids, list) else [ids]) if isinstance(number, int)]
    return Tokens(
        has_tokenizer=any((folder / name).is_file() for name in TOKENIZER_FILES),
        chat_template=_chat_template(folder, settings),
        eos_tokens=tuple(dict.fromkeys(token for token in found if token)),
        pad_token=_content(settings.get("pad_token")),
    )


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty where there is none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _chat_template(folder: Path, settings: Mapping[str, Any]) -> str:
    try:
        return (folder / "chat_template.jinja").read_text("utf-8")
    except (OSError, ValueError):
        pass
    for holder in (settings, read_object(folder / "chat_template.json")):
        template = holder.get("chat_template")
        if isinstance(template, list):
            named = {item.get("name"): item.get("template") for item in template if isinstance(item, dict)}
            template = named.get("default") or next(iter(named.values()), None)
        if isinstance(template, str):
            return template
    return ""


def _added_tokens(folder: Path, settings: Mapping[str, Any]) -> dict[int, str]:
    listed = settings.get("added_tokens_decoder")
    if isinstance(listed, dict):
        return {int(key): _content(value) for key, value in listed.items() if str(key).isdigit()}
    try:
        with (folder / "tokenizer.json").open("rb") as file:
            head = file.read(_HEAD_BYTES).decode("utf-8", "ignore")
        start = head.index("[", head.index('"added_tokens"'))
        items = json.JSONDecoder().raw_decode(head, start)[0]
        return {item["id"]: item["content"] for item in items}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _content(token: Any) -> str:
    """A special token is written as text, or as an object with its content."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else ""
