"""How long an export and its proof take, about: by paces that were measured on two CPU cores."""

from __future__ import annotations

from collections.abc import Sequence

from engine.config import toml
from engine.models import gguf
from engine.models.card import ModelCard
from engine.runs import evaluations
from engine.runs.directory import RunDir
from engine.runs.evaluations import TRAINING, TUNED, Answer

MOST_ROWS = 100
"""Held-out rows that a proof asks at most."""
_LIBRARIES_S, _CONVERTER_S, _SERVER_S = 4.0, 4.0, 3.0
"""Until our libraries are loaded, the converter's, and a file by its server."""
_PACE = 120e6
"""Bytes of 16-bit weights a second through merge or conversion."""
_QUANTIZED = {"q8_0": 150e6}
_QUANTIZED_ELSE = 80e6
"""Weights a second through llama.cpp's quantizer."""
_IN_MEMORY, _SERVED, _SERVED_LORA = 5e10, 3e10, 1.5e10
"""Weights times tokens of answers a second: by Transformers, by llama.cpp's server, and with an adapter beside."""
_READ_AS = 0.3
"""What a token of a prompt takes of one of an answer."""
_BYTES_A_TOKEN = 4


def of_export(target: str, kinds: Sequence[str], base: ModelCard) -> float:
    """Seconds until the files stand."""
    if target in ("adapter", "vllm"):
        return 1.0 if target == "adapter" else _LIBRARIES_S
    if target == "gguf-lora":
        return _LIBRARIES_S + _CONVERTER_S
    merging = _LIBRARIES_S + base.weight_bytes / _PACE
    if target == "merged":
        return merging
    plain = max(1, len({*kinds} & {*gguf.PLAIN}))
    converting = _CONVERTER_S + plain * (_CONVERTER_S + base.weight_bytes / _PACE)
    left = [kind for kind in kinds if kind not in gguf.PLAIN]
    quantizing = sum(_weights(base) / _QUANTIZED.get(kind, _QUANTIZED_ELSE) for kind in left)
    return merging + converting + quantizing


def of_proof(target: str, kinds: Sequence[str], base: ModelCard, run: RunDir) -> float:
    """Seconds until adapter and files have answered the held-out rows of ``run``.

    Told by its answers in the training's own evaluation; without one an answer is taken for a quarter of its limit.
    """
    config = toml.load(run.config).config
    rows = min(config.eval.generate_rows, MOST_ROWS)
    known = [each for each in evaluations.answers(evaluations.folder(run, TRAINING)) if each.candidate == TUNED][:rows]
    usual = config.eval.max_new_tokens / 4
    once = sum(map(_tokens, known)) if known else rows * usual
    again = sum(_tokens(each) for each in known if each.answer != each.reference) if known else rows * usual
    weights = _weights(base)
    in_memory = 2.0 + once * weights / _IN_MEMORY
    seconds = _LIBRARIES_S + (0.0 if _was_proved(run) else in_memory)
    if target == "merged":
        return seconds + in_memory
    files = len(kinds) if target == "gguf" else 1
    if target == "gguf-lora":
        converting = _CONVERTER_S + base.weight_bytes / _PACE
        return seconds + converting + _SERVER_S + (once + again) * weights / _SERVED_LORA
    return seconds + files * (_SERVER_S + (once + again) * weights / _SERVED)


def _tokens(answer: Answer) -> float:
    """Of an answer, and of its prompt as many as take as long."""
    return answer.tokens + _READ_AS * len(answer.prompt.encode()) / _BYTES_A_TOKEN


def _was_proved(run: RunDir) -> bool:
    """Whether the adapter's own answers are kept with another export."""
    return any(evaluations.is_export(each.name) for each in evaluations.all_of(run))


def _weights(base: ModelCard) -> float:
    return base.parameters or base.weight_bytes / 2
