"""What the licence of a base forbids is said; a licence that allows it is not talked about."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.models.licence import licence_of, restriction


@pytest.mark.parametrize(
    ("licence", "code"),
    [
        ("cc-by-nc-4.0", "exporting.licence-non-commercial"),
        ("CC-BY-NC-ND-4.0", "exporting.licence-no-derivatives"),
        ("cc-by-nd-4.0", "exporting.licence-no-derivatives"),
        ("mistral-non-commercial", "exporting.licence-non-commercial"),
        ("qwen-research", "exporting.licence-non-commercial"),
        ("llama3.2", "exporting.licence-own-terms"),
        ("gemma", "exporting.licence-own-terms"),
        ("other", "exporting.licence-own-terms"),
    ],
)
def test_what_it_forbids_is_said(licence: str, code: str) -> None:
    said = restriction(licence)
    assert said is not None
    assert said.code == code


@pytest.mark.parametrize("licence", ["apache-2.0", "mit", "cc-by-4.0", "bsd-3-clause", "Apache-2.0", ""])
def test_a_licence_that_allows_it_is_not_talked_about(licence: str) -> None:
    assert restriction(licence) is None


def test_it_stands_in_the_head_of_the_readme(tmp_path: Path) -> None:
    assert licence_of("org/model", tmp_path) == ""
    (tmp_path / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\nlicense: mit\n")
    assert licence_of("org/model", tmp_path) == "cc-by-nc-4.0"
    (tmp_path / "README.md").write_text("license: mit\n")
    assert licence_of("org/model", tmp_path) == ""
    assert licence_of("/models/smollm2-135m", None) == "Apache-2.0"
