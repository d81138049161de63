"""What the data step says of hostile files is short, plain and harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.common.errors import TunedeckError
from engine.data.files.preview import Preview, preview
from tests.engine.data.hostile import FILES, Hostile
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import make_rows, text_of
from tests.tui.wizard.steering import settle
from tui.draft.draft import Draft
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


HOSTILE = "ev\x1b[31mil\u202egpj"


async def test_names_and_values_that_would_steer_the_terminal_are_drawn_harmlessly(
    open_wizard: Opener, tmp_path: Path
) -> None:
    """On the map of the steps, and in the fields: as they come with somebody's config or file."""
    model = tmp_path / HOSTILE
    model.mkdir()
    rows = make_rows(tmp_path / f"{HOSTILE}.jsonl", 20)
    draft = Draft()
    for name, value in (("model.name_or_path", str(model)), ("run.name", HOSTILE)):
        draft.set(name, value)
    draft.set_data([{"path": str(rows)}])
    draft.step = "review"
    async with open_wizard(draft, size=(120, 40)) as (app, pilot):
        await settle(app, pilot)
        shown = text_of(app)
        assert "evilgpj" in shown  # on the map
        assert "ev?[31mil?gpj" in shown  # in the field of the run's name
        assert not {"\x1b", "\u202e"} & set(shown)
        assert app.wizard.draft.get("run.name") == HOSTILE
