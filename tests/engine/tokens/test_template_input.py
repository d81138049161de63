"""Tools, calls and reasoning go through the template where it has a form for them, and as text where it has none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.data.rows.messages import Message, Row, ToolCall
from engine.tokens.render import NOT_TRAINED, Renderer, RenderError, stop_ids
from engine.tokens.template_input import TOOLS_AS_TEXT, Abilities, TemplateInput
from tests.engine.training.families import CHATML, FAMILIES, make_tokenizer, trained_text

# In the manner of templates that know tools and open thinking in the last turn only.
TOOLS_AND_THINKING = """\
{%- set ns = namespace(last=0) -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}{%- endif -%}{%- endfor -%}
{%- if tools -%}{{ '<|im_start|>system\n# Tools\n' }}
{%- for tool in tools -%}{{ tool | tojson + '\n' }}{%- endfor -%}{{ '<|im_end|>\n' }}{%- endif -%}
{%- for m in messages -%}
{%- if m.role == 'assistant' -%}
{%- set thought = m.reasoning_content if m.reasoning_content else '' -%}
{{ '<|im_start|>assistant\n' }}
{%- if loop.index0 > ns.last and (loop.last or thought) -%}{{ '<think>\n' + thought + '\n</think>\n\n' }}{%- endif -%}
{{ m.content }}
{%- for call in m.tool_calls or [] -%}
{{ '\n<tool_call>\n' + {'name': call.function.name, 'arguments': call.function.arguments} | tojson + '\n</tool_call>' }}
{%- endfor -%}{{ '<|im_end|>\n' }}
{%- elif m.role == 'tool' -%}{{ '<|im_start|>user\n<tool_response>\n' + m.content + '\n</tool_response><|im_end|>\n' }}
{%- else -%}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"""

# In the manner of Mistral: arguments as text, identities of nine letters, results under theirs.
WITH_IDENTITIES = """\
{%- for m in messages -%}
{%- if m.tool_calls -%}
{%- for call in m.tool_calls -%}
{%- if call.id | length != 9 -%}{{ raise_exception('nine letters') }}{%- endif -%}
{{ '[CALL]' + call.function.name + call.function.arguments + '[ID]' + call.id }}
{%- endfor -%}{{ '<|im_end|>' }}
{%- elif m.role == 'tool' -%}{{ '[RESULT]' + m.tool_call_id + m.content + '[/RESULT]' }}
{%- elif m.role == 'assistant' -%}{{ m.content + '<|im_end|>' }}
{%- else -%}{{ '[INST]' + m.content + '[/INST]' }}{%- endif -%}
{%- endfor -%}"""

SCHEMA = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}}}
CALL = ToolCall("weather", '{"city": "Bonn"}', "x1")
ASKED = (
    Message("user", "Weather?"),
    Message("assistant", "", calls=(CALL,)),
    Message("tool", "sun", name="weather", call_id="x1"),
    Message("assistant", "Sunny."),
)


def row(*messages: Message, tools: bool = False) -> Row:
    return Row(messages, "", "rows", "rows.jsonl", 1, (json.dumps(SCHEMA),) if tools else ())


def made(template: str, family: str = "chatml") -> Renderer:
    tokenizer = make_tokenizer(FAMILIES[family], template)
    return Renderer(tokenizer, stop_ids(tokenizer))


def found(template: str, family: str = "chatml") -> Abilities:
    return made(template, family)._input.abilities


def whole(renderer: Renderer, of: Row) -> str:
    return str(renderer.tokenizer.decode(renderer.render(of)[0]))


def test_what_a_template_can_do_is_found_by_trying() -> None:
    assert found(TOOLS_AND_THINKING) == Abilities(True, "object", False, True, "reasoning_content")
    assert found(WITH_IDENTITIES) == Abilities(False, "text", True, True, "")
    assert found(CHATML) == Abilities(False, "", False, True, "")
    assert not found(FAMILIES["llama 2"].template, "llama 2").tool_role
    assert not found(FAMILIES["mistral"].template, "mistral").tool_role, "it writes them as if the model had said them"


def test_rows_without_any_of_it_never_try_the_template_out() -> None:
    renderer = made(CHATML)
    renderer.render(row(Message("user", "One?"), Message("assistant", "First.")))
    assert renderer._input._found is None


def test_tools_and_calls_go_through_the_template() -> None:
    renderer = made(TOOLS_AND_THINKING)
    text = whole(renderer, row(*ASKED, tools=True))
    assert text.startswith("<|im_start|>system\n# Tools\n")
    assert '<tool_call>\n{"name": "weather", "arguments": {"city": "Bonn"}}\n</tool_call><|im_end|>' in text
    assert "<tool_response>\nsun\n</tool_response>" in text


def test_the_call_and_the_answer_are_trained_and_nothing_else() -> None:
    call = '\n<tool_call>\n{"name": "weather", "arguments": {"city": "Bonn"}}\n</tool_call><|im_end|>'
    answer = "<think>\n\n</think>\n\nSunny.<|im_end|>"
    assert trained_text(made(TOOLS_AND_THINKING), row(*ASKED, tools=True)) == call + answer


def test_generation_begins_where_training_does_with_the_same_tools() -> None:
    renderer, of = made(TOOLS_AND_THINKING), row(*ASKED, tools=True)
    ids, labels = renderer.render(of, "last")
    prompt = renderer.prompt_ids(of.messages[:-1], of.tools)
    assert ids[: len(prompt)] == prompt
    assert labels[len(prompt) - 1] == NOT_TRAINED
    assert labels[len(prompt)] != NOT_TRAINED


def test_a_template_that_wants_identities_gets_its_own_and_results_find_theirs() -> None:
    messages = (
        Message("user", "Weather?"),
        Message("assistant", "", calls=(CALL, ToolCall("weather", "{}"))),
        Message("tool", "sun", call_id="x1"),
        Message("tool", "rain"),
        Message("assistant", "Both."),
    )
    text = whole(made(WITH_IDENTITIES), row(*messages))
    assert '[CALL]weather{"city": "Bonn"}[ID]call00000[CALL]weather{}[ID]call00001' in text
    assert "[RESULT]call00000sun[/RESULT][RESULT]call00001rain[/RESULT]" in text


def test_without_a_form_for_calls_they_are_json_in_the_answer() -> None:
    renderer = made(CHATML)
    expected = '{"name": "weather", "arguments": {"city": "Bonn"}}<|im_end|>Sunny.<|im_end|>'
    assert trained_text(renderer, row(*ASKED, tools=True)) == expected
    assert "<|im_start|>tool\nsun<|im_end|>" in whole(renderer, row(*ASKED))


def test_without_a_form_for_tools_they_are_told_before_the_question_or_in_the_system_message() -> None:
    renderer = made(CHATML)
    told = f"{TOOLS_AS_TEXT}\n{json.dumps(SCHEMA)}"
    assert f"<|im_start|>user\n{told}\n\nWeather?<|im_end|>" in whole(renderer, row(*ASKED, tools=True))
    text = whole(renderer, row(Message("system", "Be kind."), *ASKED, tools=True))
    assert f"<|im_start|>system\nBe kind.\n\n{told}<|im_end|>" in text


@pytest.mark.parametrize("family", ["llama 2", "mistral", "gemma", "phi", "zephyr", "llama 3"])
def test_a_dialogue_with_a_tool_can_be_trained_in_every_family(family: str) -> None:
    tokenizer = make_tokenizer(FAMILIES[family])
    renderer = Renderer(tokenizer, frozenset(tokenizer.convert_tokens_to_ids(list(FAMILIES[family].stops))))
    text = trained_text(renderer, row(*ASKED))
    assert "weather" in text
    assert "Sunny." in text
    assert "sun" not in text.replace("Sunny", "")


def test_reasoning_goes_through_the_template_wherever_the_row_keeps_it() -> None:
    renderer = made(TOOLS_AND_THINKING)
    expected = "<think>\n2 + 2\n</think>\n\n4<|im_end|>"
    for answer in (Message("assistant", "4", "2 + 2"), Message("assistant", "<think>\n2 + 2\n</think>\n\n4")):
        assert trained_text(renderer, row(Message("user", "?"), answer)) == expected


def test_reasoning_is_written_in_tags_where_the_template_has_no_place_for_it() -> None:
    renderer = made(CHATML)
    kept = row(Message("user", "?"), Message("assistant", "4", "2 + 2"))
    assert trained_text(renderer, kept) == "<think>\n2 + 2\n</think>\n\n4<|im_end|>"
    written = row(Message("user", "?"), Message("assistant", "<think>2 + 2</think>4"))
    assert trained_text(renderer, written) == "<think>2 + 2</think>4<|im_end|>", "as the row has it"


def test_a_dialogue_without_thinking_is_trained_where_only_the_last_turn_opens_it() -> None:
    messages = (
        Message("user", "One?"), Message("assistant", "First."),
        Message("user", "Two?"), Message("assistant", "Second."),
    )  # fmt: skip
    expected = "First.<|im_end|><think>\n\n</think>\n\nSecond.<|im_end|>"
    assert trained_text(made(TOOLS_AND_THINKING), row(*messages)) == expected


def test_thinking_that_the_template_drops_from_earlier_turns_is_refused_loudly() -> None:
    messages = (
        Message("user", "One?"), Message("assistant", "First.", "Easy."),
        Message("user", "Two?"), Message("assistant", "Second.", "Hard."),
    )  # fmt: skip
    renderer = made(TOOLS_AND_THINKING)
    with pytest.raises(RenderError, match="no stop token of its own"):
        renderer.render(row(*messages))
    assert trained_text(renderer, row(*messages), "last") == "<think>\nHard.\n</think>\n\nSecond.<|im_end|>"


def test_what_is_made_of_the_beginning_is_the_beginning_of_what_is_made() -> None:
    def render(turns: list[dict[str, Any]], tools: list[Any] | None) -> str:
        return json.dumps([turns, tools])

    source = TemplateInput(render)
    turns, _ = source.make(ASKED)
    for count in range(len(ASKED)):
        assert source.make(ASKED[:count])[0] == turns[:count]


@pytest.mark.parametrize("template", [TOOLS_AND_THINKING, WITH_IDENTITIES, CHATML])
def test_numbers_in_arguments_and_schemas_are_rendered_as_the_row_has_them(template: str) -> None:
    numbers = "[1.10, 1e400, 1E5, 12345678901234567890.5, 0.5, 3]"
    call = ToolCall("pay", f'{{"sums": {numbers}, "named": "1.10"}}')
    tool = f'{{"type": "function", "function": {{"name": "pay", "least": {numbers}}}}}'
    tokenizer = make_tokenizer(FAMILIES["chatml"], template)
    made = Renderer(tokenizer, stop_ids(tokenizer))
    asked = Row((Message("user", "Pay."), Message("assistant", "", calls=(call,))), "", "rows", "a", 1, (tool,))
    assert call.arguments in trained_text(made, asked)
    ids, _ = made.render(asked)
    assert tokenizer.decode(ids).count(numbers) == 2
