"""Folders of tunedeck, and names that people mistype."""

from __future__ import annotations

from pathlib import Path

from engine import paths


def test_a_name_that_is_not_there_is_likened_to_those_that_are(tmp_path: Path) -> None:
    for name in ("orders.jsonl", "notes.md", "far/rows.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert paths.nearest(tmp_path / "oders.jsonl") == tmp_path / "orders.jsonl"
    assert paths.nearest(tmp_path / "fra" / "rows.csv") is None, "three letters may be anything"
    assert paths.nearest(tmp_path / "quite-another.bin") is None
    assert paths.nearest(Path("/no/such/place/at/all")) is None


def test_a_mistyped_folder_is_likened_as_well(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "rows.csv").touch()
    assert paths.nearest(tmp_path / "datsets" / "rows.csv") == tmp_path / "datasets" / "rows.csv"
