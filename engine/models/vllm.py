"""What vLLM asks of an adapter that it is to serve, and the command that serves it."""

from __future__ import annotations

import re
import shlex
from typing import Any

from engine.messages.message import Message
from engine.models.adapter.card import AdapterCard
from engine.models.gguf import what_gguf_cannot_hold

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM's --max-lora-rank can be (MaxLoRARanks in its LoRA config)."""
BASE_VARIABLE = "BASE_MODEL"
"""Environment variable that tells serve.sh where the base model is."""


def what_vllm_cannot_serve(card: AdapterCard) -> list[Message]:
    """Parts of an adapter that vLLM does not load: those that GGUF lacks, and ranks beyond its largest."""
    lacking = what_gguf_cannot_hold(card)
    if largest_rank(card) > RANKS[-1]:
        lacking.append(Message("exporting.part-rank", rank=largest_rank(card), most=RANKS[-1]))
    return lacking


def largest_rank(card: AdapterCard) -> int:
    return max([card.settings.r, *card.settings.rank_pattern.values()])


def serve_script(card: AdapterCard, base: str, name: str, quantization: str) -> str:
    """A shell script beside the adapter and its chat_template.jinja that serves them with the base as model ``name``.

    ``base`` is a hub id, or the name of a folder: where that lies on a machine is in the environment variable
    BASE_VARIABLE. ``quantization``: how the base was stored in the training; of none, nf4 and int8 vLLM does the first
    two.
    """
    rank = next(rank for rank in RANKS if rank >= largest_rank(card))
    options: list[Any] = ["--enable-lora", "--max-lora-rank", rank]
    options += ["--quantization", "bitsandbytes"] if quantization == "nf4" else []
    said = re.sub(r"[^\w./-]", "-", base)
    given = f"{BASE_VARIABLE}:-{said}" if "/" in said else f"{BASE_VARIABLE}:?"
    return f"""#!/bin/sh
# An OpenAI-compatible server. Ask it for the model {name}.
# {BASE_VARIABLE}={said}
here=$(cd "$(dirname "$0")" && pwd)
exec vllm serve "${{{given}}}" {shlex.join(map(str, options))} \\
    --lora-modules {shlex.quote(name)}="$here" --chat-template "$here"/chat_template.jinja "$@"
"""
