"""A real group of seeds: it outlives the shell that started it, and its runs are tested on the same rows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.runs import groups
from engine.runs.follow import load_state
from tests.e2e.conftest import MakeConfig
from tests.e2e.driving import poll_until
from tests.e2e.test_runner_lives_and_dies import tunedeck

pytestmark = pytest.mark.e2e


def test_two_seeds_are_trained_in_turn_and_hold_out_the_same_rows(make_config: MakeConfig) -> None:
    config = make_config(steps=4, every=50)
    begun = tunedeck("run", str(config), "--seeds", "2", "--detach", "--json", "--set", "dataset.test_rows=5")
    assert begun.returncode == 0, begun.stderr
    told = json.loads(begun.stdout)
    group = groups.find(told["group"])
    assert group is not None
    poll_until(lambda: not group.is_alive(), lambda: str([load_state(run).state for run in group.runs]))
    first, second = group.runs
    states = [load_state(run) for run in group.runs]
    assert [state.state for state in states] == ["finished", "finished"]
    ended, began = states[0].last_t, states[1].first_t
    assert began is not None
    assert ended <= began
    assert (np.load(first.held_out) == np.load(second.held_out)).all()
    weights = [(run.adapter / "adapter_model.safetensors").read_bytes() for run in group.runs]
    assert weights[0] != weights[1]
