"""Rows are written with the tokenizer an old adapter brings, as they were when it was trained, and merging agrees."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from engine.app.preflight_template import check_template
from engine.config.schema import RunConfig
from engine.export.merge.write import copy_files, files_to_carry
from engine.models.card import read_card
from engine.tokens.render import MODELS_OWN
from engine.tokens.tokenizer import ADAPTERS_OWN, words_of
from tests.engine.models.making import write_adapter

OTHER = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '<|im_end|>' }}{% endfor %}"


def going_on(base: Path, adapter: Path, kind: str = "continue", template: str = "") -> RunConfig:
    return RunConfig.model_validate(
        {"model": {"name_or_path": str(base), "chat_template": template}, "data": [{"path": "rows"}],
         "strategy": {"kind": kind, "adapter": str(adapter)}}
    )  # fmt: skip


def with_template(base: Path, adapter: Path) -> Path:
    """An adapter that was saved with its tokenizer and another template."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = OTHER
    tokenizer.save_pretrained(write_adapter(adapter))
    return adapter


def without_template(base: Path, adapter: Path) -> Path:
    with_template(base, adapter)
    (adapter / "chat_template.jinja").unlink()
    return adapter


def template_alone(base: Path, adapter: Path) -> Path:
    (write_adapter(adapter) / "chat_template.jinja").write_text(OTHER)
    return adapter


def within_settings(folder: Path) -> None:
    """As older models keep their template."""
    file = folder / "tokenizer_config.json"
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    file.write_text(json.dumps(json.loads(file.read_text()) | {"chat_template": template}))


@pytest.mark.parametrize("make", [with_template, without_template, template_alone])
@pytest.mark.parametrize("stored", ["a file", "settings"])
def test_continuing_and_merging_take_the_same_template(
    tiny: Path, tmp_path: Path, make: Callable[[Path, Path], Path], stored: str
) -> None:
    base = shutil.copytree(tiny, tmp_path / "base")
    adapter = make(base, tmp_path / "adapter")
    if stored == "settings":
        within_settings(base)
    (tmp_path / "merged").mkdir()
    copy_files(files_to_carry(base, [adapter]), tmp_path / "merged", base)
    words = words_of(going_on(base, adapter), read_card(base))
    assert words.tokenizer.chat_template == AutoTokenizer.from_pretrained(tmp_path / "merged").chat_template
    assert (words.tokenizer.chat_template == OTHER) == (make is with_template)
    assert (words.template == ADAPTERS_OWN) == (make is with_template)


def test_a_fresh_adapter_and_a_template_that_is_named_do_without(tiny: Path, tmp_path: Path) -> None:
    adapter = with_template(tiny, tmp_path / "adapter")
    assert words_of(going_on(tiny, adapter, "fresh"), read_card(tiny)).template == MODELS_OWN
    assert words_of(going_on(tiny, adapter, template="plain"), read_card(tiny)).template == "plain"


def test_a_run_that_goes_on_asks_its_own_checkpoint(tiny: Path, tmp_path: Path) -> None:
    saved = with_template(tiny, tmp_path / "checkpoint-3")
    words = words_of(going_on(tiny, tmp_path / "gone"), read_card(tiny), saved)
    assert words.tokenizer.chat_template == OTHER


def test_the_check_says_whose_template_it_is(tiny_base: Path, tmp_path: Path) -> None:
    adapter = with_template(tiny_base, tmp_path / "adapter")
    card = read_card(tiny_base)
    (note,) = check_template(going_on(tiny_base, adapter), card)
    assert (note.level, note.reason.code) == ("note", "check.template-of-adapter")
    found = list(check_template(going_on(tiny_base, adapter, template="chatml"), card))
    assert "check.template-not-adapters" in {each.reason.code for each in found}
    (plain,) = check_template(going_on(tiny_base, adapter, "fresh"), card)
    assert "has no chat template" in plain.issue.message
