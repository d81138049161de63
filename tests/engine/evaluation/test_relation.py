"""The measurement on a tiny model: what is compared with what, and that it can be told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from engine.common.errors import DataError
from engine.config.schema import DatasetSection, ModelSection
from engine.data.rows.messages import Message as Turn
from engine.data.rows.messages import Row
from engine.distributed.device import Placement
from engine.evaluation.relation import hidden_means, mixed, relate
from engine.messages.message import Message
from engine.modeling.batches import collate, cut
from engine.modeling.load import BaseModel, load_base
from engine.tokens.examples import tokenise
from engine.tokens.render import Renderer
from engine.tokens.tokenizer import locate
from tests.benchmarks import task_pairs

DATASET = DatasetSection(max_length=256)


@pytest.fixture
def base(tiny: Path) -> BaseModel:
    section = ModelSection(name_or_path=str(tiny), quantization="none")
    card = locate(section, lambda done, total, message: None)
    return load_base(card, section, Placement(torch.device("cpu"), torch.float32, "no"), False)


@pytest.fixture(scope="module")
def adapter(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learns to answer "sums" in a few steps of plain PEFT."""
    section = ModelSection(name_or_path=str(tiny), quantization="none")
    card = locate(section, lambda done, total, message: None)
    loaded = load_base(card, section, Placement(torch.device("cpu"), torch.float32, "no"), False)
    torch.manual_seed(0)
    model = get_peft_model(loaded.model, LoraConfig(task_type="CAUSAL_LM", r=8, target_modules="all-linear"))
    renderer = Renderer(loaded.tokenizer, loaded.stops)
    examples, _ = tokenise(rows("sums", 1), range(40), renderer, DATASET, {"sums": 0})
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    batch = collate(examples, loaded.pad_id)
    labels = torch.full(batch.input_ids.shape, -100).flatten()
    labels[batch.positions + 1] = batch.targets
    for _ in range(25):
        model(input_ids=batch.input_ids, labels=labels.view_as(batch.input_ids)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    path = tmp_path_factory.mktemp("adapter")
    model.save_pretrained(path)
    return path


def rows(task: str, seed: int, count: int = 40) -> list[Row]:
    return [
        Row((Turn("user", row["prompt"]), Turn("assistant", row["completion"])), "", task, f"{task}.jsonl", n)
        for n, row in enumerate(task_pairs.draw(task, count, seed), start=1)
    ]


def test_the_adapter_helps_with_its_own_task_and_not_with_another(base: BaseModel, adapter: Path, tiny: Path) -> None:
    same = relate(base, adapter, rows("sums", 1), rows("sums", 2), DATASET)
    assert same.gain_new > 0.5
    assert same.transfer is not None
    assert same.transfer > 0.5
    assert (same.new_rows, same.old_rows) == (40, 40)


def test_another_task_gains_less_and_looks_apart(base: BaseModel, adapter: Path) -> None:
    other = relate(base, adapter, rows("sums", 1), rows("orders", 2), DATASET)
    assert other.transfer is not None
    assert other.transfer < 0.5
    assert other.mixing is not None
    assert other.mixing < 0.3
    assert other.likeness is not None
    assert not other.likeness.same_format


def test_without_old_rows_the_rest_is_measured(base: BaseModel, adapter: Path) -> None:
    half = relate(base, adapter, [], rows("sums", 2), DATASET, missing=["the old rows are gone"])
    assert half.base_old is half.adapter_old is half.mixing is half.likeness is None
    assert half.gain_new > 0.5
    assert half.missing == ("the old rows are gone",)


def test_large_data_is_sampled_the_same_way_every_time(base: BaseModel, adapter: Path) -> None:
    many = rows("orders", 3, 300)
    first = relate(base, adapter, [], many, DATASET, seed=4)
    assert first.new_rows == 200


def test_rows_that_can_not_be_rendered_are_an_error(base: BaseModel, adapter: Path) -> None:
    with pytest.raises(DataError):
        relate(base, adapter, [], rows("orders", 1), DatasetSection(max_length=8))


def test_progress_is_told_and_can_stop_it(base: BaseModel, adapter: Path) -> None:
    class Stopped(Exception):
        pass

    seen: list[Message] = []

    def on_progress(what: Message, done: int, total: int) -> None:
        seen.append(what)
        if what.code == "evaluation.loss-new-adapter":
            raise Stopped

    with pytest.raises(Stopped):
        relate(base, adapter, rows("sums", 1), rows("sums", 2), DATASET, on_progress=on_progress)
    assert seen[0] == Message("evaluation.loss-new-base")


def test_progress_is_counted_once_from_first_to_last(base: BaseModel, adapter: Path) -> None:
    told: list[tuple[int, int]] = []
    relate(
        base, adapter, rows("sums", 1, 90), rows("sums", 2, 70), DATASET,
        on_progress=lambda what, done, total: told.append((done, total)),
    )  # fmt: skip
    assert told == sorted(told)
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]
    assert len({total for _, total in told}) == 1


def test_hidden_means_do_not_depend_on_the_batch(base: BaseModel) -> None:
    renderer = Renderer(base.tokenizer, base.stops)
    examples, _ = tokenise(rows("orders", 1, 6), range(6), renderer, DATASET, {"orders": 0})
    together = hidden_means(base.model, cut(examples, 1 << 16, base.pad_id), torch.device("cpu"))
    alone = hidden_means(base.model, cut(examples, 8, base.pad_id), torch.device("cpu"))
    assert together.shape == (6, 64)
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_draws_of_one_cloud_mix_and_far_clouds_do_not() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(100, 16)), rng.normal(size=(80, 16))
    assert mixed(first, second) > 0.8
    assert mixed(first + 5, second - 5) == 0
    assert mixed(first[:1], second) == 0
