"""A merge is there whole or not at all, whatever ends it, and the next one finds its way clear."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.common.errors import MachineError, ModelError
from engine.export.merge import write as merging
from engine.export.merge.write import MARK, MergeFolder, merge
from engine.export.tensor_files import TensorWriter
from tests.codes import raises
from tests.engine.export.making import adapted_logits, logits, make_adapter, names, save_sharded

# Dies by SIGKILL at a share of the way; at 2 after the new name was given, before the mark is gone.
KILLED = """
import os, signal, sys
from pathlib import Path
from engine.export.merge.write import merge
from engine.export.merge.write import MergeFolder
base, adapter, target, share = sys.argv[1:]
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if float(share) == 2:
    MergeFolder._remove = die
def watch(done, total):
    if done >= float(share) * total:
        die()
merge(Path(base), [(adapter, 1.0)], Path(target), watch)
"""


def kill_at(share: float, base: Path, adapter: Path, target: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(base), str(adapter), str(target), str(share)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -signal.SIGKILL


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("share", [0.0, 0.55, 0.8, 1.0])
def test_killed_in_the_middle_there_is_no_model_and_the_next_merge_completes(
    untied: Path, tmp_path: Path, share: float
) -> None:
    base = save_sharded(untied, tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", target_modules="all-linear")
    target = tmp_path / "out" / "merged"
    kill_at(share, base, adapter, target)
    assert not target.exists()
    assert names(target.parent) == ["merged.merging"]
    merge(base, [(adapter, 1.0)], target)
    assert names(target.parent) == ["merged"]
    assert MARK not in names(target)
    torch.testing.assert_close(logits(target), adapted_logits(base, adapter), rtol=0, atol=2e-5)


@pytest.mark.usefixtures("warm")
def test_killed_after_its_new_name_the_model_is_whole(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter")
    target = tmp_path / "out" / "merged"
    kill_at(2, tiny, adapter, target)
    torch.testing.assert_close(logits(target), adapted_logits(tiny, adapter), rtol=0, atol=2e-5)
    with raises(ModelError, "export.folder-taken"):
        merge(tiny, [(adapter, 1.0)], target)
    assert names(target.parent) == ["merged"], "what the killed one left is cleared away all the same"


def test_cancelled_nothing_is_left(tiny: Path, tmp_path: Path) -> None:
    def cancel(done: int, total: int) -> None:
        if done > 0.7 * total:
            raise KeyboardInterrupt

    target = tmp_path / "out" / "merged"
    with pytest.raises(KeyboardInterrupt):
        merge(tiny, [(make_adapter(tiny, tmp_path / "adapter"), 1.0)], target, cancel)
    assert names(target.parent) == []


def test_a_disk_that_fills_up_leaves_nothing_and_says_so(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: TensorWriter, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TensorWriter, "write", full)
    target = tmp_path / "out" / "merged"
    with raises(MachineError, "export.disk-full"):
        merge(tiny, [(make_adapter(tiny, tmp_path / "adapter"), 1.0)], target)
    assert names(target.parent) == []


@pytest.mark.parametrize(
    ("field", "code", "args"),
    [
        ("free", "export.disk-small", {"free": 1000}),
        ("ram", "export.memory-small", {"available": 1000}),
    ],
)
def test_too_little_room_is_found_before_anything_is_written(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, code: str, args: dict[str, int]
) -> None:
    from dataclasses import replace

    from engine.machine.host import Disk, read_host

    def small(folders: list[Path]) -> object:
        host = read_host(folders)
        disks = tuple(Disk(folder, 1000, 10**9) for folder in folders)
        return replace(host, disks=disks) if field == "free" else replace(host, ram_available_bytes=1000)

    monkeypatch.setattr(merging, "read_host", small)
    target = tmp_path / "out" / "merged"
    with raises(MachineError, code) as caught:
        merge(tiny, [(make_adapter(tiny, tmp_path / "adapter"), 1.0)], target)
    assert args.items() <= caught.value.reason.args.items()
    assert caught.value.reason.args["needed"] > 1000
    assert not target.exists()
    assert names(target.parent) == []


def test_a_folder_with_something_in_it_is_never_written_to(tiny: Path, tmp_path: Path) -> None:
    target = tmp_path / "merged"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    with raises(ModelError, "export.folder-taken"):
        merge(tiny, [(make_adapter(tiny, tmp_path / "adapter"), 1.0)], target)
    assert names(target) == ["notes.txt"]
    assert not (tmp_path / "merged.merging").exists()


def test_a_folder_that_only_looks_like_a_leftover_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "merged.merging"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    with raises(ModelError, "export.folder-in-the-way"), MergeFolder(tmp_path / "merged"):
        pass
    assert names(mine) == ["thesis.txt"]


def test_of_a_leftover_only_what_it_made_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "merged.merging"
    (left / "model").mkdir(parents=True)
    (left / MARK).write_text(json.dumps({"files": ["model.safetensors", "../../precious.txt"]}))
    (left / "model" / "model.safetensors").write_text("half")
    (left / "model" / "mine.txt").write_text("mine")
    (tmp_path / "precious.txt").write_text("mine")
    with raises(ModelError, "export.leftover"), MergeFolder(tmp_path / "merged"):
        pass
    assert names(left / "model") == ["mine.txt"]
    assert (tmp_path / "precious.txt").exists()


def test_two_merges_to_one_folder_do_not_meet(tmp_path: Path) -> None:
    with MergeFolder(tmp_path / "merged") as first:
        first.announce(["model.safetensors"])
        (first.path / "model.safetensors").write_text("half")
        with raises(ModelError, "export.merge-under-way"), MergeFolder(tmp_path / "merged"):
            pass
        assert names(first.path) == ["model.safetensors"]
    assert names(tmp_path) == []
