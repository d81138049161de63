"""Tokenised rows are made once, by one process, and are there whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.common import paths
from engine.common.errors import MachineError
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.tokens import cache as token_cache
from engine.tokens.cache import Opened, opened, remove_old
from engine.tokens.store import PIECE, ROW, TOKEN, Facts, Writer

pytestmark = pytest.mark.usefixtures("home")
KEY = "a" * 40


class Stopped(Exception):
    pass


def write(folder: Path, tokens: int = 3) -> None:
    """A store of one row of so many tokens."""
    writer = Writer(folder)
    rows, pieces = np.zeros(1, ROW), np.array([(0, tokens, 0, 1)], PIECE)
    writer.add(rows, pieces, np.arange(tokens, dtype=TOKEN))
    writer.end(Facts(1, 1, tokens, ["rows.jsonl"], [], 0, [], [], [], [], {}))


def made(key: str = KEY, make: Any = write, check: Any = lambda: None, **more: Any) -> Opened:
    return opened(key, make, check, lambda: None, **more)


def left() -> list[str]:
    """What is in the cache beside locks."""
    return sorted(path.name for path in token_cache.folder().iterdir() if path.suffix != ".lock")


def test_what_was_made_is_not_made_again() -> None:
    first = made()
    second = made(make=lambda folder: pytest.fail("made twice"))
    assert (first.cached, second.cached) == (False, True)
    assert second.store.tokens.tolist() == first.store.tokens.tolist() == [0, 1, 2]


def test_the_cache_is_its_owners_only() -> None:
    made()
    assert token_cache.folder().stat().st_mode & 0o077 == 0


def test_an_interruption_leaves_nothing_and_the_next_run_makes_it() -> None:
    def interrupted(folder: Path) -> None:
        write(folder)
        raise Stopped

    with pytest.raises(Stopped):
        made(make=interrupted)
    assert left() == []
    assert not made().cached
    assert made().cached


def test_what_a_killed_run_left_half_made_is_removed() -> None:
    half = token_cache.folder() / f"{KEY}.x-part"
    other = token_cache.folder() / f"{'b' * 40}.y-part"
    for folder in (half, other):
        folder.mkdir(parents=True)
        (folder / "tokens.bin").write_bytes(b"half")
    assert not made().cached
    assert left() == [KEY]


def test_a_damaged_store_is_made_anew() -> None:
    made()
    (token_cache.folder() / KEY / "tokens.bin").write_bytes(b"")
    assert not made().cached
    assert made().store.tokens.tolist() == [0, 1, 2]


_MAKING = """
import sys, time
from pathlib import Path
from engine.tokens.cache import opened
from tests.engine.tokens.test_cache import KEY, write
other = Path(sys.argv[1])
def make(folder):
    print("making", flush=True)
    while not other.exists():
        time.sleep(0.01)
    write(folder)
def waiting():
    print("waiting", flush=True)
    other.touch()
print("cached" if opened(KEY, make, lambda: None, waiting).cached else "made", flush=True)
"""


def test_of_two_processes_at_once_one_makes_and_the_other_waits(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", _MAKING, str(tmp_path / "the other waits")]
    both = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=60)[0].split() for process in both)
    assert [lines[-1] for lines in said] == ["made", "cached"]
    assert said[0] == ["making", "made"]
    assert set(said[1]) == {"waiting", "cached"}


def test_waiting_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []

    def check() -> None:
        raise Stopped

    def make(folder: Path) -> None:
        with pytest.raises(Stopped):  # another one that wants the same
            opened(KEY, write, check, lambda: waited.append("waiting"))
        write(folder)

    made(make=make)
    assert waited == ["waiting"]


def test_rows_that_change_while_they_are_read_are_not_kept() -> None:
    found = made(unchanged=lambda: False)
    assert found.trouble == Message("events.tokens-changed")
    assert found.store.tokens.tolist() == [0, 1, 2]
    assert left() == []
    assert not made().cached


def test_without_a_place_for_it_the_store_is_the_runs_own() -> None:
    paths.home().mkdir()
    paths.cache_dir().write_text("not a folder")
    found = made()
    assert str(paths.cache_dir()) in text(found.trouble)
    assert found.store.tokens.tolist() == [0, 1, 2]
    assert not found.store.folder.exists()


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(MachineError, match="can't be written") as caught:
        made(make=full)
    assert "the disk is full" in caught.value.message
    assert "TUNEDECK_HOME" in caught.value.hint
    assert left() == []


def used(key: str, at: float) -> None:
    """A store that nobody uses now, used last at ``at``."""
    made(key)
    os.utime(token_cache.folder() / key / "store.json", (at, at))


def test_those_not_used_for_longest_are_removed_first() -> None:
    now = time.time()
    for age, key in enumerate("abcd"):
        used(key * 40, now - 100 * age)
    size = sum(file.stat().st_size for file in (token_cache.folder() / KEY).iterdir())
    remove_old(2 * size)
    assert left() == ["a" * 40, "b" * 40]
    assert not (token_cache.folder() / f"{'d' * 40}.lock").exists()


def test_a_store_in_use_is_never_removed() -> None:
    in_use = made()
    remove_old(0)
    assert left() == [KEY]
    del in_use
    remove_old(0)
    assert left() == []
