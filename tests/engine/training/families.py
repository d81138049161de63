"""Chat templates in the manner of well-known model families, each with a tokenizer that has its special tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.data.rows.messages import Message, Row
from engine.tokens.render import Renderer
from tests.tiny import CORPUS

# Line breaks in a row become one token, as in most large vocabularies.
BREAKS = ("One.\n\nTwo.\n\nThree.\n\n\nFour.", "assistant\n\nuser\n\nAnswer:\n\nQuestion:\n\n") * 4


@dataclass(frozen=True)
class Family:
    """A template and the names of its special tokens; ``stops`` end an answer, ``closing`` closes one in the text."""

    template: str
    stops: tuple[str, ...]
    eos: str
    closing: str
    bos: str = ""
    others: tuple[str, ...] = ()
    trims: bool = False
    has_system: bool = True


_LLAMA_2 = """\
{%- if messages and messages[0].role == 'system' -%}
{%- set system = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' -%}{%- set turns = messages[1:] -%}
{%- else -%}{%- set system = '' -%}{%- set turns = messages -%}{%- endif -%}
{%- for m in turns -%}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) -%}
{{ raise_exception('user and assistant must alternate') }}
{%- endif -%}
{%- if m.role == 'user' -%}{{ bos_token + '[INST] ' + (system if loop.first else '') + m.content.strip() + ' [/INST]' }}
{%- else -%}{{ ' ' + m.content.strip() + ' ' + eos_token }}{%- endif -%}
{%- endfor -%}"""

_LLAMA_3 = """\
{%- for m in messages -%}
{%- if loop.first -%}{{ bos_token }}{%- endif -%}
{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif -%}"""

_MISTRAL = """\
{{- bos_token -}}
{%- if messages and messages[0].role == 'system' -%}
{%- set system = messages[0].content + '\n\n' -%}{%- set turns = messages[1:] -%}
{%- else -%}{%- set system = '' -%}{%- set turns = messages -%}{%- endif -%}
{%- for m in turns -%}
{%- if m.role == 'user' -%}{{ '[INST] ' + (system if loop.first else '') + m.content + ' [/INST]' }}
{%- else -%}{{ ' ' + m.content + eos_token }}{%- endif -%}
{%- endfor -%}"""

_GEMMA = """\
{{- bos_token -}}
{%- for m in messages -%}
{%- if m.role == 'system' -%}{{ raise_exception('System role not supported') }}{%- endif -%}
{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + m.content | trim + '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"""

_PHI = """\
{%- for m in messages -%}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|assistant|>\n' }}{%- else -%}{{ eos_token }}{%- endif -%}"""

_ZEPHYR = """\
{%- for m in messages -%}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|assistant|>\n' }}{%- endif -%}"""

CHATML = """\
{%- for m in messages -%}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"""

TRIMMING = """\
{%- for m in messages -%}{{ '<|im_start|>' + m.role + '\n' + m.content | trim + '<|im_end|>\n' }}{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"""

FORGETS_THINKING = """\
{%- for m in messages -%}
{%- set text = m.content if loop.last else m.content.split('</think>')[-1] -%}
{{ '<|im_start|>' + m.role + '\n' + text + '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"""

# In the manner of Qwen: thinking is opened in the last turn only, and that of earlier turns is forgotten.
THINKING = """\
{%- set ns = namespace(last=-1) -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}{%- endif -%}{%- endfor -%}
{%- for m in messages -%}
{%- if m.role == 'assistant' -%}
{%- set thought = m.reasoning_content if m.reasoning_content else '' -%}
{{- '<|im_start|>assistant\n' -}}
{%- if loop.index0 > ns.last and (loop.last or thought) -%}
{{- '<think>\n' + thought.strip('\n') + '\n</think>\n\n' + m.content.lstrip('\n') -}}
{%- else -%}{{- m.content -}}{%- endif -%}
{{- '<|im_end|>\n' -}}
{%- else -%}{{- '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' -}}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"""

NO_OPENING = """\
{%- for m in messages -%}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{%- endfor -%}"""

NEVER_CLOSES = """\
{%- for m in messages -%}{{ m.role + ': ' + m.content + '\n' }}{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'assistant:' }}{%- endif -%}"""

_IM = {"stops": ("<|im_end|>",), "eos": "<|im_end|>", "closing": "<|im_end|>", "others": ("<|im_start|>",)}

FAMILIES = {
    "chatml": Family(CHATML, **_IM),  # type: ignore[arg-type]
    "llama 2": Family(_LLAMA_2, ("</s>",), "</s>", "</s>", bos="<s>", trims=True),
    "llama 3": Family(
        _LLAMA_3, ("<|end_of_text|>", "<|eot_id|>"), "<|end_of_text|>", "<|eot_id|>", bos="<|begin_of_text|>",
        others=("<|start_header_id|>", "<|end_header_id|>"), trims=True,
    ),
    "mistral": Family(_MISTRAL, ("</s>",), "</s>", "</s>", bos="<s>"),
    "gemma": Family(
        _GEMMA, ("<eos>", "<end_of_turn>"), "<eos>", "<end_of_turn>", bos="<bos>", others=("<start_of_turn>",),
        trims=True, has_system=False,
    ),
    "phi": Family(
        _PHI, ("<|endoftext|>", "<|end|>"), "<|endoftext|>", "<|end|>",
        others=("<|system|>", "<|user|>", "<|assistant|>"),
    ),
    "zephyr": Family(_ZEPHYR, ("</s>",), "</s>", "</s>", bos="<s>"),
    "trimming": Family(TRIMMING, trims=True, **_IM),  # type: ignore[arg-type]
}  # fmt: skip


@cache
def _backend(specials: tuple[str, ...]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator((*BREAKS, *CORPUS), trainer)
    return backend


def make_tokenizer(family: Family, template: str | None = None, adds_bos: bool = False) -> Any:
    """A tokenizer with the special tokens of ``family``; ``adds_bos`` as plain text gets it in many of them."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    specials = tuple(dict.fromkeys((family.bos, *family.stops, *family.others)))
    backend = type(_backend(specials)).from_str(_backend(tuple(s for s in specials if s)).to_str())
    if adds_bos:
        backend.post_processor = processors.TemplateProcessing(
            single=f"{family.bos} $A", special_tokens=[(family.bos, backend.token_to_id(family.bos))]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=family.eos, pad_token=family.eos, bos_token=family.bos or None
    )
    tokenizer.add_special_tokens({"additional_special_tokens": [s for s in specials if s]})
    tokenizer.chat_template = family.template if template is None else template
    return tokenizer


@cache
def renderer(name: str) -> Renderer:
    """The renderer of a family, with its stop tokens as a generation config would list them."""
    family = FAMILIES[name]
    tokenizer = make_tokenizer(family, adds_bos=bool(family.bos))
    return Renderer(tokenizer, frozenset(tokenizer.convert_tokens_to_ids(list(family.stops))))


def dialogue(*turns: str, system: str = "") -> Row:
    """User and assistant in turn, the user first."""
    messages = [Message("system", system)] if system else []
    messages += [Message("user" if i % 2 == 0 else "assistant", turn) for i, turn in enumerate(turns)]
    return Row(tuple(messages), "", "rows", "rows.jsonl", 1)


def trained_text(made: Renderer, row: Row, train_on: str = "assistant") -> str:
    """What the trained tokens of ``row`` say, special tokens included."""
    ids, labels = made.render(row, train_on)
    assert len(ids) == len(labels)
    assert all(label in (token, -100) for token, label in zip(ids, labels, strict=True))
    return str(made.tokenizer.decode([token for token, label in zip(ids, labels, strict=True) if label >= 0]))
