"""The folder a merge is written to: beside its target, marked as ours, and only renamed when all of it is there."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from engine.common.errors import MachineError, ModelError

SUFFIX = ".merging"
MARK = "tunedeck-merge.json"
_INSIDE = "model"


class MergeFolder:
    """``with MergeFolder(target) as folder:`` write into ``folder.path``, then ``folder.publish()``.

    Leaving without ``publish`` removes what was written. A process that is killed leaves ``<target>.merging`` behind,
    which the next merge to the same target recognises by its mark and removes: the files the mark names, no others.
    """

    def __init__(self, target: Path) -> None:
        self.target = target.absolute()
        self.outer = self.target.with_name(self.target.name + SUFFIX)
        self.path = self.outer / _INSIDE
        self._mark = self.outer / MARK
        self._fd = -1
        self._names: list[str] = []

    def __enter__(self) -> MergeFolder:
        """Raises ModelError when the target is taken or another merge works on it, MachineError without rights."""
        try:
            self._remove_leftover()
            if self.target.exists() and (not self.target.is_dir() or any(self.target.iterdir())):
                raise ModelError("The merged model's folder is taken", f"{self.target} is not empty", "Name another.")
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self.outer.mkdir(mode=0o700)
            self._fd = os.open(self._mark, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._lock()
            self.announce([])
            self.path.mkdir(mode=0o700)
        except OSError as error:
            raise MachineError(
                "The merged model can't be written",
                f"{self.outer}: {error.strerror or error}",
                "Mend that folder's rights, or name a folder you can write to.",
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._remove(self._names)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def announce(self, names: list[str]) -> None:
        """Say which files will be made, before they are."""
        self._names = sorted({*self._names, *names})
        data = json.dumps({"made_by": "tunedeck", "files": self._names}).encode()
        os.pwrite(self._fd, data + b"\n", 0)
        os.fsync(self._fd)

    def publish(self) -> Path:
        """Give the folder its name; until here the target did not exist, from here on it is whole."""
        for path in (*self.path.iterdir(), self.path):
            fd = os.open(path, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        self.path.rename(self.target)
        return self.target

    def _remove_leftover(self) -> None:
        if not self.outer.exists():
            return
        if not self._mark.is_file():
            if any(self.outer.iterdir()):
                raise ModelError(
                    "A folder is in the way",
                    f"{self.outer} was not made by tunedeck, or not marked as such",
                    "Move it away, or name another folder for the merged model.",
                )
            self.outer.rmdir()
            return
        self._fd = os.open(self._mark, os.O_RDWR)
        try:
            self._lock()
            self._remove(_named(self._mark))
        finally:
            os.close(self._fd)
            self._fd = -1
        if self.outer.exists():
            raise ModelError(
                "An interrupted merge can't be cleared away",
                f"{self.outer} holds files tunedeck did not make",
                "Move them away, then merge again.",
            )

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ModelError(
                "Another merge writes to this folder", str(self.target), "Wait for it, or name another folder."
            ) from None
        except OSError:
            pass  # file systems without locks: two merges to one target are the user's to avoid

    def _remove(self, names: list[str]) -> None:
        """Remove the named files, then the folders if nothing else is in them; the mark goes last."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)
        try:
            if self.path.exists():
                self.path.rmdir()
            if [path.name for path in self.outer.iterdir()] == [MARK]:
                self._mark.unlink()
                self.outer.rmdir()
        except OSError:
            pass  # somebody put files there: they stay, and the next merge says so


def _named(mark: Path) -> list[str]:
    """The files a mark names. One cut off while it was written precedes every file."""
    try:
        names = json.loads(mark.read_bytes())["files"]
    except (ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str) and Path(name).name == name]
