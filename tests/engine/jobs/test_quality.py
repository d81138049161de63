"""The tokenizer's part of the examination: lengths, stop tokens, beginnings, unknown pieces, and what would help."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.schema import RunConfig
from engine.data.quality import examine as examining
from engine.data.quality.check import check
from engine.data.quality.examine import examine, merged
from engine.data.quality.findings import Finding, Report, from_json
from engine.data.quality.report import seen
from engine.data.rows.messages import Message as Turn
from engine.data.rows.messages import Row
from engine.jobs import quality
from engine.messages.catalogue import text
from engine.messages.message import Message
from tests.engine.data.quality.making import asked, jsonl, plain, row
from tests.engine.modeling.kernels.tiny_families import write_family
from tests.tiny import make_tiny_model

WITHOUT_SYSTEM = (
    "{% for m in messages %}{% if m['role'] != 'system' %}{{ '<|im_start|>' + m['role'] + '\n' + m['content']|trim + "
    "'<|im_end|>\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def settings(model: Path, data: Path, **dataset: Any) -> RunConfig:
    values = {"model": {"name_or_path": str(model)}, "data": [{"path": str(data)}], "dataset": dataset}
    return RunConfig.model_validate(values)


def look(model: Path, folder: Path, *rows: Row, **dataset: Any) -> Report:
    """What the tokenizer of ``model`` says of ``rows``, by the way they take through the doctor's pass."""
    data = folder / "rows.jsonl"
    data.write_text(jsonl(*rows))
    config = settings(model, data, **dataset)
    check(config, sample_into=folder / "sample.jsonl")
    asked_of = settings(model, folder / "sample.jsonl", **dataset)
    said = quality.answer(asked_of, lambda kind, **more: None)
    assert said["kind"] == "result"
    return from_json(json.loads(json.dumps(said["report"])))


def only(report: Report, code: str) -> Finding:
    (finding,) = report.of(code)
    return finding


TALK = [asked(f"{i} teas to Oslo, please.", f'{{"item": "tea", "qty": {i}}}') for i in range(12)]


def altered(folder: Path, **changes: Any) -> Path:
    """A tiny model whose tokenizer is set up otherwise."""
    made = make_tiny_model(folder)
    path = made / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return made


def test_a_system_text_that_the_template_leaves_out_is_found_and_can_be_kept(tiny: Path, tmp_path: Path) -> None:
    brief = Turn("system", "Be  brief. \n")
    told = [replace(each, messages=(brief, *each.messages)) for each in TALK]
    silent = make_tiny_model(tmp_path / "silent")
    (silent / "chat_template.jinja").write_text(WITHOUT_SYSTEM)
    finding = only(look(silent, tmp_path, *told, *TALK), "unwritten_turns")
    assert (finding.count, finding.of, finding.places[0].row) == (12, 24, 1)
    assert finding.places[0].seen == Message("quality.turn-unwritten", turn=1, role="system")
    assert finding.places[0].hint is not None
    assert finding.places[0].hint.code == "tokens.cure-merge"
    assert not look(silent, tmp_path, *told, fixes=["merge_system_turn"]).of("unwritten_turns")
    assert not look(tiny, tmp_path, *told, *TALK).of("unwritten_turns")


def test_lengths_are_those_of_the_training(tiny: Path, tmp_path: Path) -> None:
    report = look(tiny, tmp_path, *TALK, max_length=128)
    lengths = report.lengths
    assert lengths is not None
    assert {each.code for each in report.findings} <= {"costly_language"}
    assert lengths.rows == 12
    assert sum(count for _, count in lengths.bins) == 12
    assert lengths.needed["50"] <= lengths.needed["95"] <= lengths.needed["100"] <= lengths.bins[-1][0]
    assert 0.1 < lengths.supervised < 0.9


def test_rows_that_are_too_long_are_found_and_a_longer_limit_offered(tiny: Path, tmp_path: Path) -> None:
    rows = [*TALK, asked("Tell me a story.", "Once there was a fox. " * 20), asked("Why? " * 60, "So.")]
    finding = only(look(tiny, tmp_path, *rows, max_length=100), "too_long")
    assert (finding.count, [place.row for place in finding.places]) == (2, [13, 14])
    assert finding.detail is not None
    assert finding.detail.args == {"cut": 2}
    (remedy,) = finding.remedies
    wanted = remedy.settings["dataset.max_length"]
    assert wanted % 64 == 0
    assert remedy.left == 0
    assert not look(tiny, tmp_path, *rows, max_length=wanted).of("too_long")


def test_no_limit_is_offered_that_the_model_has_no_positions_for(tiny: Path, tmp_path: Path) -> None:
    rows = [*TALK, asked("Tell me a story.", "Once there was a fox. " * 200)]
    assert only(look(tiny, tmp_path, *rows, max_length=512), "too_long").remedies == ()


def test_rows_are_too_long_where_the_models_positions_end(tiny: Path, tmp_path: Path) -> None:
    short = write_family("gpt2", tmp_path / "short", tiny, n_positions=64)
    rows = [*TALK, asked("Tell me a story.", "Once there was a fox. " * 20)]
    report = look(short, tmp_path, *rows, max_length=256)
    assert report.lengths is not None
    assert report.lengths.max_length == 64
    assert only(report, "too_long").places[-1].row == 13


def test_long_plain_text_can_be_split(tiny: Path, tmp_path: Path) -> None:
    text = plain("Once there was a fox in the house by the sea. " * 100)
    finding = only(look(tiny, tmp_path, text, max_length=512), "too_long")
    assert [remedy.settings for remedy in finding.remedies] == [{"dataset.too_long": "split"}]
    assert not look(tiny, tmp_path, text, max_length=512, too_long="split").of("too_long")


def test_answers_without_a_stop_token_are_fatal(tmp_path: Path) -> None:
    model = altered(tmp_path / "model", eos_token="<|pad|>")
    for name in ("generation_config.json", "config.json"):
        values = json.loads((model / name).read_text())
        (model / name).write_text(json.dumps(values | {"eos_token_id": 0}))
    report = look(model, tmp_path, *TALK)
    finding = only(report, "stop_token")
    assert (finding.severity, finding.count, finding.of) == ("fatal", 12, 12)
    assert "<|im_end|>" in seen(finding.places[0])


def test_two_begin_tokens_in_a_row_are_found(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "model")
    template = "{{ bos_token }}{{ bos_token }}" + (model / "chat_template.jinja").read_text()
    (model / "chat_template.jinja").write_text(template)
    path = model / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"bos_token": "<|pad|>"}))
    assert only(look(model, tmp_path, *TALK), "double_bos").count == 12


def test_special_tokens_written_in_the_text_are_found_by_name(tiny: Path, tmp_path: Path) -> None:
    rows = [*TALK, asked("How does ChatML end?", "With <|im_end|>, each <|im_end|>."), asked("A <|tag|>?", "No.")]
    finding = only(look(tiny, tmp_path, *rows), "written_specials")
    assert (finding.count, finding.severity) == (1, "warning")
    assert [(place.row, place.seen) for place in finding.places] == [(13, "<|im_end|> (2x)")]
    assert not look(tiny, tmp_path, *TALK).of("written_specials")


def test_rows_the_template_refuses_are_named_with_its_reason(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "model")
    strict = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
    (model / "chat_template.jinja").write_text(strict + (model / "chat_template.jinja").read_text())
    bad = row("system: Be kind.", "user: Hi.", "assistant: Hello.")
    finding = only(look(model, tmp_path, *TALK, bad), "refused")
    assert (finding.count, finding.severity) == (1, "warning")
    assert "no system here" in seen(finding.places[0])
    assert only(look(model, tmp_path, bad), "refused").severity == "fatal"


def test_characters_the_tokenizer_does_not_know_are_counted_by_language(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "model")
    words = {"<unk>": 0, "<|pad|>": 1, "<|im_start|>": 2, "<|im_end|>": 3}
    known = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,?!{}":\n'
    words |= {letter: 4 + at for at, letter in enumerate(known)}
    made = json.loads((model / "tokenizer.json").read_text())
    made["model"] = {"type": "BPE", "vocab": words, "merges": [], "unk_token": "<unk>"}
    made |= {"pre_tokenizer": None, "decoder": None}
    for token in made["added_tokens"]:
        token["id"] = words[token["content"]]
    (model / "tokenizer.json").write_text(json.dumps(made))
    path = model / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"unk_token": "<unk>"}))
    english = [asked(f"What will the weather be in town number {i}?", "It will rain all day long.") for i in range(12)]
    chinese = [
        asked(f"请告诉我第{i}个城市今天的天气怎么样？", "今天很冷，整天都在下雨，请记得带上雨伞。") for i in range(12)
    ]
    report = look(model, tmp_path, *english, *chinese)
    assert only(report, "unknown_pieces").count == 12
    split = {each.language: each for each in report.languages}
    assert split["en"].unknown == 0
    assert split["zh"].unknown > 200
    assert split["zh"].tokens_per_character > 0.9


def test_a_language_that_is_split_finely_is_noted(tiny: Path, tmp_path: Path) -> None:
    chinese = [
        asked(f"请告诉我第{i}个城市今天的天气怎么样？", "今天很冷，整天都在下雨，请记得带上雨伞。") for i in range(12)
    ]
    finding = only(look(tiny, tmp_path, *chinese), "costly_language")
    assert finding.detail is not None
    assert finding.detail.args["language"] == "zh"
    assert finding.count == 12


def test_a_model_that_is_not_here_is_said_so(tmp_path: Path) -> None:
    said = quality.answer(settings(Path("someone/some-model"), tmp_path / "x"), lambda kind, **more: None)
    assert said["kind"] == "unavailable"


@pytest.mark.usefixtures("warm")
def test_the_whole_examination_joins_both_parts(tiny: Path, tmp_path: Path, home: Path) -> None:
    """Through a real child process: findings of all rows get tokens from the sample."""
    data = tmp_path / "rows.jsonl"
    data.write_text(jsonl(*TALK, asked("Who are you?", "I am {{name}}.")))
    told: list[Message] = []
    report = examine(settings(tiny, data), lambda done, total, message: told.append(message))
    assert report.lengths is not None
    assert report.lengths.rows == 13
    assert 10 < (only(report, "placeholders").tokens or 0) < 60
    assert Message("jobs.tokenizing") in told
    assert report.notes == ()


@pytest.mark.usefixtures("warm")
def test_a_tokenizer_that_fails_is_fatal_beside_all_else(tmp_path: Path, home: Path) -> None:
    model = make_tiny_model(tmp_path / "model")
    (model / "tokenizer.json").write_text("{broken")
    data = tmp_path / "rows.jsonl"
    data.write_text(jsonl(*TALK, asked("Who are you?", "I am {{name}}.")))
    report = examine(settings(model, data))
    assert only(report, "placeholders").count == 1
    assert report.lengths is None
    assert "can't be loaded" in text(only(report, "model").title)
    assert report.is_fatal


def test_of_a_sample_it_is_said_that_it_is_one(tiny: Path, tmp_path: Path) -> None:
    said = look(tiny, tmp_path, *TALK)
    light = check(settings(tiny, tmp_path / "rows.jsonl"))
    assert merged(light, said).notes == ()
    more = Report(tuple(source.__class__(**(vars(source) | {"rows": 5000})) for source in light.sources), ())
    assert merged(more, said).notes == (Message("quality.tokens-sampled", rows=12),)


def test_nothing_is_asked_where_no_row_is_left(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text(jsonl(asked("a", ""), asked("b", "")))
    monkeypatch.setattr(examining, "ask_tokenizer", None)
    assert examine(settings(tiny, data)).sources[0].rows == 0
