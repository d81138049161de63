"""What ``docs/gpu.md`` says of cards, fields, checks and limits is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from engine.config.schema import RunConfig
from engine.distributed import ranks, workers
from engine.machine.gpu_specs import CARDS, attention_kernel, card_of, trained_dtype, wheel_for
from engine.memory import auto
from engine.memory.job import CHUNK_POSITIONS

TEXT = Path("docs/gpu.md").read_text("utf-8")


def rows_after(heading: str) -> list[list[str]]:
    """The cells of the first table below ``heading``."""
    lines = TEXT.partition(f"## {heading}\n")[2].splitlines()
    table = [
        line for line in lines[: next(i for i, line in enumerate(lines) if line.startswith("## "))] if line[:1] == "|"
    ]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_the_table_of_cards_is_what_the_code_says() -> None:
    rows = rows_after("Cards, drivers and wheels")
    for number, cards, wheel_name, driver, dtype, attention in rows:
        major, minor = map(int, number.split("."))
        capability, wheel = (major, minor), wheel_for((major, minor), None)
        assert wheel is not None
        expected = (
            wheel.name,
            wheel.driver,
            trained_dtype(capability),
            attention_kernel(capability, trained_dtype(capability)),
        )
        assert (wheel_name, driver, dtype, attention) == expected, number
        for name in cards.split(", "):
            card = card_of(name)
            assert card is not None
            assert card.capability == capability, name
    assert {row[0] for row in rows} == {"{}.{}".format(*card.capability) for card in CARDS.values()}


def test_float32_and_older_drivers_are_as_told() -> None:
    assert {attention_kernel(card.capability, "float32") for card in CARDS.values()} == {"efficient"}
    with_old = {card.capability: wheel_for(card.capability, (12, 6)) for card in CARDS.values()}
    assert {found.name for found in with_old.values() if found} == {"cu126"}
    assert max(capability for capability, found in with_old.items() if found) == (9, 0)


def test_every_field_is_one_of_the_config() -> None:
    sections = RunConfig.model_fields
    named = set(re.findall(r"`(model|train|dataset|launch|adapter)\.(\w+)", TEXT))
    assert len(named) > 10
    for section, field in named:
        kind = sections[section].annotation
        assert field in kind.model_fields, f"{section}.{field}"  # type: ignore[union-attr]


def test_limits_are_those_of_the_code() -> None:
    assert f"at most {auto.MOST_TOKENS['cuda']:,} tokens" in TEXT
    assert f"Within {auto.NOTICEABLE:.0%}" in TEXT
    assert f"saves {auto.EIGHT_BIT_WORTH:.0%} of the free memory" in TEXT
    assert f"{CHUNK_POSITIONS['cuda']} supervised tokens" in TEXT
    assert f"after {workers.LEAVING_S:.0f} seconds" in TEXT
    assert f"within {ranks._SUM_S.total_seconds() / 60:.0f} minutes" in TEXT


def test_the_table_of_checks_names_those_of_the_self_test() -> None:
    told = [row[0].removesuffix(" ...") for row in rows_after("The self-test")]
    source = Path("engine/messages/en/selftest.ftl").read_text("utf-8")
    for name in told:
        assert f"= {name}" in source, name
