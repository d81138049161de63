"""What a run writes: one checkpoint more than is kept, the adapter, and later the merged model."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import MachineError
from engine.config.schema import RunConfig
from engine.memory.disk import LOG_BYTES, TOKENIZER_BYTES, disk_of, require, run_disk, what_helps_full
from engine.messages.message import Message
from engine.models.dims import ModelShape
from tests.engine.memory.models import LLAMA_3_8B, SMOLLM2_135M

Usage = namedtuple("Usage", "total used free")
SMALL = ModelShape("small", hidden=8, layers=2, heads=4, kv_heads=2, head_dim=2, intermediate=16, vocab=32)
ALL_LINEARS = (8 + 8) + 2 * (8 + 4) + (8 + 8) + 3 * (8 + 16)  # q, k, v, o, then gate, up, down


def config(**sections: Any) -> RunConfig:
    return RunConfig.model_validate({"model": {"name_or_path": "m"}, "data": [{"path": "rows"}], **sections})


def trained(**adapter: Any) -> float:
    return disk_of(config(adapter=adapter), SMALL).adapter / 4


def test_an_adapters_numbers_are_rank_times_in_plus_out() -> None:
    assert trained(r=4) == 2 * 4 * ALL_LINEARS
    assert trained(r=4, target_modules=["q_proj", "o_proj"]) == 2 * 4 * 2 * (8 + 8)
    assert trained(r=4, target_modules=["something_else"]) == 2 * 4 * ALL_LINEARS


def test_word_tables_that_are_trained_whole_are_saved_whole() -> None:
    with_tables = trained(r=4, modules_to_save=["embed_tokens", "lm_head"])
    assert with_tables == trained(r=4) + 2 * 32 * 8


def test_one_checkpoint_more_than_is_kept_is_counted() -> None:
    last: dict[str, Any] = {"eval": {"keep": "last"}}
    few, many = (disk_of(config(checkpoint={"keep": keep}, **last), LLAMA_3_8B) for keep in (1, 5))
    assert few.checkpoint == 3 * few.adapter
    assert many.run - few.run == 4 * (few.checkpoint + TOKENIZER_BYTES)
    assert few.run == 2 * (few.checkpoint + TOKENIZER_BYTES) + few.adapter + TOKENIZER_BYTES + LOG_BYTES


def test_the_best_checkpoint_is_counted_beside_the_newest() -> None:
    assert disk_of(config(checkpoint={"keep": 2}), LLAMA_3_8B).checkpoints == 4
    assert disk_of(config(checkpoint={"keep": 2}, eval={"keep": "last"}), LLAMA_3_8B).checkpoints == 3
    assert disk_of(config(checkpoint={"keep": 2}, dataset={"eval_rows": 0}), LLAMA_3_8B).checkpoints == 3


def test_states_in_8_bit_make_smaller_checkpoints() -> None:
    plain, small = (run_disk(1_000_000, 2, optim) for optim in ("adamw", "adamw_8bit"))
    assert (plain.checkpoint, round(small.checkpoint / 1e4)) == (12_000_000, 603)


def test_the_tokenizers_own_files_are_counted_where_they_are_known(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("x" * 1000)
    (tmp_path / "tokenizer_config.json").write_text("x" * 10)
    (tmp_path / "model.safetensors").write_text("x" * 5000)
    assert disk_of(config(), SMALL, tmp_path).beside == 1010


def test_merging_later_takes_the_16_bit_weights() -> None:
    disk = disk_of(config(), SMOLLM2_135M)
    assert disk.merged == disk.export == 2 * SMOLLM2_135M.parameters
    assert disk.later == Message("memory.disk-later", merged=disk.merged)
    assert run_disk(1000, 2).later is None


def test_a_disk_that_is_too_small_is_refused_with_both_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = run_disk(100_000_000, 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, disk.run - 1))
    with pytest.raises(MachineError) as caught:
        require(disk, tmp_path / "not" / "there" / "yet")
    assert caught.value.code == "memory.disk-too-small"
    assert caught.value.reason.args["free"] == disk.run - 1
    assert caught.value.reason.args["disk"] == Message("memory.disk", run=disk.run, checkpoints=3)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, disk.run))
    require(disk, tmp_path)


def inodes(monkeypatch: pytest.MonkeyPatch, left: int, of: int = 1000) -> None:
    found = os.statvfs_result((4096, 4096, 10**6, 10**6, 10**6, of, left, left, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: found)


def test_a_disk_that_takes_no_more_files_is_no_matter_of_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = run_disk(1000, 2, "adamw")
    inodes(monkeypatch, left=3)
    with pytest.raises(MachineError) as caught:
        require(disk, tmp_path)
    assert caught.value.code == "memory.disk-takes-no-files"
    assert caught.value.reason.args["left"] == 3
    inodes(monkeypatch, left=0)
    assert what_helps_full(tmp_path) == Message("memory.remove-files")
    inodes(monkeypatch, left=500)
    require(disk, tmp_path)
    assert what_helps_full(tmp_path) == Message("memory.free-disk-space")
    inodes(monkeypatch, left=0, of=0)  # btrfs makes them as they are needed
    require(disk, tmp_path / "not" / "there" / "yet")
