"""An error is a code with arguments: it reads in the language of whoever shows it, and travels as what it is."""

from __future__ import annotations

import errno
import json
import os
import pickle
from pathlib import Path

import pytest

from engine.common.errors import ConfigError, CutOff, DataError, ModelError, TunedeckError, Unfit, reason_of
from engine.common.regular_files import open_regular
from engine.messages import language
from engine.messages.catalogue import text
from engine.messages.message import Message

_ERROR = ConfigError("messages.unknown-language", given="de", known=["en", "zh"])


def test_title_message_and_hint_are_read_in_the_language_of_the_process() -> None:
    assert (_ERROR.title, _ERROR.message) == ("This language is not available", "de is not one of en, zh.")
    assert _ERROR.said == (
        "This language is not available: de is not one of en, zh. Set --lang or TUNEDECK_LANG to one of them."
    )
    language.use("zh")
    assert str(_ERROR).splitlines()[:2] == ["不支持这种语言", "de 不在可选项 en、zh 之中。"]


def test_code_and_arguments_are_what_programs_compare() -> None:
    assert _ERROR.code == "messages.unknown-language"
    assert _ERROR.reason == Message("messages.unknown-language", given="de", known=("en", "zh"))


@pytest.mark.parametrize(
    "error", [_ERROR, CutOff("models.cut-off", path="a", reason="it ends"), DataError("data.empty", path="x")]
)
def test_it_travels_between_processes_as_what_it_is(error: TunedeckError) -> None:
    for came in (pickle.loads(pickle.dumps(error)), TunedeckError.from_json(json.loads(json.dumps(error.as_json())))):
        assert type(came) is type(error)
        assert (came.reason, came.exit_code, str(came)) == (error.reason, error.exit_code, str(error))


def test_an_error_of_a_kind_that_only_its_own_room_knows_keeps_its_exit_code_elsewhere() -> None:
    class OfARoom(DataError):
        pass

    said = OfARoom("data.empty", path="x").as_json() | {"error": "NotLoadedHere"}
    came = TunedeckError.from_json(json.loads(json.dumps(said)))
    assert (type(came), came.exit_code, came.code) == (DataError, 3, "data.empty")


def test_the_findings_of_a_config_travel_with_it() -> None:
    assert pickle.loads(pickle.dumps(ConfigError("config.not-toml", issues=(1, 2)))).issues == (1, 2)


def test_what_an_older_process_wrote_is_taken_as_it_is() -> None:
    came = TunedeckError.from_json(
        {"type": "error", "error": "Strange", "title": "Bad", "message": "row 3", "hint": "h"}
    )
    assert (type(came), came.title, came.message, came.hint) == (TunedeckError, "Bad", "row 3", "h")


def test_an_error_is_part_of_another_ones_message() -> None:
    outer = ModelError.of(Message("messages.unknown-language", given=_ERROR.reason, known=[]))
    assert outer.message.startswith("This language is not available is not one of")


def test_a_usual_refusal_of_the_system_is_said_in_the_readers_language() -> None:
    refused = reason_of(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert (refused.code, text(refused)) == ("system.no-space", "No space left on device")
    language.use("zh")
    assert text(refused) == "磁盘空间已满"


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "the lock is held"), OSError("the lock is held"),
                                   ValueError("the lock is held")])  # fmt: skip
def test_a_librarys_own_words_are_kept(error: Exception) -> None:
    assert text(reason_of(error)) == "the lock is held"


def test_what_stands_in_the_place_of_a_file_is_said_as_a_code(tmp_path: Path) -> None:
    with pytest.raises(Unfit) as refused, open_regular(tmp_path):
        pass
    assert reason_of(pickle.loads(pickle.dumps(refused.value))) == Message("system.is-a-folder")
