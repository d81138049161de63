"""The shell command that writes a data file anew, which can be run from any folder."""

from __future__ import annotations

import shlex
from pathlib import Path

_UNPACKED_BY = {".gz": "gzip -dc", ".zst": "zstd -dc"}


def written_anew(command: str, file: str | Path, prefix: str = "mended-", suffix: str = "") -> str:
    """``command`` with the text of ``file`` as its input, and ``prefix`` before the name of what it writes.

    That is put into the current folder, unpacked, and ends in ``suffix`` where one is given.
    """
    path = Path(file)
    unpacking = _UNPACKED_BY.get(path.suffix.lower())
    name = path.with_suffix("") if unpacking else path
    made = shlex.quote(prefix + (name.with_suffix(suffix) if suffix else name).name)
    source = shlex.quote(str(path))
    return f"{unpacking} {source} | {command} > {made}" if unpacking else f"{command} < {source} > {made}"
