"""The size that is told before an export is that of the file: llama.cpp's own quantizer is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gguf import GGUFReader
from transformers import LlamaConfig, LlamaForCausalLM

from engine.export.gguf import converter, quantize
from engine.models.card import read_card
from engine.models.gguf import BITS, PLAIN, bits_a_weight, size_of
from tests.engine.export.gguf.families import VOCABULARY, write_tokenizer

pytestmark = pytest.mark.usefixtures("warm")

_HEADER = 0.03
"""Of a file as small as these; 0.01% of one of a gigabyte."""


@pytest.fixture(scope="module", params=["whole blocks", "other widths", "tied"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of 256 and 512 weights, or of 320 and 256, which the k-quants can't take."""
    folder = tmp_path_factory.mktemp("sizes") / "model"
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256 if request.param != "other widths" else 320, num_hidden_layers=9,
        intermediate_size=512 if request.param == "whole blocks" else 256, num_attention_heads=8,
        num_key_value_heads=2, tie_word_embeddings=request.param == "tied",
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def test_the_told_size_is_that_of_llama_cpps_file(model: Path, tmp_path: Path, converter_folder: Path) -> None:
    between = tmp_path / "f16.gguf"
    converter.run(converter_folder, {"do": "convert", "model": str(model), "out": str(between), "type": "f16"})
    card = read_card(model)
    for kind in ("f16", *(kind for kind in BITS if kind not in PLAIN)):
        file = tmp_path / f"{kind}.gguf"
        if kind not in PLAIN:
            quantize.quantize(between, file, kind)
        tensors = sum(int(each.n_bytes) for each in GGUFReader(file).tensors)
        assert size_of(card, kind) - 36 * VOCABULARY == pytest.approx(tensors, rel=1e-6), kind
        assert size_of(card, kind) == pytest.approx(file.stat().st_size, rel=_HEADER), kind


def test_a_model_whose_shapes_are_not_known_is_told_about(model: Path) -> None:
    import dataclasses

    card = read_card(model)
    unknown = dataclasses.replace(card, path=model / "gone")
    assert size_of(unknown, "q8_0") == round((card.parameters or 0) * BITS["q8_0"] / 8)
    assert bits_a_weight(unknown, "q8_0") == pytest.approx(BITS["q8_0"])
