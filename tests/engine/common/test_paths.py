"""Folders of tunedeck, and names that people mistype."""

from __future__ import annotations

import os
from pathlib import Path

from engine.common import paths


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


def test_every_folder_that_is_made_is_its_owners_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = paths.private_dir(tmp_path / "home" / "runs" / "deep")
    finally:
        os.umask(before)
    for folder in (made, made.parent, made.parent.parent):
        assert folder.stat().st_mode & 0o077 == 0
    (tmp_path / "theirs").mkdir(mode=0o755)
    paths.private_dir(tmp_path / "theirs")
    assert (tmp_path / "theirs").stat().st_mode & 0o777 == 0o755, "what was there stays as its owner wants it"
