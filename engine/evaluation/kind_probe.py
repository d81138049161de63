"""Base or chat, asked of the model itself: are its turn marks trained, and how does it answer two prompts?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from engine.messages.message import Message
from engine.modeling.load import BaseModel
from engine.models.kind import Kind
from engine.models.tokenizer_files import Tokens

QUESTION = "What is the capital of France? Answer in one short sentence."
PLAIN = "The capital of France is"
NEW_TOKENS = 48
# Rows that no text ever moved keep their small start or decay: they are among the shortest. 1 in 200 is by chance.
_SHORTER_THAN = 0.005


@dataclass(frozen=True)
class MarkNorm:
    """The embedding of one mark, read in ``matrix``: its length, the median of all rows, and the share of rows that
    are shorter still. A long one may be untrained too where all rows began long; a short one hardly was trained.
    """

    token: str
    matrix: Literal["embedding", "head"]
    norm: float
    median: float
    shorter: float

    @property
    def looks_trained(self) -> bool:
        return self.shorter >= _SHORTER_THAN


@dataclass(frozen=True)
class Said:
    """A greedy answer. ``stopped``: it ended by itself within the tokens it was given; ``at`` the token it ended on."""

    prompt: str
    text: str
    stopped: bool
    at: str


@dataclass(frozen=True)
class KindProbe:
    """``templated`` answers a question in the model's template, None where it has none; ``plain`` goes on with text."""

    marks: tuple[MarkNorm, ...]
    templated: Said | None
    plain: Said
    suggests: Kind
    evidence: tuple[Message, ...]


@torch.no_grad()
def probe_kind(
    base: BaseModel, tokens: Tokens, has_template: bool, on_progress: Callable[[int, int, Message], None]
) -> KindProbe:
    """Norms of the template's marks and two short answers; seconds on a small model, a minute on a large one."""
    on_progress(0, 3, Message("evaluation.reading-embeddings"))
    marks = mark_norms(base, tokens)
    on_progress(1, 3, Message("evaluation.asking-in-template"))
    templated = None
    if has_template:
        text = base.tokenizer.apply_chat_template(
            [{"role": "user", "content": QUESTION}], tokenize=False, add_generation_prompt=True
        )
        ids = base.tokenizer(text, add_special_tokens=False)["input_ids"]
        templated = _say(base, ids, QUESTION)
    on_progress(2, 3, Message("evaluation.continuing-text"))
    plain = _say(base, base.tokenizer(PLAIN)["input_ids"], PLAIN)
    suggests, evidence = judge(marks, templated)
    return KindProbe(marks, templated, plain, suggests, evidence)


def judge(marks: Sequence[MarkNorm], templated: Said | None) -> tuple[Kind, tuple[Message, ...]]:
    """What embeddings and answer say together. A chat model's marks are trained and it stops."""
    evidence: list[Message] = []
    untrained = [mark for mark in marks if not mark.looks_trained]
    for mark in untrained[:2]:
        code = "evaluation.embedding-untrained" if mark.matrix == "embedding" else "evaluation.head-untrained"
        evidence.append(Message(code, token=mark.token, longer=1 - mark.shorter))
    if marks and not untrained:
        evidence.append(Message("evaluation.marks-trained", tokens=list(dict.fromkeys(m.token for m in marks))))
    if templated is None:
        return "base", (*evidence, Message("evaluation.no-template"))
    if templated.stopped:
        evidence.append(Message("evaluation.stopped", token=templated.at))
    else:
        evidence.append(Message("evaluation.never-stopped", tokens=NEW_TOKENS))
    if untrained:
        return ("unclear" if templated.stopped else "base"), tuple(evidence)
    if templated.stopped and templated.text.strip():
        return "chat", tuple(evidence)
    return ("unclear" if marks else "base"), tuple(evidence)


def mark_norms(base: BaseModel, tokens: Tokens) -> tuple[MarkNorm, ...]:
    """The norms of the template's marks and stop tokens, in the embedding and in a head of its own."""
    vocabulary = base.tokenizer.get_vocab()
    wanted = [token for token in dict.fromkeys((*tokens.marks(), *tokens.eos_tokens)) if token in vocabulary]
    embedding, head = base.model.get_input_embeddings().weight, base.model.get_output_embeddings().weight
    found = _norms(embedding, "embedding", wanted, vocabulary)
    if head is not embedding and head.shape == embedding.shape:
        found += _norms(head, "head", wanted, vocabulary)
    return tuple(found)


def _norms(
    matrix: torch.Tensor, name: Literal["embedding", "head"], wanted: Sequence[str], vocabulary: dict[str, int]
) -> list[MarkNorm]:
    used = matrix[: max(vocabulary.values()) + 1]  # rows beyond the vocabulary are padding
    # In parts: a float32 copy of a whole embedding may be as large as the model's layers.
    lengths = torch.cat([part.float().norm(dim=1).cpu() for part in used.split(8192)])
    median = float(lengths.median())
    found = []
    for token in wanted:
        norm = float(lengths[vocabulary[token]])
        found.append(MarkNorm(token, name, norm, median, float((lengths < norm).float().mean())))
    return found


def _say(base: BaseModel, ids: list[int], prompt: str) -> Said:
    given = torch.tensor([ids], device=base.model.device)
    output = base.model.generate(
        input_ids=given, attention_mask=torch.ones_like(given), max_new_tokens=NEW_TOKENS, do_sample=False,
        temperature=None, top_p=None, top_k=None, use_cache=True, eos_token_id=sorted(base.stops),
        pad_token_id=base.pad_id,
    )  # fmt: skip
    new: list[int] = output[0, len(ids) :].tolist()
    end = next((place for place, token in enumerate(new) if token in base.stops), None)
    text = base.tokenizer.decode(new[:end], skip_special_tokens=True)
    at: Any = "" if end is None else base.tokenizer.convert_ids_to_tokens(new[end])
    return Said(prompt, str(text), end is not None, str(at))
