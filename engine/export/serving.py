"""Files that tell Ollama and vLLM how to ask an exported model: its template and its stop tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence

from engine.common.errors import ModelError
from engine.models.turn_parts import Turn, TurnParts, turn_parts
from engine.tokens.tokenizer import Words


def parts_of(words: Words) -> TurnParts | None:
    """The parts of the template that the training used; None where it is more than texts around turns.

    A start token that the tokenizer puts in front by itself is not in them.
    """
    tokenizer = words.tokenizer
    lead = tokenizer.bos_token if tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id] else ""

    def render(turns: Sequence[Turn]) -> str:
        messages = [{"role": role, "content": content} for role, content in turns]
        text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        return text.removeprefix(lead) if lead else text

    return turn_parts(render)


def modelfile(words: Words, model: str, context: int) -> str:
    """A Modelfile for ``model``, a file beside it; ``context`` in tokens, 0 for Ollama's own.

    Raises ModelError where the template can't be said in Ollama's language.
    """
    parts = parts_of(words)
    if parts is None:
        raise ModelError("exporting.no-go-template")
    stops = [words.tokenizer.convert_ids_to_tokens(stop) for stop in sorted(words.stops)]
    lines = [f"FROM ./{model}", f'TEMPLATE """{parts.in_go()}"""']
    lines += [f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in stops]
    lines += [f"PARAMETER num_ctx {context}"] if context else []
    lines.append("PARAMETER repeat_penalty 1")  # Ollama's default makes said words less likely
    return "\n".join(lines) + "\n"
