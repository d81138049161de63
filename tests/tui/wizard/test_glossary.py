"""What a newcomer may not know is explained by one key, where it stands, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.messages import language
from engine.messages.catalogue import part, room, text
from engine.messages.message import Message
from tests.tui.looking import screen_text, until
from tests.tui.machines import gpu, with_gpus
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.large_models import make_large
from tests.tui.wizard.settings.test_make_fit import prefilled
from tests.tui.wizard.steering import press
from tui import keys
from tui.app import TunedeckApp
from tui.draft import fields
from tui.flow.settings import SECTIONS
from tui.widgets import glossary
from tui.widgets.dialogs import ConfirmScreen
from tui.widgets.help import HelpScreen
from tui.wizard.settings.make_fit import MakeFitScreen
from tui.world import World

PLAIN = set(
    re.findall(
        r"\S+",
        """N allow best by columns command every fixes format generate keep kind length long max name new notes on or
    path private role row rows share shell subset tags take too trust url use weight r left time took now
    最大行长 每 比例 行数 剩余 用时 秒""",
    )
)  # fmt: skip
"""Words of labels that everybody knows; the sentence beside the field says what they are there."""
STRIP = (
    "app.loss", "monitor.eval", "monitor.rate", "monitor.gradient", "monitor.speed", "monitor.took", "monitor.left",
    "monitor.epoch", "monitor.tokens", "forgetting.gauge",
)  # fmt: skip
"""The figures of the monitor's strip."""


def _unknown(words: str) -> set[str]:
    """The words that are neither plain nor in the glossary."""
    _, known = glossary._known(language.current())
    return set(re.findall(r"[A-Za-z]+|[一-鿿]+", known.sub(" ", words))) - PLAIN


@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_every_label_of_a_setting_is_plain_or_explained(spoken: str) -> None:
    language.use(spoken)
    labels = [spec.label for section in (*SECTIONS, "data", "strategy") for spec in fields.section_specs(section)]
    assert {label: left for label in labels if (left := _unknown(label))} == {}


@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_every_figure_of_the_strip_is_plain_or_explained(spoken: str) -> None:
    language.use(spoken)
    assert {code: left for code in STRIP if (left := _unknown(text(code)))} == {}


@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_what_takes_memory_and_how_adapters_are_mixed_is_explained(spoken: str) -> None:
    language.use(spoken)
    codes = ("memory.term-checkpoints", "memory.term-logits", "memory.phase-backward", "mixes.key-density")
    assert [code for code in codes if not glossary.terms_in(text(code))] == []


@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_every_term_is_one_short_sentence(spoken: str) -> None:
    language.use(spoken)
    for code in room("glossary"):
        says = part(Message(code), "says")
        assert says.endswith("." if spoken == "en" else "。"), code
        assert len(says) <= 110, code
        assert part(Message(code), "words"), code


def test_the_longest_word_counts_and_each_term_comes_once() -> None:
    found = [term.name for term in glossary.terms_in("Learning rate 2e-4, learning rate 1e-4; train.max_grad_norm")]
    assert found == ["Learning rate", "Gradient norm"]
    assert glossary.terms_in("Plateau, relearning, rebased") == []


def test_chinese_terms_are_found_between_other_words() -> None:
    language.use("zh")
    assert [term.name for term in glossary.terms_in("它的学习率太高，损失会跳动")] == ["学习率", "损失"]


@pytest.mark.parametrize(
    ("spoken", "heading", "term"), [("en", "Terms on this screen", "Safetensors"), ("zh", "本页术语", "对话模板")]
)
async def test_help_explains_the_terms_of_the_screen_it_lies_over(
    open_wizard: Opener, model: object, rows: object, spoken: str, heading: str, term: str
) -> None:
    language.use(spoken)
    async with open_wizard(size=(100, 60)) as (app, pilot):
        await press(app, pilot, "enter", "f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert heading in screen_text(app)
        assert f"│  {term}  " not in screen_text(app), "one key leads to the terms"
        await press(app, pilot, "tab")
        assert f"│  {term}  " in screen_text(app)
        assert text("widgets.keys") in screen_text(app)
        await press(app, pilot, "end")
        assert "…" not in screen_text(app), "no sentence is cut"


async def test_in_a_wide_window_the_terms_stand_beside_the_keys(open_wizard: Opener, model: object) -> None:
    async with open_wizard(size=(120, 40)) as (app, pilot):
        await press(app, pilot, "enter", "f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert isinstance(app.screen, HelpScreen)
        first = app.screen._terms()[0]
        checks = part(Message("wizard.test-model"), "help")
        for said in (text("widgets.terms"), f"│  {first.name}", keys.WIZARD[0].tooltip, checks):
            assert said in screen_text(app)


async def test_the_why_pane_explains_the_field_that_has_the_focus(open_wizard: Opener, model: object) -> None:
    async with open_wizard(size=(120, 50)) as (app, pilot):
        await press(app, pilot, "enter", "tab")
        assert "Hub" in screen_text(app)


@pytest.mark.parametrize("spoken", language.LANGUAGES)
async def test_a_dialog_explains_its_terms_by_the_same_key(
    open_wizard: Opener, tmp_path: Path, rows: Path, spoken: str
) -> None:
    language.use(spoken)
    config = prefilled(make_large(tmp_path / "llama-8b"), rows)
    async with open_wizard(config, size=(100, 40), machine=with_gpus(gpu(total_gib=16))) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "f7")
        assert isinstance(app.screen, MakeFitScreen)
        await press(app, pilot, "question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "│  NF4  " in screen_text(app), "its keys stand on it: the terms come first"
        await press(app, pilot, "escape", "escape", "f4", "question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert text("widgets.terms") in screen_text(app)


async def test_a_question_without_terms_says_so(home: Path, make_world: Callable[..., World]) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(ConfirmScreen("Sure?", "It goes."))
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("question_mark")
        await until(pilot, lambda: text("widgets.no-terms") in screen_text(app))
