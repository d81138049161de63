"""A whole run that continues another: it begins where that one ended, and stands on its own afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from engine.common.errors import ModelError
from engine.config.presets import Layer, resolve
from engine.models.adapter.adopt import adopt
from engine.models.adapter.card import read_adapter
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.directory import RunDir
from tests.engine.training.making import Trained, stop_after, train, values, write_rows

_PLAIN_PEFT = """
import json, sys
from peft import PeftModel
from transformers import AutoModelForCausalLM
base, adapter = sys.argv[1:]
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
assert not any("engine" in name.split(".") for name in sys.modules)
config = model.peft_config["default"]
print(json.dumps([config.r, config.lora_alpha, sum(t.numel() for n, t in model.named_parameters() if "lora_" in n)]))
"""


def settings(model: Path, rows: Path, old: str | Path, /, **sections: Any) -> dict[str, Any]:
    """A run that continues ``old``, without a shape of its own."""
    made = values(model, rows, **sections)
    del made["adapter"]
    made["strategy"] = {"kind": "continue", "adapter": str(old)} | made.get("strategy", {})
    return made


def create(given: dict[str, Any]) -> RunDir:
    """The run directory as a front end makes it: with what the adapter fixes written down."""
    from engine.config import toml

    return directory.create("tiny", toml.dumps(adopt(resolve([Layer("file", given)]))))


@pytest.fixture
def first(tiny: Path, rows: Path) -> Trained:
    return train(values(tiny, rows, adapter={"r": 4, "lora_alpha": 8, "use_rslora": True}, train={"max_steps": 8}))


@pytest.mark.parametrize("model", [{}, {"quantization": "nf4"}], ids=["16 bit", "nf4"])
def test_it_begins_with_the_loss_the_first_run_ended_with(tiny: Path, rows: Path, model: dict[str, Any]) -> None:
    first = train(values(tiny, rows, model=model, train={"max_steps": 8}))
    second = Trained(create(settings(tiny, rows, first.run.id, model=model, train={"max_steps": 8})))
    (started,) = second.of(ev.RunStarted)
    assert (started.strategy, started.method.split()[-1]) == ("continue", "r4")
    ended, (before, after) = first.of(ev.Eval)[-1].loss, second.of(ev.Eval)
    assert before.loss == pytest.approx(ended, rel=2e-3)
    assert after.loss < before.loss


@pytest.mark.usefixtures("warm")
def test_the_result_names_its_parent_and_loads_with_plain_peft(tiny: Path, rows: Path, first: Trained) -> None:
    second = Trained(create(settings(tiny, rows, first.run.id)))
    card = read_adapter(second.run.id)
    assert card.record is not None
    (parent,) = card.record.parents
    assert (parent.kind, parent.run, parent.path) == ("continue", first.run.id, str(first.run.adapter))
    assert len(parent.sha256) == 64
    assert (card.record.strategy, card.settings.use_rslora) == ("continue", True)
    python = Path(sys.prefix, "bin", "python")  # without what the Python of the tests has loaded
    done = subprocess.run(
        [python, "-c", _PLAIN_PEFT, str(tiny), str(second.run.adapter)],
        capture_output=True, text=True, check=True, cwd=second.run.path,
    )  # fmt: skip
    assert json.loads(done.stdout) == [4, 8, card.parameters]


def test_stop_then_resume_gives_the_same_losses_even_when_the_old_adapter_is_gone(
    tiny: Path, rows: Path, tmp_path: Path, first: Trained
) -> None:
    moved = tmp_path / "old"
    shutil.copytree(first.run.adapter, moved)
    given = settings(tiny, rows, moved)
    straight = Trained(create(given))
    run = create(given)
    stopped = Trained(run, stop_after(3))
    shutil.rmtree(moved)
    resumed = Trained(run, resume=True)
    assert stopped.losses() + resumed.losses() == straight.losses()
    weights = [load_file(each.run.adapter / "adapter_model.safetensors") for each in (straight, resumed)]
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])
    record = read_adapter(run.id).record
    assert record is not None
    assert record.parents[0].path == str(moved)


def test_the_optimizers_state_goes_on_where_it_stood(tiny: Path, rows: Path, first: Trained) -> None:
    taken = Trained(create(settings(tiny, rows, first.run.id, strategy={"take_optimizer": True})))
    anew = Trained(create(settings(tiny, rows, first.run.id)))
    assert not taken.of(ev.Warn)
    assert taken.losses()[0] == anew.losses()[0]
    assert taken.losses()[2:] != anew.losses()[2:]


def test_a_missing_optimizers_state_is_said_and_the_run_goes_on(
    tiny: Path, rows: Path, tmp_path: Path, first: Trained
) -> None:
    shutil.copytree(first.run.adapter, tmp_path / "old")
    second = Trained(create(settings(tiny, rows, tmp_path / "old", strategy={"take_optimizer": True})))
    assert any(warning.message.code == "events.optimizer-not-taken" for warning in second.of(ev.Warn))
    assert second.of(ev.Finished)[0].outcome == "finished"


def test_a_base_that_changed_since_is_refused_in_the_runner_too(
    tiny: Path, rows: Path, tmp_path: Path, first: Trained
) -> None:
    changed = tmp_path / "tiny"
    shutil.copytree(tiny, changed)
    file = changed / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        Trained(create(settings(changed, rows, first.run.id)))
    assert "changed: model.safetensors" in caught.value.message


def test_new_rows_are_learnt_on_top(tiny: Path, tmp_path: Path, rows: Path, first: Trained) -> None:
    new = write_rows(tmp_path / "new.jsonl", start=100)
    second = Trained(create(settings(tiny, new, first.run.id, train={"max_steps": 12})))
    assert second.losses()[-1] < second.losses()[0]
    before = load_file(first.run.adapter / "adapter_model.safetensors")
    after = load_file(second.run.adapter / "adapter_model.safetensors")
    assert before.keys() == after.keys()
    assert any(not before[name].equal(after[name]) for name in before)
