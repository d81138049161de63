"""A real file system of a few megabytes, to be filled up under a running training."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass
class SmallDisk:
    """``path`` is its root. Mounted directly as root, else inside a user namespace and reached through /proc."""

    path: Path
    _keeper: subprocess.Popen[str] | None
    _mount: Path

    @classmethod
    def mounted(cls, mount: Path, megabytes: int) -> SmallDisk:
        mount.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(mount)]
        if os.geteuid() == 0:
            done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return cls(mount, None, mount)
        script = 'mount "$@" && echo mounted && cat >/dev/null'
        keeper = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == "mounted\n", "no small disk: neither root nor user namespaces may mount one"
        return cls(Path(f"/proc/{keeper.pid}/root{mount}"), keeper, mount)

    def fill(self) -> None:
        """Take all space there is."""
        with suppress(OSError), (self.path / "filler").open("ab", buffering=0) as file:
            while True:
                file.write(bytes(65_536))

    def free(self) -> None:
        (self.path / "filler").unlink()

    def unmount(self) -> None:
        if self._keeper is None:
            subprocess.run(["umount", "-l", str(self._mount)], check=False)
        else:
            self._keeper.communicate("")
