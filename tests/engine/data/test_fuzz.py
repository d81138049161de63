"""Whatever the bytes, reading ends: with rows, or with an error that names the file and says what to do."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data.load import load
from engine.data.preview import preview
from engine.errors import DataError
from tests.engine.data.conftest import config, source

KEYS = st.sampled_from(
    ["prompt", "completion", "text", "messages", "conversations", "instruction", "output", "history", "system", "x"]
)
TURN = st.fixed_dictionaries(
    {}, optional={"role": st.sampled_from(["user", "assistant", "poet"]), "from": st.just("gpt"),
                  "content": st.one_of(st.none(), st.text(max_size=5)), "value": st.text(max_size=5)},
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(TURN, max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
NEARLY_JSON = st.lists(
    st.sampled_from(
        ['{"prompt":"a","completion":"b"}', "[", "]", "{", "}", ",", "\n", '"', "NaN", "1", "null", "\\u", " "]
    ),
    max_size=12,
).map("".join)
NEARLY_CSV = st.lists(
    st.sampled_from(["prompt", "completion", ",", ";", "\n", "\r", '"', "a", "\x00", "\t"]), max_size=16
)
SUFFIXES = st.sampled_from([".json", ".jsonl", ".csv", ".tsv", ".txt", ".md", ".parquet"])


def check(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{suffix}"
        path.write_bytes(content)
        for look in (lambda: load(config(source(path))), lambda: preview(path)):
            error = refusal(look)
            assert error is None or ("rows" in error.message and error.hint)


def refusal(look: Callable[[], object]) -> DataError | None:
    """The error people would see; any other exception fails the test."""
    try:
        look()
    except DataError as error:
        return error
    return None


fuzz = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.timeout(60)
@fuzz
@given(st.binary(max_size=200), SUFFIXES)
def test_any_bytes(content: bytes, suffix: str) -> None:
    check(content, suffix)


@pytest.mark.timeout(60)
@fuzz
@given(NEARLY_JSON, st.sampled_from([".json", ".jsonl"]))
def test_nearly_json(content: str, suffix: str) -> None:
    check(content.encode(), suffix)


@pytest.mark.timeout(60)
@fuzz
@given(NEARLY_CSV.map("".join), st.sampled_from([".csv", ".tsv"]))
def test_nearly_csv(content: str, suffix: str) -> None:
    check(content.encode(), suffix)


@pytest.mark.timeout(60)
@fuzz
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=4), st.booleans())
def test_any_json_values_in_any_columns(rows: list[dict[str, object]], as_list: bool) -> None:
    content = json.dumps(rows) if as_list else "\n".join(json.dumps(row) for row in rows)
    check(content.encode(), ".json" if as_list else ".jsonl")
