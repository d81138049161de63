"""Each phase of a training is explained in one line that fits the smallest usual window."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from engine.messages import language
from engine.runs import events as ev
from engine.runs.phases import MESSAGES
from engine.runs.state import RunState
from tui.monitor.now import meaning

OF_EVALUATIONS = {"measure", "tasks", "judge"}


@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_every_phase_of_a_training_says_what_it_is_for(spoken: str) -> None:
    language.use(spoken)
    for name in MESSAGES.keys() - OF_EVALUATIONS:
        said = meaning(RunState(state="running", phase=ev.Phase(name=name)))
        assert said, name
        assert cell_len(said) <= 78, name


def test_a_run_that_has_ended_says_nothing() -> None:
    assert meaning(RunState(state="finished", phase=ev.Phase(name="train"))) == ""
