"""What a model folder says about its tokenizer: chat template and end tokens, without loading one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.common.files import read_json
from engine.common.regular_files import open_regular, read_regular

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
_MOST_TEMPLATE_BYTES = 4 << 20


# The marks of turns that families agree to write so; a tag such as <tools> may be ordinary text.
_MARK = re.compile(r"<\|[A-Za-z0-9_]+\|>|<(?:start|end)_of_turn>")
_SETTINGS = "tokenizer_config.json"


@dataclass(frozen=True)
class Tokens:
    """``eos_tokens``: every token that ends a turn or text, from the tokenizer and from the generation settings.

    ``generation_stops`` are those of the generation settings alone. ``added`` are special and added tokens by id,
    empty where no file lists them. ``adds_bos``: the tokenizer puts ``bos_token`` before every text by itself.
    """

    has_tokenizer: bool
    chat_template: str
    eos_tokens: tuple[str, ...]
    pad_token: str
    generation_stops: tuple[str, ...] = ()
    bos_token: str = ""
    adds_bos: bool = False
    added: Mapping[int, str] = field(default_factory=dict)

    def marks(self, template: str | None = None) -> tuple[str, ...]:
        """Tokens that ``template`` (the model's own by default) writes around turns, in the order of appearance."""
        text = self.chat_template if template is None else template
        return tuple(dict.fromkeys(_MARK.findall(text)))

    def missing(self, template: str | None = None) -> tuple[str, ...]:
        """Marks of the template that are no tokens of this model; none where its tokens can't be told."""
        known = set(self.added.values())
        return tuple(mark for mark in self.marks(template) if mark not in known) if known else ()


def read_tokens(folder: Path, config: Mapping[str, Any]) -> Tokens:
    """Read what there is; files that are missing or broken count as saying nothing."""
    settings = read_json(folder / "tokenizer_config.json")
    by_id = _added_tokens(folder, settings)
    generation = read_json(folder / "generation_config.json")
    stops = _named(generation.get("eos_token_id"), by_id)
    ids = generation.get("eos_token_id", config.get("eos_token_id"))
    found = [_content(settings.get("eos_token")), *_named(ids, by_id)]
    bos = _content(settings.get("bos_token"))
    return Tokens(
        has_tokenizer=any((folder / name).is_file() for name in TOKENIZER_FILES),
        chat_template=_chat_template(folder, settings),
        eos_tokens=tuple(dict.fromkeys(token for token in found if token)),
        pad_token=_content(settings.get("pad_token")),
        generation_stops=stops,
        bos_token=bos,
        adds_bos=bool(bos) and (settings.get("add_bos_token") is True or bos in _post_processor(folder)),
        added=by_id,
    )


def _named(ids: Any, by_id: Mapping[int, str]) -> tuple[str, ...]:
    listed = ids if isinstance(ids, list) else [ids]
    return tuple(by_id[number] for number in listed if isinstance(number, int) and by_id.get(number))


def read_template(path: Path) -> str:
    """A chat template's text. Raises OSError, UnicodeDecodeError."""
    return read_regular(path, _MOST_TEMPLATE_BYTES).decode("utf-8")


def _chat_template(folder: Path, settings: Mapping[str, Any]) -> str:
    try:
        return read_template(folder / "chat_template.jinja")
    except (OSError, ValueError):
        pass
    for holder in (settings, read_json(folder / "chat_template.json")):
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
        return {item["id"]: item["content"] for item in _part(folder, "added_tokens", "[")}
    except (KeyError, TypeError):
        return {}


def _post_processor(folder: Path) -> str:
    """What a fast tokenizer puts around every text, as it is written in its file."""
    return json.dumps(_part(folder, "post_processor", "{"), ensure_ascii=False)


def _part(folder: Path, name: str, opens: str) -> Any:
    """One part of tokenizer.json that lies before its vocabulary; an empty one where there is none."""
    try:
        with open_regular(folder / "tokenizer.json") as file:
            head = file.read(_HEAD_BYTES).decode("utf-8", "ignore")
        start = re.compile(rf'"{name}"\s*:\s*\{opens}').search(head)
        return json.JSONDecoder().raw_decode(head, start.end() - 1)[0] if start else []
    except (OSError, ValueError, RecursionError):
        return []


def _content(token: Any) -> str:
    """A special token is written as text, or as an object with its content."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else ""


def brings_tokenizer(folder: Path) -> bool:
    """Whether ``folder`` holds a whole tokenizer: its settings and a vocabulary."""
    vocabularies = (name for name in TOKENIZER_FILES if name != _SETTINGS)
    return (folder / _SETTINGS).is_file() and any((folder / name).is_file() for name in vocabularies)


def tokens_with(base: Path, own: Path | None, config: Mapping[str, Any]) -> Tokens:
    """What base and adapter together say of the tokenizer: the adapter's ``own``, and of the base what that lacks.

    ``config`` is the base's config.json.
    """
    tokens = read_tokens(base, config)
    if own is None:
        return tokens
    theirs = read_tokens(own, config)
    return replace(
        theirs,
        chat_template=theirs.chat_template or tokens.chat_template,
        eos_tokens=tuple(dict.fromkeys((*theirs.eos_tokens, *tokens.generation_stops))),
        generation_stops=tokens.generation_stops,
    )
