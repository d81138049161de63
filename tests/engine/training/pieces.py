"""A tokenizer in the manner of SentencePiece: spaces are letters, and bytes stand for what it does not know."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.engine.training.families import BREAKS, Family
from tests.tiny import CORPUS

BLANK = "\u2581"


@cache
def _backend(space_before: bool) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    learnt = Tokenizer(models.BPE())
    learnt.normalizer = normalizers.Replace(" ", BLANK)
    # No piece holds a line break and letters, or several words.
    learnt.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex("\n+"), "isolated"), pre_tokenizers.Split(BLANK, "merged_with_next")]
    )
    learnt.train_from_iterator((*BREAKS, *CORPUS), trainers.BpeTrainer(vocab_size=380, show_progress=False))
    model = json.loads(learnt.to_str())["model"]
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *model["vocab"]]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    merges = [tuple(merge) for merge in model["merges"]]
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    before = [normalizers.Prepend(BLANK)] if space_before else []
    made.normalizer = normalizers.Sequence([*before, normalizers.Replace(" ", BLANK)])
    after = [decoders.Strip(" ", 1, 0)] if space_before else []
    made.decoder = decoders.Sequence([decoders.Replace(BLANK, " "), decoders.ByteFallback(), decoders.Fuse(), *after])
    return made


def make_pieces_tokenizer(family: Family, space_before: bool = False) -> Any:
    """With the special tokens of ``family``; ``space_before`` puts one before each text, as Llama 2 does."""
    from transformers import PreTrainedTokenizerFast

    backend = type(_backend(space_before)).from_str(_backend(space_before).to_str())
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=family.eos, pad_token=family.eos, bos_token=family.bos or None,
        unk_token="<unk>",
    )  # fmt: skip
    specials = dict.fromkeys((family.bos, *family.stops, *family.others))
    tokenizer.add_special_tokens({"additional_special_tokens": [name for name in specials if name]})
    tokenizer.chat_template = family.template
    return tokenizer
