"""The user's own general text: what is read of it, and what is said of a file that will not do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common.errors import DataError
from engine.config.schema import RunConfig
from engine.data.general import FEWEST_PASSAGES, general_of, shipped

SENTENCE = "The ferry leaves the harbour at eight and crosses the bay in about an hour. "


def config(path: Path | str) -> RunConfig:
    return RunConfig.model_validate(
        {"model": {"name_or_path": "m"}, "data": [{"path": "-"}], "eval": {"general_text": str(path)}}
    )


def test_without_a_file_it_is_the_shipped_set() -> None:
    assert general_of(config("")) == shipped()


def test_paragraphs_of_a_text_file_are_passages_and_questions_are_the_shipped_ones(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("\n\n".join(SENTENCE * 2 for _ in range(5)))
    found = general_of(config(path))
    assert len(found.texts) == 5
    assert found.dialogues == shipped().dialogues


def test_dialogues_of_a_file_are_asked_in_place_of_the_shipped_ones(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps({"prompt": SENTENCE, "completion": SENTENCE}) + "\n" for _ in range(4)))
    found = general_of(config(path))
    assert (len(found.texts), len(found.dialogues)) == (0, 4)


def test_a_long_text_is_cut_at_white_space_into_passages(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text(SENTENCE * 80)
    texts = [row.text for row in general_of(config(path)).texts]
    assert len(texts) >= FEWEST_PASSAGES
    assert " ".join(texts).split() == (SENTENCE * 80).split()
    assert max(map(len, texts)) <= 1200


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, None), (b"", None), (bytes(range(256)) * 8, None), (b"One short line.\n", None),
        (b"a\n\nb\n\nc\n\nd\n", "forgetting.text-too-short"),
    ],
)  # fmt: skip
def test_a_file_that_will_not_do_is_refused_with_its_name(
    tmp_path: Path, content: bytes | None, code: str | None
) -> None:
    path = tmp_path / "own.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as error:
        general_of(config(path))
    assert code is None or error.value.code == code
    assert "own.txt" in error.value.said
