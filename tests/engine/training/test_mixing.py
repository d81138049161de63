"""Sources in their shares, from the config to the rows of each step."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.config.schema import DataSource, RunConfig
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs import interventions
from engine.runs.interventions import Interventions, Skip
from engine.runs.phases import Phases
from engine.tokens.dataset import Prepared, prepare_rows
from engine.tokens.render import Renderer
from engine.tokens.tokenizer import load_words, locate
from engine.training.mixing import plan_steps, tell_mix, tell_skipped
from tests.engine.training.making import Trained, create_run, values, write_rows

pytestmark = pytest.mark.usefixtures("home")


def mixed_config(tiny: Path, folder: Path, **second: Any) -> RunConfig:
    settings = values(tiny, write_rows(folder / "new.jsonl", 40), train={"max_steps": None, "num_train_epochs": 2.0})
    settings["data"].append({"path": str(write_rows(folder / "old.jsonl", 60, start=500)), **second})
    return RunConfig.model_validate(settings)


def prepared_of(config: RunConfig) -> Prepared:
    card = locate(config.model, lambda done, total, message: None)
    words = load_words(card, config.model)
    return prepare_rows(config, Renderer(words.tokenizer, words.stops), Phases(lambda e: None))


def said(config: RunConfig, prepared: Prepared) -> list[str]:
    seen: list[ev.Event] = []
    tell_mix(config, prepared, plan_steps(config, prepared), seen.append)
    return [text(event.message) for event in seen if isinstance(event, ev.Warn)]


def test_the_steps_hold_the_share_of_replay_in_tokens(tiny: Path, tmp_path: Path) -> None:
    config = mixed_config(tiny, tmp_path, role="replay", share=0.2)
    prepared = prepared_of(config)
    steps = plan_steps(config, prepared)
    tokens: Counter[str] = Counter()
    for step in range(1, steps.total_steps + 1):
        for row in steps.rows(step):
            example = prepared.train[row]
            tokens[prepared.sources[example.source]] += len(example.ids)
    assert tokens["old"] / sum(tokens.values()) == pytest.approx(0.2, abs=0.03)


def test_replayed_rows_are_all_trained_on_and_none_is_held_out(tiny: Path, tmp_path: Path) -> None:
    prepared = prepared_of(mixed_config(tiny, tmp_path, role="replay", share=0.2))
    counts = Counter(prepared.sources[example.source] for example in prepared.train)
    assert counts == {"new": 36, "old": 60}
    assert {prepared.sources[example.source] for example in prepared.heldout} == {"new"}


def test_a_source_that_repeats_often_is_warned_of(tiny: Path, tmp_path: Path) -> None:
    config = mixed_config(tiny, tmp_path, share=0.97)
    assert "old is repeated" in said(config, prepared_of(config))[0]


def test_rows_that_an_earlier_run_skipped_are_told_of(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", 9)
    run = create_run(values(Path("models/tiny"), rows))
    config = RunConfig.model_validate(values(Path("models/tiny"), rows))
    config.data.append(DataSource(path=f"run:{run.id}", role="replay"))
    seen: list[ev.Event] = []
    tell_skipped(config, seen.append)
    assert seen == []
    interventions.keep(run, Interventions(skips=(Skip(step=1, of_step=2, rows=2, keys=("ab", "cd")),)))
    tell_skipped(config, seen.append)
    told = [event.message for event in seen if isinstance(event, ev.Warn)]
    assert told == [Message("steering.replay-without", source=f"run:{run.id}", rows=2)]


def test_a_capped_source_says_what_it_gets(tiny: Path, tmp_path: Path) -> None:
    config = mixed_config(tiny, tmp_path, share=0.9)
    config.dataset.epochs_cap = 3
    assert "instead of 90%" in said(config, prepared_of(config))[0]


def test_too_much_replay_is_warned_of(tiny: Path, tmp_path: Path) -> None:
    config = mixed_config(tiny, tmp_path, role="replay", share=0.6)
    assert any("slows down learning" in title for title in said(config, prepared_of(config)))


def test_one_source_says_nothing(tiny: Path, tmp_path: Path) -> None:
    config = RunConfig.model_validate(values(tiny, write_rows(tmp_path / "new.jsonl", 40)))
    assert said(config, prepared_of(config)) == []


def test_a_run_with_an_earlier_runs_rows_trains_and_tells_losses_apart(tiny: Path, tmp_path: Path) -> None:
    old = create_run(values(tiny, write_rows(tmp_path / "old.jsonl", 40)))
    settings = values(tiny, write_rows(tmp_path / "new.jsonl", 40, start=300))
    settings["data"].append({"path": f"run:{old.id}", "role": "replay", "share": 0.3})
    trained = Trained(create_run(settings))
    steps = trained.of(ev.Step)
    assert len(steps) == 6
    assert {name for step in steps for name in step.loss_by_source} == {"new", f"run-{old.id}"}


def test_shares_are_met_by_what_a_run_reads_and_told_by_its_adapter(tiny: Path, tmp_path: Path) -> None:
    """Of three sources of other sizes than their shares, one of them a tenth that repeats."""
    settings = values(
        tiny, write_rows(tmp_path / "new.jsonl", 60), train={"max_steps": 30, "batch_size": 8}, dataset={"eval_rows": 2}
    )
    settings["data"][0]["share"] = 0.7
    settings["data"].append({"path": str(write_rows(tmp_path / "chat.jsonl", 60, start=100)), "share": 0.2})
    settings["data"].append({"path": str(write_rows(tmp_path / "old.jsonl", 9, start=200)), "share": 0.1})
    trained = Trained(create_run(settings))
    steps = trained.of(ev.Step)
    seen = Counter(name for step in steps for name in step.loss_by_source)
    assert seen["new"] == seen["chat"] == 30
    assert seen["old"] > 15
    told = json.loads((trained.run.adapter / "tunedeck.json").read_text())["data"]
    total = sum(source["tokens"] for source in told)
    assert total == steps[-1].num_tokens
    assert [source["tokens"] / total for source in told] == pytest.approx([0.7, 0.2, 0.1], abs=0.01)
    assert told[2]["tokens"] > told[2]["source_tokens"]
