"""Child process that turns a GGUF model into a Hugging Face folder with safetensors, once.

``python -P -m engine.export.safetensors_from_gguf SRC_GGUF DST_DIR`` writes ``DST_DIR.partial`` and renames it,
so a folder named DST_DIR is always complete. Each phase is one JSON line on stdout, of type progress.
"""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.common.child import answers
from engine.common.clean_text import in_words
from engine.messages.message import Message

PHASES = (
    "export.loading-libraries", "export.reading-tokenizer", "export.converting", "export.writing", "export.checking"
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Convert; 0 when DST_DIR stands, 1 with one line on stderr when it can't."""
    source, target = Path(arguments[0]).absolute(), Path(arguments[1]).absolute()
    say = answers()
    try:
        convert(source, target, lambda phase: say(
            "progress", done=phase, total=len(PHASES), message=Message(PHASES[phase])
        ))  # fmt: skip
    except Exception as error:  # the caller shows one line, whatever a broken file makes the libraries raise
        print(in_words(error, 300), file=sys.stderr, flush=True)
        return 1
    return 0


def convert(source: Path, target: Path, on_phase: Callable[[int], None]) -> None:
    """Convert the GGUF file ``source`` into the folder ``target``, which must not exist yet."""
    on_phase(0)
    with _read_once():
        _convert(source, target, on_phase)


def _convert(source: Path, target: Path, on_phase: Callable[[int], None]) -> None:
    import torch
    import transformers
    from transformers import AutoTokenizer, GgufConfig

    from engine.modeling.model_files import load_model

    transformers.utils.logging.disable_progress_bar()
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    on_phase(1)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    if _pre_tokenizer(source) == "smollm":
        _split_digits(tokenizer)
    on_phase(2)
    model = load_model(
        source.parent, gguf_file=source.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
    ).model
    tokenizer.model_max_length = model.config.max_position_embeddings
    on_phase(3)
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    on_phase(4)
    _check(model, partial)
    partial.rename(target)


@contextmanager
def _read_once() -> Iterator[None]:
    """Transformers reads a GGUF file anew for its tokenizer, its config and its weights, a second or more each with all
    of the vocabulary, and makes the table of the tensors' names for each module of the model: both are made once here.
    """
    import gguf

    reader, names = gguf.GGUFReader, gguf.get_tensor_name_map
    read = functools.cache(reader)
    gguf.GGUFReader = lambda path: read(str(path))
    gguf.get_tensor_name_map = functools.cache(names)
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = reader, names


def _pre_tokenizer(source: Path) -> str:
    """Name of the way the GGUF's tokenizer cuts text before it looks up pieces; "" where it does not say."""
    from gguf import GGUFReader

    field = GGUFReader(source).get_field("tokenizer.ggml.pre")
    return str(field.contents()) if field else ""


def _split_digits(tokenizer: Any) -> None:
    """SmolLM's tokenizer reads numbers digit by digit before anything else; GGUF carries that as a name only."""
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )


def _check(model: Any, folder: Path) -> None:
    """The written folder loads again and holds the same weights. Raises ValueError where it does not."""
    import torch
    from transformers import AutoTokenizer

    from engine.modeling.model_files import load_model

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.eos_token_id is None:
        raise ValueError("the converted tokenizer has no end token")
    written = load_model(folder, dtype="auto").model.state_dict()
    for name, tensor in model.state_dict().items():
        if name not in written or not torch.equal(tensor, written[name]):
            raise ValueError(f"the written weights differ from the converted ones at {name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
