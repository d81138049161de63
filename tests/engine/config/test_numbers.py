"""A number is read in one way everywhere: 0,5 is a half, 1,024 never silently a thousandth of what was meant."""

from __future__ import annotations

import pytest

from engine.common.errors import ConfigError
from engine.config import toml
from engine.config.numbers import NoNumber, read
from engine.config.presets import Layer, overrides, resolve
from tui.draft import fields

BASE = {"model": {"name_or_path": "org/model"}, "data": [{"path": "rows.jsonl"}]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0,5", 0.5), ("0.5", 0.5), (",5", 0.5), ("2,25", 2.25), ("1,5e-4", 1.5e-4), ("2e-4", 2e-4), ("0,500", 0.5),
        ("0,0002", 2e-4), ("1.024", 1.024), ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("1,000,000", 1e6),
        ("1.000.000", 1e6), ("1 000", 1000), ("1\u202f000,5", 1000.5), ("1_000", 1000), ("-0,1", -0.1), (" 3 ", 3),
    ],
)  # fmt: skip
def test_a_field_that_takes_fractions_reads_points_and_commas(text: str, value: float) -> None:
    assert read(text, whole=False) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("8", 8), ("1,024", 1024), ("1_024", 1024), ("1 024", 1024), ("1'024", 1024), ("12,345,678", 12345678), ("+3", 3)],
)
def test_a_whole_field_reads_thousands_as_the_program_writes_them(text: str, value: int) -> None:
    assert read(text, whole=True) == value
    assert type(read(text, whole=True)) is int


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("1,024", False), ("1.024", True), ("", False), ("1,2,3", False), ("1,23,456", True), ("nan", False),
        ("inf", False), ("0x10", True), ("1-2", False), ("zwei", True), ("\u0663", True), ("1,,5", False),
        ("5%", False),         ("\u00b2", True), ("1 2", True), ("--1", False), ("1e", False), ("_1", True),
    ],
)  # fmt: skip
def test_what_is_no_number_or_may_be_two_is_refused(text: str, whole: bool) -> None:
    with pytest.raises(NoNumber):
        read(text, whole)


@pytest.mark.parametrize(("text", "whole", "meant"), [("1,024", False, ("1024", "1.024")), ("1.024", True, ("1024",))])
def test_what_the_refusal_tells_to_write_can_be_read(text: str, whole: bool, meant: tuple[str, ...]) -> None:
    with pytest.raises(NoNumber) as caught:
        read(text, whole)
    for one in meant:
        assert one in str(caught.value)
        read(one, whole)


@pytest.mark.parametrize("text", ["0,5", "2,5", "1.000", "1,000"])
def test_form_file_and_command_line_agree(text: str) -> None:
    """As text in a file, behind --set, and typed in the wizard: the same value or the same refusal."""

    def taken(values: dict[str, object]) -> object:
        try:
            return resolve([Layer("base", BASE), Layer("new", values)]).config.train.num_train_epochs
        except ConfigError as error:
            return str(error)

    typed = fields.parse(fields.spec_of("train.num_train_epochs"), text)
    found = [
        taken({"train": {"num_train_epochs": text}}),
        taken(overrides([f"train.num_train_epochs={text}"])),
        taken({"train": {"num_train_epochs": typed}}),
    ]
    assert len(set(found)) == 1
    assert found[0] not in (5, 25, 1000)


def test_a_word_that_the_field_knows_is_no_number() -> None:
    spec = fields.spec_of("train.micro_batch_tokens")
    assert fields.parse(spec, "auto") == "auto"
    assert fields.parse(spec, "4,096") == 4096
    with pytest.raises(ConfigError, match="whole number or 'auto', not '4k'"):
        resolve([Layer("base", BASE), Layer("new", {"train": {"micro_batch_tokens": "4k"}})])


@pytest.mark.parametrize(
    "dotted", ["train.batch_size", "train.learning_rate", "dataset.eval_rows", "train.micro_batch_tokens", "run.seed",
               "data.0.max_rows", "data.0.share"],
)  # fmt: skip
def test_true_is_no_number(dotted: str) -> None:
    with pytest.raises(ConfigError, match="not true") as caught:
        resolve([Layer("base", BASE), Layer("--set", overrides([f"{dotted}=true"]))])
    assert dotted in caught.value.message


def test_true_stays_true_where_it_is_meant() -> None:
    config = resolve([Layer("base", BASE), Layer("new", {"dataset": {"packing": True}})]).config
    assert config.dataset.packing is True
    assert toml.dumps(resolve([Layer("base", BASE)])).count("packing = ") == 1
