"""What tells a model that answers from others: all that decides its answers, wherever it lies."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.models.for_use import find_for_use
from engine.models.identity import identity_of
from tests.engine.models.folders import write_model
from tests.engine.models.making import write_adapter


def test_the_template_that_an_adapter_brings_is_part_of_it(tmp_path: Path, home: Path) -> None:
    base = write_model(tmp_path / "base")
    adapter = write_adapter(tmp_path / "adapter", base_model_name_or_path=str(base))
    (adapter / "tokenizer.json").write_text("{}")
    (adapter / "chat_template.jinja").write_text("{{ messages }}")
    before = identity_of(find_for_use(str(adapter)))
    moved = shutil.copytree(adapter, tmp_path / "elsewhere")
    assert identity_of(find_for_use(str(moved))) == before
    (adapter / "chat_template.jinja").write_text("{{ messages[-1] }}")
    assert identity_of(find_for_use(str(adapter))) != before
