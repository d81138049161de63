"""What answers, by its content: two models in folders of one name are told apart, and one that was moved is not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from engine.models.adapter.config import CONFIG_FILE
from engine.models.for_use import ForUse
from engine.models.origins import model_files
from engine.models.weights import hash_files


def identity_of(found: ForUse, on_progress: Callable[[int, int], None] | None = None) -> str:
    """Eight hex digits: the same for the same weights, adapter, tokenizer, template and precision, wherever they lie.

    Reads the weights once, about a second a GB; ``on_progress`` gets the bytes of that. Raises ModelError.
    """
    model = found.model
    digest = hashlib.blake2b(f"{model.quantization} {model.dtype}".encode(), digest_size=4)
    files = model_files(found.card.path, model.allow_pickle)
    if found.adapter is not None:  # what it was trained with takes the place of the base's tokenizer and template
        adapter = found.adapter.path
        files += [found.adapter.file, adapter / CONFIG_FILE, *model_files(adapter, model.allow_pickle)]
    for name, each in sorted(hash_files(files, on_progress).items()):
        digest.update(f"\0{name} {each}".encode())
    return digest.hexdigest()
