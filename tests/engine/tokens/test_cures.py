"""What is named as a help for rows that a template refuses makes them trainable."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError
from engine.config.schema import RunConfig
from engine.data.rows.messages import Message, Row
from engine.runs.phases import Phases
from engine.tokens.dataset import prepare_rows
from engine.tokens.examples import cure
from engine.tokens.render import Renderer, choose_template
from tests.engine.training.families import FAMILIES, make_tokenizer
from tests.engine.training.making import values

SYSTEM = {"role": "system", "content": "Be short."}
ASK = {"role": "user", "content": "How many?"}
SAY = {"role": "assistant", "content": "Seven."}
STRICT = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
OPEN_ENDED = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% if m.role != 'assistant' or loop.last %}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def renderer(template: str) -> Renderer:
    tokenizer = make_tokenizer(FAMILIES["chatml"])
    tokenizer.chat_template = template
    return Renderer(tokenizer, frozenset([tokenizer.eos_token_id]))


def settings_in(hint: str) -> dict[str, Any]:
    """The config's fields that a hint sets."""
    return {name: json.loads(value) for name, value in re.findall(r'([a-z_.]+) = (\[[^]]*\]|"[^"]*")', hint)}


@pytest.mark.parametrize(
    ("template", "turns", "helps"),
    [
        (STRICT, [SYSTEM, ASK, SAY], {"dataset.fixes": ["strip_control", "merge_system_turn"]}),
        (STRICT, [SYSTEM, ASK, SAY, ASK, SAY], {"dataset.fixes": ["strip_control", "merge_system_turn"]}),
        (STRICT, [ASK, ASK, SAY], {"model.chat_template": "plain"}),
        (OPEN_ENDED, [ASK, SAY, ASK, SAY], {"dataset.train_on": "last"}),
    ],
    ids=["system", "system and more", "two questions", "earlier answers not closed"],
)
def test_a_run_with_the_setting_named_in_the_error_trains_those_rows(
    home: Path, tmp_path: Path, template: str, turns: list[dict[str, str]], helps: dict[str, Any]
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"messages": turns, "id": number}) + "\n" for number in range(6)))
    made = values(Path("model"), rows, dataset={"eval_rows": 0, "max_length": 128, "fixes": ["strip_control"]})
    with pytest.raises(DataError) as caught:
        prepared(made, renderer(template))
    assert caught.value.code == "tokens.all-refused"
    found = settings_in(caught.value.hint)
    assert found == helps
    for name, value in found.items():
        section, _, field = name.partition(".")
        made[section][field] = value
    by = renderer(template)
    if "chat_template" in made["model"]:
        choose_template(by.tokenizer, made["model"]["chat_template"])
    assert len(prepared(made, Renderer(by.tokenizer, by.stops)).train) == 6


def prepared(made: dict[str, Any], by: Renderer) -> Any:
    def unheard(event: object) -> None:
        pass

    return prepare_rows(RunConfig.model_validate(made), by, Phases(unheard))


def test_no_setting_is_promised_where_none_helps() -> None:
    row = Row((Message("user", "How many?"),), "", "rows", "rows.jsonl", 1)
    found = cure(row, renderer("{{ raise_exception('never') }}"), "assistant", [])
    assert found.code == "tokens.cure-none"


def test_looking_for_a_cure_leaves_the_template_as_it_was() -> None:
    by = renderer(STRICT)
    turns = tuple(Message(turn["role"], turn["content"]) for turn in (ASK, ASK, SAY))
    cure(Row(turns, "", "rows", "rows.jsonl", 1), by, "assistant", [])
    assert by.tokenizer.chat_template == STRICT


def test_the_error_of_a_copy_names_the_copy(home: Path, tmp_path: Path) -> None:
    text = "".join(json.dumps({"messages": [ASK, ASK, SAY], "id": number}) + "\n" for number in range(6))
    for name in ("first.jsonl", "second.jsonl"):
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError) as caught:
            prepared(
                values(Path("model"), tmp_path / name, dataset={"eval_rows": 0, "max_length": 128}), renderer(STRICT)
            )
        assert f"{name}, row 1:" in caught.value.message
        (tmp_path / "first.jsonl").unlink(missing_ok=True)
