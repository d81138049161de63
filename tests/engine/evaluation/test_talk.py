"""An answer for a reader: whole characters as they come, an end that is named, and only turns that fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.common.errors import DataError
from engine.distributed.device import Placement
from engine.evaluation.talk import Pieces, Spoken, Stop, Talker
from engine.modeling.load_for_use import Ready, load_for_use
from engine.models.chat_request import BASE, BESIDE, MODEL, TUNED, Asked, Turn
from engine.models.for_use import find_for_use
from tests.engine.modeling.test_load_for_use import write_adapter
from tests.tiny import make_tiny_model

CPU = Placement(torch.device("cpu"), torch.float32, "no")
HELLO = [Turn("user", "Give me the order as JSON.")]
TEXTS = ("plain words", "天気がいい，去散步吧。", "a 👩‍👩‍👧 b 🎉", "naïve café", "x\ty\n\n  z")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", seed=3)


@pytest.fixture
def ready(model: Path, home: Path) -> Ready:
    return load_for_use(find_for_use(str(model)), CPU)


def asked(turns: list[Turn] = HELLO, **more: Any) -> Asked:
    return Asked(id=1, turns=turns, voices=[MODEL], **{"max_new_tokens": 12, **more})


def pieces_of(tokenizer: Any, ids: list[int]) -> list[str]:
    pieces = Pieces(tokenizer)
    return [piece for piece in [*(pieces.add(token) for token in ids), pieces.end()] if piece]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_make_up_the_text_and_no_character_is_shown_in_parts(ready: Ready, text: str) -> None:
    tokenizer = ready.words[""].tokenizer
    ids = tokenizer(text)["input_ids"]
    found = pieces_of(tokenizer, ids)
    assert "".join(found) == tokenizer.decode(ids)
    assert not any("\ufffd" in piece for piece in found)
    assert len(ids) > len(text) or len(found) > 1


def test_bytes_that_never_become_a_character_are_shown_in_the_end(ready: Ready) -> None:
    tokenizer = ready.words[""].tokenizer
    ids = tokenizer("天")["input_ids"][:1]
    assert pieces_of(tokenizer, ids) == ["\ufffd"]
    assert len(pieces_of(tokenizer, ids * 40)) > 1  # nobody waits for the rest of it for ever


def test_an_answer_comes_in_pieces_and_its_end_is_named(ready: Ready) -> None:
    said: list[str] = []
    spoken = Talker(ready, lambda: None).speak(MODEL, asked(), said.append)
    assert (spoken.ended, spoken.tokens, spoken.dropped) == ("limit", 12, 0)
    assert "".join(said) == spoken.text
    assert Talker(ready, lambda: None).speak(MODEL, asked(), said.append).text == spoken.text
    words = ready.words[""]
    ids = words.tokenizer(spoken.text)["input_ids"]
    ready.words[""] = type(words)(words.tokenizer, words.template, frozenset({ids[3]}), words.pad_id)
    short = Talker(ready, lambda: None).speak(MODEL, asked(), said.append)
    assert short.ended == "stop"
    assert spoken.text.startswith(short.text)


def test_it_ends_before_a_stop_string_that_several_tokens_make_up(ready: Ready) -> None:
    def drawn(stop: tuple[str, ...], on_text: Callable[[str], None]) -> Spoken:
        torch.manual_seed(0)
        how = asked(max_new_tokens=40, temperature=2.0, stop=stop)
        return Talker(ready, lambda: None).speak(MODEL, how, on_text)

    whole = drawn((), lambda piece: None)
    stop, said = whole.text[9:14], list[str]()
    cut = drawn(("never", stop), said.append)
    assert (cut.text, cut.ended) == (whole.text[: whole.text.index(stop)], "stop-string")
    assert "".join(said) == cut.text
    assert cut.tokens < whole.tokens
    begun = drawn((f"{whole.text[-2:]}never",), said.append)
    assert (begun.text, begun.ended) == (whole.text, "limit")


def test_a_stop_string_may_be_a_token_that_is_never_shown(ready: Ready) -> None:
    words = ready.words[""]
    whole = Talker(ready, lambda: None).speak(MODEL, asked(), lambda piece: None)
    ended = words.tokenizer.convert_ids_to_tokens(min(words.stops))
    ready.words[""] = type(words)(words.tokenizer, words.template, frozenset({-1}), words.pad_id)
    forced = ready.model.get_output_embeddings()
    forced.register_forward_hook(
        lambda module, given, logits: logits.index_fill(2, torch.tensor(min(words.stops)), 1e4)
    )
    spoken = Talker(ready, lambda: None).speak(MODEL, asked(stop=(ended,)), lambda piece: None)
    assert (spoken.text, spoken.ended, spoken.tokens) == ("", "stop-string", 1)
    assert whole.text


def test_a_stop_string_may_come_with_what_is_held_back_to_the_last(ready: Ready) -> None:
    tokenizer = ready.words[ready.speaking].tokenizer
    torn = next(token for token in range(len(tokenizer)) if tokenizer.decode([token]) == "\ufffd")
    ready.model.lm_head.register_forward_hook(
        lambda module, given, logits: logits.index_fill(2, torch.tensor(torn), 1e4)
    )
    spoken = Talker(ready, lambda: None).speak(MODEL, asked(stop=("\ufffd",), max_new_tokens=1), lambda piece: None)
    assert (spoken.text, spoken.ended) == ("", "stop-string")


def test_a_person_can_stop_it(ready: Ready) -> None:
    said: list[str] = []

    def check() -> None:
        if len(said) >= 3:
            raise Stop

    spoken = Talker(ready, check).speak(MODEL, asked(max_new_tokens=500), said.append)
    assert (spoken.ended, spoken.tokens) == ("stopped", pytest.approx(4, abs=2))
    assert "".join(said) == spoken.text


def test_drawn_answers_differ_and_greedy_ones_do_not(ready: Ready) -> None:
    torch.manual_seed(0)
    talker = Talker(ready, lambda: None)
    drawn = {talker.speak(MODEL, asked(temperature=2.0, top_p=0.95), lambda piece: None).text for _ in range(4)}
    assert len(drawn) > 1


def test_oldest_turns_make_room_and_the_system_prompt_stays(ready: Ready) -> None:
    assert Talker(ready, lambda: None).positions == 512
    turns = [Turn("system", "Be brief.")]
    for number in range(30):
        turns += [Turn("user", f"Question {number} " + "please " * 8), Turn("assistant", "Because.")]
    turns.append(Turn("user", "And now?"))
    talker = Talker(ready, lambda: None)
    spoken = talker.speak(MODEL, asked(turns), lambda piece: None)
    assert spoken.dropped > 0
    assert spoken.dropped % 2 == 0
    ids, _ = talker._prompt(ready.words[""], asked(turns))
    read = ready.words[""].tokenizer.decode(ids)
    assert "Be brief." in read
    assert "And now?" in read
    assert "Question 0 " not in read


def test_an_answer_ends_where_the_model_can_read_no_further(ready: Ready) -> None:
    spoken = Talker(ready, lambda: None).speak(MODEL, asked(max_new_tokens=32768), lambda piece: None)
    assert spoken.ended in ("positions", "stop")
    with pytest.raises(DataError, check=lambda error: error.code == "chat.too-long"):
        Talker(ready, lambda: None).speak(MODEL, asked([Turn("user", "word " * 600)]), lambda piece: None)


def test_text_is_continued_without_a_template(ready: Ready) -> None:
    spoken = Talker(ready, lambda: None).speak(MODEL, asked(plain=True, max_new_tokens=6), lambda piece: None)
    ids = ready.words[""].tokenizer(HELLO[0].content)["input_ids"]
    with torch.no_grad():
        first = int(ready.model(torch.tensor([ids])).logits[0, -1].argmax())
    assert spoken.text.startswith(ready.words[""].tokenizer.decode([first]))
    assert Talker(ready, lambda: None).speak(MODEL, asked([Turn("user", "")], plain=True), lambda piece: None).tokens


def test_each_voice_answers_for_itself(model: Path, tmp_path: Path, home: Path) -> None:
    one, two = (write_adapter(tmp_path / str(seed), model, seed=seed) for seed in (1, 2))

    def alone(name: Path) -> str:
        found = load_for_use(find_for_use(str(name)), CPU)
        voice = TUNED if found.found.adapter else MODEL
        return Talker(found, lambda: None).speak(voice, asked(), lambda piece: None).text

    ready = load_for_use(find_for_use(str(one)), CPU)
    ready.put_beside(find_for_use(str(two)))
    talker = Talker(ready, lambda: None)
    speak: Callable[[str], str] = lambda voice: talker.speak(voice, asked(), lambda piece: None).text  # noqa: E731
    assert [speak(TUNED), speak(BASE), speak(BESIDE), speak(TUNED)] == [
        alone(one),
        alone(model),
        alone(two),
        alone(one),
    ]
