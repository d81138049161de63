"""A template is said in Ollama's language exactly, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

import jinja2
import pytest

from engine.models.turn_parts import Turn, turn_parts

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
PLAIN = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ 'Answer: ' + m['content'] + '</s>\n\n' }}"
    "{% elif m['role'] == 'system' %}{{ m['content'] + '\n\n' }}"
    "{% else %}{{ 'Question: ' + m['content'] + '\n\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Answer:' }}{% endif %}"
)
MISTRAL = (
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% elif m['role'] == 'assistant' %}{{ m['content'] + '</s>' }}{% else %}{{ 1 / 0 }}{% endif %}{% endfor %}"
)
DEFAULT_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|system|>You help.<|end|>' }}{% endif %}"
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}<|assistant|>"
)
DIALOGUE: list[Turn] = [("user", 'a "quoted"\nline {{ x }}'), ("assistant", "<b>yes</b>"), ("user", "再见 🙂")]


def renderer(template: str) -> jinja2.Template:
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(template)


def rendered(template: str, turns: Sequence[Turn]) -> str:
    messages = [{"role": role, "content": content} for role, content in turns]
    return renderer(template).render(messages=messages, add_generation_prompt=True)


@pytest.mark.parametrize(
    ("template", "takes_system"), [(CHATML, True), (PLAIN, True), (MISTRAL, False), (DEFAULT_SYSTEM, True)]
)
def test_the_parts_make_what_the_template_makes(template: str, takes_system: bool) -> None:
    parts = turn_parts(lambda turns: rendered(template, turns))
    assert parts is not None
    assert parts.takes_system == takes_system
    assert parts.render(DIALOGUE) == rendered(template, DIALOGUE)
    if takes_system:
        turns = [("system", "Be brief."), *DIALOGUE]
        assert parts.render(turns) == rendered(template, turns)


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ m['content'] | upper }}{% endfor %}",
        "{% for m in messages %}{{ loop.index }}: {{ m['content'] }}\n{% endfor %}",
        "{% for m in messages %}{{ m['content'] | length }} {{ m['content'] }}\n{% endfor %}",
        "{% for m in messages[-1:] %}{{ m['content'] }}{% endfor %}",
        "{{ nowhere }}",
    ],
)
def test_a_template_that_does_more_is_refused(template: str) -> None:
    assert turn_parts(lambda turns: rendered(template, turns)) is None


def test_fixed_texts_stand_quoted_in_the_go_template() -> None:
    parts = turn_parts(lambda turns: rendered(MISTRAL, turns))
    assert parts is not None
    assert parts.in_go() == (
        '{{ "[INST] " }}{{ range $i, $turn := .Messages }}{{ if eq .Role "user" }}{{ .Content }}{{ " [/INST]" }}'
        '{{ else if eq .Role "assistant" }}{{ .Content }}{{ "</s>[INST] " }}{{ end }}{{ end }}'
    )
