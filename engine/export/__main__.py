"""Child process that exports an adapter: ``python -P -m engine.export REQUEST`` with JSON lines on stdout.

REQUEST is a JSON object: target (adapter, merged, gguf, gguf-lora), kinds (GGUF types), adapter, base, out (folders),
name (what files are named after), done (files that are there already). Lines are of type progress, then one result
with ``files`` or one error. SIGTERM and SIGINT end it; a file appears under its name only when it is whole.
"""

from __future__ import annotations

import errno
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.common.child import Say, answers
from engine.common.clean_text import in_words
from engine.common.errors import MachineError, TunedeckError
from engine.messages.message import Message

Told = Callable[[], None]


class Interrupted(BaseException):
    """A signal asked for the end."""


def main(arguments: Sequence[str]) -> int:
    """0 when the export stands; 1 with an error line; 130 when interrupted."""
    say = answers()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    request = json.loads(arguments[0])
    out = Path(request["out"])
    try:
        say("result", files=answer(request, say))
        return 0
    except Interrupted:
        return 130
    except TunedeckError as error:
        say("error", **error.as_json())
    except OSError as error:
        code = "exporting.disk-full" if error.errno == errno.ENOSPC else "exporting.not-written"
        reason = error.strerror or str(error)
        say("error", **MachineError(code, target=out, path=error.filename or out, reason=reason).as_json())
    except Exception as error:
        say("error", **TunedeckError("exporting.failed", reason=in_words(error, 300)).as_json())
    finally:
        with suppress(OSError):
            out.rmdir()  # only where nothing stands in it
    return 1


def answer(request: dict[str, Any], say: Say) -> dict[str, int]:
    """Export; name and bytes of each file. Raises TunedeckError, OSError."""
    say("progress", done=0, total=None, message=Message("export.loading-libraries"))
    out, adapter, base = Path(request["out"]), Path(request["adapter"]), Path(request["base"])
    target, name = request["target"], request["name"]
    if target == "merged":
        return _sizes(_merged(base, adapter, out, say))
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    if target == "adapter":
        return _copied(adapter, out, say)
    if target == "gguf-lora":
        return _lora(base, adapter, out / f"{name}-lora.gguf", request["done"], say)
    return _gguf(base, adapter, out, name, request["kinds"], request["done"], say)


def _merged(base: Path, adapter: Path, target: Path, say: Say) -> Path:
    from engine.export.merge.write import merge

    def merging(done: int, total: int) -> None:
        say("progress", done=done, total=total, message=Message("export.merging"))

    return merge(base, [(adapter, 1.0)], target, merging).path


def _copied(adapter: Path, out: Path, say: Say) -> dict[str, int]:
    """The adapter's folder as it is: plain PEFT loads it."""
    files = [path for path in sorted(adapter.iterdir()) if path.is_file()]
    for number, path in enumerate(files):
        say("progress", done=number, total=len(files), message=Message("exporting.copying", file=path.name))
        partial = out / f".{path.name}.partial"
        try:
            shutil.copyfile(path, partial)
            partial.replace(out / path.name)
        finally:
            partial.unlink(missing_ok=True)
    return {path.name: (out / path.name).stat().st_size for path in files}


def _lora(base: Path, adapter: Path, file: Path, done: Sequence[str], say: Say) -> dict[str, int]:
    from engine.export.gguf.adapter import convert_adapter
    from engine.export.gguf.converter import converter
    from engine.models.adapter.card import read_adapter

    if file.name not in done:
        told = _told(say, Message("exporting.converting", file=file.name))
        convert_adapter(read_adapter(adapter), base, file, converter(_fetching(say)), told)
    return {file.name: file.stat().st_size}


def _gguf(
    base: Path, adapter: Path, out: Path, name: str, kinds: Sequence[str], done: Sequence[str], say: Say
) -> dict[str, int]:
    """Merge, convert to 16 bits (to 32 where that is asked for), and quantize from there."""
    from engine.export.gguf import converter, quantize
    from engine.models.gguf import PLAIN

    wanted = {kind: out / f"{name}-{kind}.gguf" for kind in kinds}
    left = {kind: path for kind, path in wanted.items() if path.name not in done}
    if left:
        folder = converter.converter(_fetching(say))
        converter.run(folder, {"do": "check", "model": str(base)}, _told(say, Message("exporting.checking")))
        with tempfile.TemporaryDirectory(dir=out, prefix=".work-") as work:
            model = _merged(base, adapter, Path(work) / name, say)
            plain = [kind for kind in PLAIN if kind in left]
            between = wanted[plain[0]] if plain else Path(work) / f"{name}-f16.gguf"
            for kind, path in {**({} if plain else {"f16": between}), **{kind: left[kind] for kind in plain}}.items():
                told = _told(say, Message("exporting.converting", file=path.name))
                partial = path.with_name(f".{path.name}.partial")
                try:
                    converter.run(
                        folder, {"do": "convert", "model": str(model), "out": str(partial), "type": kind}, told
                    )
                    partial.replace(path)
                finally:
                    partial.unlink(missing_ok=True)
            shutil.rmtree(model)
            for kind, path in left.items():
                if kind not in PLAIN:
                    quantize.quantize(between, path, kind, _told(say, Message("exporting.quantizing", kind=kind)))
    return {path.name: path.stat().st_size for path in wanted.values()}


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}


def _told(say: Say, message: Message) -> Told:
    say("progress", done=0, total=None, message=message)
    return lambda: say("progress", done=0, total=None, message=message)


def _fetching(say: Say) -> Callable[[int, int | None, Message], None]:
    return lambda done, total, message: say("progress", done=done, total=total, message=message)


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
