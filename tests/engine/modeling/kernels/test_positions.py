"""The longest row that a model's files promise is the longest that it computes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.common.errors import ConfigError
from engine.config.presets import Layer, resolve
from engine.evaluation.generate import Generator
from engine.modeling.out_of_memory import MemoryGuard
from engine.models.card import read_card
from engine.models.checks import longest_row, position_issue
from tests.engine.app.checking import preflight
from tests.engine.modeling.kernels.tiny_families import model_of, write_family
from tests.engine.training import making

LIMITED = {
    "gpt2": {"n_positions": 64}, "gpt_neo": {"max_position_embeddings": 64}, "opt": {}, "gptj": {}, "codegen": {},
    "mpt": {}, "gpt_bigcode": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}, "biogpt": {},
    "openai-gpt": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
}  # fmt: skip
FREE = ("llama", "gpt_neox", "phi", "stablelm", "falcon", "bloom", "gemma3_text", "cohere")


def computes(model: torch.nn.Module, length: int) -> bool:
    try:
        with torch.no_grad():
            model(torch.full((1, length), 5))
    except (IndexError, RuntimeError):
        return False
    return True


@pytest.mark.parametrize("family", [*LIMITED, *FREE])
def test_a_row_of_that_length_can_be_computed_and_no_longer_one(family: str, tmp_path: Path) -> None:
    model = model_of(family, **LIMITED.get(family, {}))
    model.save_pretrained(tmp_path)
    limit = read_card(tmp_path).position_limit
    assert limit == (64 if family in LIMITED else 0)
    assert computes(model, 64)
    assert computes(model, 65) is not bool(limit)


def test_padding_counts_too(tiny: Path, tmp_path: Path) -> None:
    card = read_card(write_family("gpt2", tmp_path / "odd", tiny, n_positions=63))
    assert (card.position_limit, longest_row(card)) == (63, 56)


def test_positions_of_pictures_limit_no_text(tmp_path: Path) -> None:
    import safetensors.torch

    model_of("llama").save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    tensors["vision_tower.embeddings.position_embedding.weight"] = torch.zeros(16, 8)
    safetensors.torch.save_file(tensors, path, {"format": "pt"})
    assert read_card(tmp_path).position_limit == 0


@pytest.fixture
def short(tiny: Path, tmp_path: Path) -> Path:
    return write_family("gpt2", tmp_path / "short", tiny, n_positions=64)


def test_longer_rows_are_an_error_of_the_check_and_its_hint_helps(short: Path, rows: Path) -> None:
    values = making.values(short, rows, dataset={"max_length": 256})
    with pytest.raises(ConfigError, match="256 tokens are more than the 64 positions") as caught:
        preflight(resolve([Layer("test", values)]))
    assert "Set it to 64." in str(caught.value)
    issues = preflight(resolve([Layer("test", making.values(short, rows, dataset={"max_length": 64}))]))
    assert not any(issue.field == "dataset.max_length" for issue in issues)


def test_a_run_whose_model_comes_later_is_refused_before_its_rows_are_read(short: Path, rows: Path) -> None:
    with pytest.raises(ConfigError, match="64 positions"):
        making.train(making.values(short, rows, dataset={"max_length": 256}))


def test_more_than_rotary_positions_are_a_warning(tiny: Path) -> None:
    issue = position_issue(1024, read_card(tiny))
    assert issue is not None
    assert (issue.level, read_card(tiny).position_limit) == ("warning", 0)


def test_answers_end_where_the_positions_do(short: Path) -> None:
    model = model_of("gpt2", n_positions=64)
    memory = MemoryGuard(torch.device("cpu"), lambda event: None)

    class Ids:
        """Answers as the numbers of their tokens."""

        def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
            return " ".join(map(str, ids))

    prompts = [[7] * 60, [7] * 64, [7] * 65]
    generator = Generator(model, Ids(), frozenset(), 0, lambda: None, memory, most_positions=64)
    answers = generator.answer(prompts, 32)
    assert [len(answer.text.split()) for answer in answers[:2]] == [5, 1]
    assert "64 positions" in answers[2].text
    assert generator.rehearse(prompts[2:], 32) == 0
