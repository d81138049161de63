"""Base or chat: the verdict and its evidence, a word against it, what the model says itself, and template remedies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common import paths
from engine.config.presets import Layer, resolve
from tests.tui.looking import until
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import make_child, make_model, text_of
from tests.tui.wizard.steering import enter, press, settle, shown_words
from tui.widgets.choosers import PickList

SAID = {
    "type": "result", "files_say": "chat", "files_evidence": ["it has a chat template"], "model_says": "base",
    "model_evidence": ["<|im_end|> was hardly trained"],
    "marks": [{"token": "<|im_end|>", "matrix": "embedding", "norm": 0.12, "median": 1.5, "shorter": 0.001,
               "looks_trained": False}],
    "templated": {"prompt": "What is the capital?", "text": "Paris \u001b[31mred", "stopped": False, "at": ""},
    "plain": {"prompt": "The capital of France is", "text": " Paris.", "stopped": True, "at": "<|im_end|>"},
}  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_card_says_whether_the_kind_suits_the_task(
    open_wizard: Opener, model: Path, size: tuple[int, int]
) -> None:
    async with open_wizard(size=size) as (app, pilot):
        await press(app, pilot, "enter")
        words = shown_words(app)
        assert "chat model" in words
        assert "It already knows turns and when to stop." in words
        await press(app, pilot, "ctrl+k", "down", "enter")
        assert "! Plain text weakens how a chat model answers." in shown_words(app)


async def test_a_person_can_say_better(open_wizard: Opener, model: Path) -> None:
    async with open_wizard() as (app, pilot):
        await press(app, pilot, "enter", "tab", "tab", "right")
        assert "A chat model needs fewer rows for dialogue." in shown_words(app)
        await press(app, pilot, "ctrl+n")
        assert app.wizard.draft.get("model.kind") == "base"


async def test_asking_the_model_shows_norms_and_two_answers_and_its_word_can_be_taken(
    open_wizard: Opener, model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "child"
    folder.mkdir()
    async with open_wizard(kind_command=make_child(folder, SAID)) as (app, pilot):
        await press(app, pilot, "enter")
        assert "F5 Test the model" in text_of(app)
        await press(app, pilot, "f5")
        await until(pilot, lambda: "Base or chat?" in text_of(app))
        words = " ".join(text_of(app).split())
        assert "hardly trained" in words
        assert "0.12 (median 1.50)" in words
        assert "did not stop by itself" in words
        assert "\x1b" not in words
        await press(app, pilot, "b")
        assert app.wizard.draft.get("model.kind") == "base"


async def test_what_a_model_said_is_not_taken_for_the_word_of_another(
    open_wizard: Opener, model: Path, tmp_path: Path
) -> None:
    """The cursor went on to another model while the first one was being asked."""
    folder, answers = tmp_path / "child", tmp_path / "answers"
    folder.mkdir()
    make_model(model.parent / "tiny-other")
    async with open_wizard(kind_command=make_child(folder, SAID, waits_for=answers)) as (app, pilot):
        await press(app, pilot, "enter")
        asked = app.wizard.facts.card
        there, back = ("up", "down") if app.wizard.query_one("#model-list", PickList).cursor else ("down", "up")
        await pilot.press("f5", there)
        await until(pilot, lambda: app.wizard.facts.card not in (None, asked))
        other = app.wizard.facts.card
        answers.touch()
        await until(pilot, lambda: "has answered" in shown_words(app))
        assert asked is not None
        assert other is not None
        assert app.wizard.facts.stops == {str(asked.path): False}
        assert "Base or chat?" not in text_of(app)
        await press(app, pilot, back, "f5")
        await until(pilot, lambda: "Base or chat?" in text_of(app))
        await press(app, pilot, "b")
        assert app.wizard.draft.get("model.kind") == "base"


async def test_the_question_can_be_taken_back(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "child"
    folder.mkdir()
    async with open_wizard(kind_command=make_child(folder, SAID, waits_for=tmp_path / "never")) as (app, pilot):
        await press(app, pilot, "enter")
        await pilot.press("f5")
        await until(pilot, lambda: "Ctrl+X stops it" in shown_words(app))
        await press(app, pilot, "ctrl+x")
        assert "Stopped" in shown_words(app) or "Test cancelled" in shown_words(app)


async def test_a_template_whose_answers_would_not_end_is_mended_by_one_key(
    open_wizard: Opener, home: Path, rows: Path
) -> None:
    model = make_model(paths.models_dir() / "odd")
    told = {"eos_token": "</s>", "chat_template": "{% for m in messages %}<|im_start|>{{ m.content }}{% endfor %}"}
    (model / "tokenizer_config.json").write_text(json.dumps(told))
    marks = [{"id": 1, "content": "</s>"}, {"id": 2, "content": "<|im_start|>"}]
    (model / "tokenizer.json").write_text(json.dumps({"added_tokens": marks}))
    values = {"model": {"name_or_path": str(model)}, "data": [{"path": str(rows)}]}
    async with open_wizard(resolve([Layer("file", values)])) as (app, pilot):
        await enter(app, pilot, 4)
        assert "Answers would not end" in shown_words(app)
        await press(app, pilot, "1")
        await settle(app, pilot)
        assert app.wizard.draft.get("model.chat_template") == "plain"
