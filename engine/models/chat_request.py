"""What a front end asks of the process that a chat runs in: the model once, then one answer after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from engine.runs.directory import RunDir

MODEL, TUNED, BASE, BESIDE = "model", "tuned", "base", "beside"
"""Voices: a model alone, an adapter on its base, that base without it, and a second adapter on the same base."""


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``target`` and ``beside`` (``base``, a run or an adapter, "" for nobody) are names as a person gives them.

    ``base``, ``checkpoint`` and ``quantization`` choose as in ``engine.models.for_use``; the rest are explicit words.
    With ``server``, the address of an OpenAI-compatible one, ``target`` names a model there ("" for its first), and the
    environment variable ``key_from`` holds its key.
    """

    target: str
    beside: str = ""
    base: str = ""
    checkpoint: int | None = None
    quantization: str = ""
    gpus: str = ""
    trust_base: bool = False
    trust_remote_code: bool = False
    allow_pickle: bool = False
    server: str = ""
    key_from: str = ""


def of_run(run: RunDir) -> ChatRequest:
    """To talk to the result of ``run`` beside its base."""
    return ChatRequest(target=str(run.path), beside=BASE)


class Turn(msgspec.Struct, frozen=True):
    """``role`` is system, user or assistant."""

    role: str
    content: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of each of ``voices`` to ``turns``, whose last is a user's; ``id`` comes back with all that is said.

    ``plain``: the last turn's text is continued, without a template. At ``temperature`` 0 the likeliest token is taken.
    An answer ends before the first of the texts in ``stop``.
    """

    id: int
    turns: list[Turn]
    voices: list[str]
    plain: bool = False
    temperature: float = 0.0
    top_p: float = 1.0
    max_new_tokens: int = 512
    stop: tuple[str, ...] = ()
