"""The wizard's child process answers about the rows as the training will see them, in JSON lines and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError, ModelError, TunedeckError
from engine.config.schema import RunConfig
from engine.data.mixing.source_figures import SourceFigures, mixed
from engine.distributed.device import place
from engine.jobs import data
from engine.messages.message import Message
from engine.modeling.load import load_base
from engine.models.card import read_card
from engine.runs.phases import Phases
from engine.tokens.dataset import prepare_rows
from engine.tokens.render import Renderer
from engine.tokens.tokenizer import load_words, locate
from engine.training.mixing import plan_steps
from tests.engine.training.making import create_run, values, write_rows
from tests.tiny import make_tiny_model

Said = list[dict[str, Any]]


def ask(settings: dict[str, Any]) -> tuple[dict[str, Any], Said]:
    """The answer and the progress before it, in this process."""
    said: Said = []
    answer = data.answer(RunConfig.model_validate(settings), lambda kind, **more: said.append({"type": kind, **more}))
    return answer, said


def test_it_counts_rows_and_tokens(tiny: Path, rows: Path) -> None:
    answer, said = ask(values(tiny, rows))
    assert answer["kind"] == "result"
    assert (answer["rows"], answer["train_rows"], answer["eval_rows"], answer["sample_rows"]) == (24, 20, 4, 20)
    assert answer["tokens_p50"] <= answer["tokens_p95"] <= answer["tokens_max"] <= 128
    assert answer["tokens_mean"] == pytest.approx(answer["tokens_total"] / 20)
    assert 0.2 < answer["supervised_share"] < 0.8
    assert 0 <= answer["padding_share"] < 0.2
    assert (answer["too_long"], answer["no_supervised"], answer["refused"]) == (0, 0, 0)
    assert {item["type"] for item in said} == {"progress"}
    assert said[-1] == {"type": "progress", "done": 20, "total": 20, "message": Message("jobs.tokenizing")}


def test_its_examples_show_what_is_read_and_what_is_trained(tiny: Path, rows: Path) -> None:
    first, second = ask(values(tiny, rows))[0]["examples"]
    for example in (first, second):
        assert example["text"].startswith("<|im_start|>user\n")
        assert example["trained"].startswith('{"item": ')
        assert example["trained"].endswith("}<|im_end|>")
        assert example["trained"] in example["text"]


def test_it_counts_as_the_training_does(tiny: Path, rows: Path) -> None:
    config = RunConfig.model_validate(values(tiny, rows, dataset={"max_length": 70}))
    base = load_base(read_card(tiny), config.model, place(config), False)
    sink: list[Any] = []
    trained = prepare_rows(config, Renderer(base.tokenizer, base.stops), Phases(sink.append))
    answer, _ = ask(values(tiny, rows, dataset={"max_length": 70}))
    assert trained.tokens.too_long > 0
    assert answer["too_long"] == trained.tokens.too_long
    assert answer["tokens_total"] == trained.tokens.tokens
    assert answer["train_rows"] == len(trained.train)
    assert answer["tokens_max"] == trained.tokens.longest_seen


def test_of_many_rows_a_sample_stands_for_all(
    tiny: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = write_rows(tmp_path / "many.jsonl", 400)
    whole, _ = ask(values(tiny, many))
    monkeypatch.setattr(data, "SAMPLE_ROWS", 99)
    sample, _ = ask(values(tiny, many))
    assert (whole["sample_rows"], sample["sample_rows"]) == (396, 99)
    assert sample["train_rows"] == whole["train_rows"] == 396
    assert sample["tokens_total"] == pytest.approx(whole["tokens_total"], rel=0.05)


def test_each_source_has_figures_from_which_any_mix_follows(tiny: Path, rows: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.jsonl"
    unanswered = {"messages": [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Hi."}]}
    talk = {"messages": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]}
    long = {"messages": [talk["messages"][0], {"role": "assistant", "content": "Hello. " * 200}]}
    old.write_text("".join(json.dumps(row) + "\n" for row in [talk, unanswered, talk, long, talk]))
    settings = values(tiny, rows)
    settings["data"].append({"path": str(old), "role": "replay", "share": 0.25})
    answer, said = ask(settings)
    first, second = (SourceFigures(**source) for source in answer["sources"])
    assert (first.name, first.rows, first.held_out, first.examples, first.dropped) == ("rows", 20, 4, 20, 0)
    assert (second.name, second.rows, second.held_out, second.examples) == ("old", 5, 0, 3)
    assert (second.refused, second.too_long, second.not_trained) == (1, 1, 0)
    assert 0 < first.trained_mean < first.tokens_mean
    assert said[-1]["done"] == said[-1]["total"] == 25
    config = RunConfig.model_validate(settings)
    sink: list[Any] = []
    words = load_words(locate(config.model, lambda done, total, message: None), config.model)
    renderer = Renderer(words.tokenizer, words.stops)
    trained = prepare_rows(config, renderer, Phases(sink.append))
    for shares in ((None, 0.25), (0.5, 0.5), (0.8, None)):
        for source, share in zip(config.data, shares, strict=True):
            source.share = share
        mix = plan_steps(config, trained).passes
        assert mixed((first, second), shares, passes=1.2).rows == mix.count


def test_rows_that_the_template_refuses_are_counted_and_named(tiny: Path, rows: Path) -> None:
    unanswered = {"messages": [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Hi."}]}
    talk = {"messages": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]}
    rows.write_text("".join(json.dumps(row) + "\n" for row in [talk, unanswered, talk, unanswered, talk]))
    answer, _ = ask(values(tiny, rows, dataset={"eval_rows": 0}))
    assert (answer["refused"], answer["train_rows"]) == (2, 3)
    first = Message.from_json(answer["refused_rows"][0])
    assert (Path(first.args["file"]).name, first.args["row"], first.args["reason"].code) == (
        "rows.jsonl", 2, "tokens.no-answer",
    )  # fmt: skip


def test_a_model_that_is_not_here_yet_makes_no_error(rows: Path) -> None:
    answer, _ = ask(values(Path("someone/some-model"), rows))
    assert answer == {"kind": "unavailable", "message": Message("jobs.lengths-later", model="someone/some-model")}


def test_stop_tokens_are_found_in_the_models_config_too(tiny: Path, rows: Path, tmp_path: Path) -> None:
    """As in training: a model without a generation config generates by its own."""
    folder = make_tiny_model(tmp_path / "model")
    (folder / "generation_config.json").unlink()
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | {"eos_token": "<|pad|>"}))
    assert ask(values(folder, rows))[0]["kind"] == "result"
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"eos_token_id": 0}))
    with pytest.raises(ModelError) as caught:
        ask(values(folder, rows))
    assert caught.value.code == "tokens.stop-token-unknown"


def no_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{not json")


@pytest.mark.parametrize("spoil", [no_tokenizer, broken_tokenizer])
def test_a_tokenizer_that_can_not_be_loaded_is_an_error_in_words(rows: Path, tmp_path: Path, spoil: Any) -> None:
    folder = make_tiny_model(tmp_path / "model")
    spoil(folder)
    with pytest.raises(ModelError) as caught:
        ask(values(folder, rows))
    assert str(folder) in str(caught.value)


def test_a_sample_of_many_rows_stands_for_all_of_them(tiny: Path, home: Path, tmp_path: Path) -> None:
    many = tmp_path / "many.jsonl"
    lines = ({"prompt": f"count to {n}", "completion": "one two " * (n % 7 + 1)} for n in range(6000))
    many.write_text("".join(json.dumps(line) + "\n" for line in lines))
    said, _ = ask(values(tiny, many, dataset={"eval_rows": 300}))
    assert (said["rows"], said["train_rows"], said["eval_rows"], said["sample_rows"]) == (6000, 5700, 300, 2000)
    few = tmp_path / "few.jsonl"
    few.write_text("".join(many.read_text().splitlines(keepends=True)[:1500]))
    exact, _ = ask(values(tiny, few, dataset={"eval_rows": 0}))
    assert exact["sample_rows"] == 1500
    assert said["tokens_mean"] == pytest.approx(exact["tokens_mean"], rel=0.03)


def test_errors_of_the_rows_are_those_of_the_training(tiny: Path, rows: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Every row is longer"):
        ask(values(tiny, rows, dataset={"max_length": 8}))
    with pytest.raises(TunedeckError):
        ask(values(tiny, tmp_path / "nowhere.jsonl"))


_NOISY = """
import os, sys
from engine.jobs import __main__ as inspect
from engine.jobs import data
parts_of = data.parts_of
def noisy(*given, **named):
    print("a library says hello")
    os.write(1, b"and so does its C half\\n")
    return parts_of(*given, **named)
data.parts_of = noisy
raise SystemExit(inspect.main(sys.argv[1:]))
"""


@pytest.mark.usefixtures("warm")
def test_stdout_holds_json_lines_whatever_libraries_print(tiny: Path, rows: Path, tmp_path: Path) -> None:
    """Three questions at once, as each costs a process: a good one, one of bad rows, one of a bad config."""
    good = create_run(values(tiny, rows)).config
    bad_rows = create_run(values(tiny, rows, dataset={"max_length": 8})).config
    bad_config = tmp_path / "bad.toml"
    bad_config.write_text("[train]\nlearning_rat = 1\n")
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _NOISY, "data", "--config", str(config)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for config in (good, bad_rows, bad_config)
    ]  # fmt: skip
    answers = [child.communicate(timeout=120) for child in children]
    said = [[json.loads(line) for line in out.splitlines()] for out, _ in answers]
    assert [child.returncode for child in children] == [0, 1, 1]

    assert [line["type"] for line in said[0][:-1]] == ["progress"] * (len(said[0]) - 1)
    assert said[0][-1]["type"] == "result"
    assert said[0][-1]["train_rows"] == 20
    assert "a library says hello" in answers[0][1]

    assert said[1][-1]["type"] == "error"
    refusal = TunedeckError.from_json(said[1][-1])
    assert (refusal.title, bool(refusal.hint)) == ("Every row is longer than max_length", True)

    assert [line["type"] for line in said[2]] == ["error"]
    assert "learning_rat" in TunedeckError.from_json(said[2][0]).message
    assert "Traceback" not in "".join(err for _, err in answers)
