"""A file is hashed once for each state of it, and its hash comes for free where it is read whole."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from engine.common import file_hash


def test_a_hash_is_remembered_only_of_what_was_read_to_its_end(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x" * 1000)
    time.sleep(0.05)
    with file_hash.HashedFile(path) as file:
        file.read(999)
    assert not file_hash._known(path)
    with file_hash.HashedFile(path) as file:
        while file.read(100):
            pass
    assert file_hash._known(path) == hashlib.sha256(path.read_bytes()).hexdigest() == file_hash.sha256_of(path)
    before = path.stat()
    path.write_text("y" * 1000)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file_hash.sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()
