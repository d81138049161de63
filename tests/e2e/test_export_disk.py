"""A disk that fills up under an export: the error says so, nothing half-made stays, and it can be done again."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app.export import export, plan_export
from engine.common.errors import MachineError
from tests.e2e.small_disk import SmallDisk
from tests.engine.export.gguf.families import make
from tests.engine.export.making import make_adapter

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("target", "kinds"), [("merged", []), ("gguf", ["f16"]), ("gguf", ["q8_0"]), ("adapter", [])])
def test_a_disk_full_half_way_is_said_and_leaves_nothing(
    target: str, kinds: list[str], small_disk: SmallDisk, home: Path, gguf_converter: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("TUNEDECK_HOME", str(home))  # the export alone goes to the small disk
    base = make("Llama", tmp_path / "base")
    plan = plan_export(str(make_adapter(base, tmp_path / "orders")), target, kinds, small_disk.path / "out")
    small_disk.fill()
    with pytest.raises(MachineError) as error:
        export(plan)
    assert error.value.code in ("exporting.disk-full", "export.disk-full")
    assert {each.name for each in small_disk.path.iterdir()} - {"home"} == {"filler"}
    small_disk.free()
    assert export(plan).is_there
