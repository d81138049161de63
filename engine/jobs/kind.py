"""Whether a model is base or chat, from its embeddings and from what it answers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.common.child import Say, doing
from engine.config.schema import RunConfig
from engine.messages.message import Message


def answer(config: RunConfig, say: Say) -> dict[str, Any]:
    """The files' verdict beside that of the model itself; the rows of ``config`` are not read."""
    from engine.distributed.device import place, restrict_gpus
    from engine.models.local import is_here

    model = config.model
    if not is_here(model):
        return {"kind": "unavailable", "message": Message("jobs.kind-later", model=model.name_or_path)}
    restrict_gpus(config)  # before torch is loaded
    doing(say, "jobs.loading-model")
    from engine.common.files import read_json
    from engine.evaluation.kind_probe import probe_kind
    from engine.modeling.load import load_base
    from engine.models.tokenizer_files import read_tokens
    from engine.tokens.tokenizer import load_words, locate

    card = locate(model, lambda done, total, message: None)
    tokens = read_tokens(card.path, read_json(card.path / "config.json"))
    base = load_base(card, model, place(config), False, load_words(card, model))
    has_template = bool(tokens.chat_template or model.chat_template)
    found = probe_kind(
        base, tokens, has_template, lambda done, total, what: say("progress", done=done, total=total, message=what)
    )
    return {
        "kind": "result",
        "files_say": card.kind,
        "files_evidence": list(card.kind_evidence),
        "model_says": found.suggests,
        "model_evidence": list(found.evidence),
        "marks": [asdict(mark) | {"looks_trained": mark.looks_trained} for mark in found.marks],
        "templated": asdict(found.templated) if found.templated else None,
        "plain": asdict(found.plain),
    }
