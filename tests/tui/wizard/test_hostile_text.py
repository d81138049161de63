"""What the data step says of hostile files is short, plain and harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.common.errors import TunedeckError
from engine.data.files.preview import Preview, preview
from tests.engine.data.hostile import FILES, Hostile
from tui.flow import source_text
from tui.wizard.data import text


@pytest.mark.timeout(60)
@pytest.mark.parametrize("hostile", FILES.values(), ids=FILES)
def test_the_data_step_tells_of_a_hostile_file_in_plain_text(tmp_path: Path, hostile: Hostile) -> None:
    found: Preview | TunedeckError
    try:
        found = preview(hostile.make(tmp_path))
    except TunedeckError as error:
        found = error
    lines = [source_text.summary(found), source_text.evidence(True, found)]
    if isinstance(found, Preview):
        lines += text.first_rows(found.rows, 76, 10)
        assert len(lines) <= 12
    for line in lines:
        assert line.isprintable() or not line
        assert len(line) < 2000
