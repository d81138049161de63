"""A checkpoint exists whole or not at all, and brings everything back that decides the next step."""

from __future__ import annotations

import json
import pickle
import random
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer

from engine.common.errors import MachineError, RunError
from engine.config.schema import ModelSection, RunConfig
from engine.distributed.device import Placement
from engine.modeling.adapters import attach_adapter, trainable
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.load import load_base
from engine.models.card import read_card
from engine.runs import directory
from engine.runs.directory import RunDir
from engine.training import checkpoint
from engine.training.checkpoint import TrainerState

IDS = torch.randint(300, (2, 12), generator=torch.Generator().manual_seed(0))


@dataclass
class Trainee:
    """A model in training, without the loop."""

    model: Any
    tokenizer: Any
    optimizer: torch.optim.Optimizer

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            loss, _ = SupervisedLoss(self.model)(IDS, torch.arange(11), IDS[0, 1:])
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    def weights(self) -> list[torch.Tensor]:
        return [p.detach().clone() for p in trainable(self.model)]

    def save(self, run: RunDir, step: int, keep: int = 2) -> Path:
        path, _ = checkpoint.save(run, TrainerState(step), self.model, self.tokenizer, self.optimizer, keep)
        return path


def trainee(tiny: Path, **adapter: Any) -> Trainee:
    section = ModelSection(name_or_path=str(tiny))
    base = load_base(read_card(tiny), section, Placement(torch.device("cpu"), torch.float32, "no"), False)
    config = RunConfig.model_validate({"model": section, "data": [{"path": "rows"}], "adapter": {"r": 4} | adapter})
    model = attach_adapter(config, base, str(tiny))
    return Trainee(model, base.tokenizer, torch.optim.AdamW(trainable(model), lr=0.01))


@pytest.fixture
def run(home: Path) -> RunDir:
    return directory.create("models/tiny", "[model]\n")


def same(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_training_goes_on_from_a_checkpoint_as_if_never_interrupted(tiny: Path, run: RunDir) -> None:
    straight = trainee(tiny)
    straight.step(3)
    folder = straight.save(run, 3)
    straight.step(2)

    resumed = trainee(tiny)
    assert checkpoint.restore(folder, resumed.model, resumed.optimizer) == TrainerState(3)
    resumed.step(2)
    assert same(resumed.weights(), straight.weights())


def test_where_the_run_stands_comes_back(tiny: Path, run: RunDir) -> None:
    made = trainee(tiny)
    state = TrainerState(7, 900, 300, best_measure=1.25, best_step=5, worse_evals=2, train_seconds=12.5)
    folder, size = checkpoint.save(run, state, made.model, made.tokenizer, made.optimizer, 2)
    assert checkpoint.restore(folder, made.model, made.optimizer) == state
    assert size == sum(path.stat().st_size for path in folder.iterdir()) > 0


def test_with_another_kind_of_optimizer_the_adapter_goes_on_and_what_was_remembered_starts_anew(
    tiny: Path, run: RunDir
) -> None:
    made = trainee(tiny)
    made.step(2)
    folder = made.save(run, 2)
    other = trainee(tiny)
    other.optimizer = torch.optim.RMSprop(trainable(other.model), lr=0.5)  # as 8-bit states would be, of another form
    assert checkpoint.restore(folder, other.model, other.optimizer) == TrainerState(2)
    assert same(other.weights(), made.weights())
    assert not other.optimizer.state
    assert other.optimizer.param_groups[0]["lr"] == 0.5
    other.step()


def test_random_numbers_go_on_where_they_were(tiny: Path, run: RunDir) -> None:
    made = trainee(tiny)
    torch.rand(5)
    random.random()
    folder = made.save(run, 1)
    expected = (torch.rand(3).tolist(), random.random())
    torch.manual_seed(99)
    random.seed(99)
    checkpoint.restore(folder, made.model, made.optimizer)
    assert (torch.rand(3).tolist(), random.random()) == expected


def test_its_files_have_the_names_that_other_tools_know(tiny: Path, run: RunDir) -> None:
    folder = trainee(tiny).save(run, 5)
    assert folder.name == "checkpoint-5"
    assert {path.name for path in folder.iterdir()} >= {
        "adapter_model.safetensors", "adapter_config.json", "optimizer.pt", "rng_state_0.pth", "trainer_state.json",
        "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "COMPLETE",
    }  # fmt: skip
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == str(tiny)
    assert folder.stat().st_mode & 0o077 == 0


def test_the_mark_of_completeness_is_written_last(tiny: Path, run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[set[str]] = []
    sync = checkpoint._sync

    def watched(folder: Path) -> None:
        synced.append({path.name for path in folder.iterdir()})
        sync(folder)

    monkeypatch.setattr(checkpoint, "_sync", watched)
    folder = trainee(tiny).save(run, 1)
    (before_mark,) = synced
    assert before_mark == {path.name for path in folder.iterdir()} - {"COMPLETE"}


def test_a_process_killed_while_saving_leaves_nothing_that_counts(
    tiny: Path, run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trainee(tiny)
    made.save(run, 1)

    def killed(folder: Path) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_sync", killed)
        with pytest.raises(SystemExit):
            made.save(run, 2)
    assert (run.path / "checkpoint-2.partial").exists()
    assert [path.name for path in run.complete_checkpoints()] == ["checkpoint-1"]
    made.save(run, 2)
    assert [path.name for path in run.complete_checkpoints()] == ["checkpoint-1", "checkpoint-2"]
    assert not (run.path / "checkpoint-2.partial").exists()


def test_the_newest_are_kept_and_the_numbers_count_as_numbers(tiny: Path, run: RunDir) -> None:
    made = trainee(tiny)
    for step in (8, 9, 10, 11):
        made.save(run, step, keep=2)
    assert sorted(path.name for path in run.path.glob("checkpoint-*")) == ["checkpoint-10", "checkpoint-11"]


def test_saving_the_same_step_again_replaces_it(tiny: Path, run: RunDir) -> None:
    made = trainee(tiny)
    made.save(run, 4)
    made.step()
    folder = made.save(run, 4)
    other = trainee(tiny)
    checkpoint.restore(folder, other.model, other.optimizer)
    assert same(other.weights(), made.weights())


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """The system refuses every write beyond ``size`` bytes of a file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 5_000, 60_000], ids=["at once", "in the adapter", "in the optimizer"])
def test_a_full_disk_leaves_the_earlier_checkpoint_as_it_was(tiny: Path, run: RunDir, size: int) -> None:
    made = trainee(tiny)
    made.step()
    earlier = made.save(run, 1, keep=1)
    weights = made.weights()
    made.step()
    with no_file_longer_than(size), pytest.raises(MachineError, match="can't be written") as caught:
        made.save(run, 2, keep=1)
    assert str(run.checkpoint(2)) in caught.value.message
    assert caught.value.hint == "Free space on that disk. Then `tunedeck resume` continues from checkpoint-1."
    assert [path.name for path in run.path.glob("checkpoint-*")] == [earlier.name]
    other = trainee(tiny)
    checkpoint.restore(earlier, other.model, other.optimizer)
    assert same(other.weights(), weights)


@pytest.mark.parametrize("adapter", [{"r": 8}, {"target_modules": ["q_proj"]}, {"use_dora": True}])
def test_a_checkpoint_of_another_adapter_is_refused(tiny: Path, run: RunDir, adapter: dict[str, Any]) -> None:
    folder = trainee(tiny).save(run, 1)
    other = trainee(tiny, **adapter)
    with pytest.raises(RunError, match="can't be read") as caught:
        checkpoint.restore(folder, other.model, other.optimizer)
    assert str(folder) in caught.value.message


@pytest.mark.parametrize(
    "name", ["adapter_model.safetensors", "optimizer.pt", "rng_state_0.pth", "trainer_state.json"]
)  # fmt: skip
@pytest.mark.parametrize("damage", ["gone", "cut short"])
def test_a_damaged_file_is_an_error_with_a_way_out(tiny: Path, run: RunDir, name: str, damage: str) -> None:
    made = trainee(tiny)
    folder = made.save(run, 1)
    path = folder / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RunError, match="can't be read") as caught:
        checkpoint.restore(folder, made.model, made.optimizer)
    assert "Remove its COMPLETE file" in caught.value.hint


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("sprung"),))


def test_nothing_in_a_checkpoint_can_run_code(
    tiny: Path, run: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = trainee(tiny)
    folder = made.save(run, 1)
    (folder / "optimizer.pt").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(RunError, match="can't be read"):
        checkpoint.restore(folder, made.model, made.optimizer)
    assert not Path("sprung").exists()
    pickle.loads((folder / "optimizer.pt").read_bytes())
    assert Path("sprung").exists()  # the trap itself works


def test_a_checkpoint_without_its_mark_does_not_exist(tiny: Path, run: RunDir) -> None:
    made = trainee(tiny)
    made.save(run, 1)
    (made.save(run, 2) / "COMPLETE").unlink()
    shutil.copytree(run.checkpoint(1), run.path / "checkpoint-3.partial")
    assert [path.name for path in run.complete_checkpoints()] == ["checkpoint-1"]


def test_the_loss_scale_of_float16_goes_on_where_it_was(tiny: Path, run: RunDir) -> None:
    """Halved by an overflow and held for two steps since: a resumed run scales and doubles it as the straight one."""

    def scaled(scale: float) -> tuple[Trainee, torch.amp.GradScaler]:
        made, scaler = trainee(tiny), torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=3)
        Accelerator(cpu=True)  # the optimizer asks for the state that this leaves
        made.optimizer = AcceleratedOptimizer(made.optimizer, scaler=scaler)  # type: ignore[no-untyped-call]
        return made, scaler

    def take(made: Trainee, scaler: torch.amp.GradScaler, steps: int) -> float:
        for _ in range(steps):
            loss, _ = SupervisedLoss(made.model)(IDS, torch.arange(11), IDS[0, 1:])
            scaler.scale(loss).backward()
            made.optimizer.step()
            made.optimizer.zero_grad()
        return scaler.get_scale()

    straight, its_scale = scaled(2.0**20)
    take(straight, its_scale, 2)
    folder = straight.save(run, 2)
    resumed, new_scale = scaled(2.0**3)
    checkpoint.restore(folder, resumed.model, resumed.optimizer)
    assert take(resumed, new_scale, 1) == take(straight, its_scale, 1) == 2.0**21


def test_a_checkpoint_from_before_the_loss_scale_was_kept_is_still_good(tiny: Path, run: RunDir) -> None:
    made = trainee(tiny)
    folder = made.save(run, 1)
    assert not (folder / "scaler.pt").exists()
    made.optimizer.scaler = torch.amp.GradScaler("cpu")  # type: ignore[attr-defined]
    assert checkpoint.restore(folder, made.model, made.optimizer) == TrainerState(1)
