"""Child process that exports an adapter: ``python -P -m engine.export REQUEST`` with JSON lines on stdout.

REQUEST is a JSON object: target (of ``engine.app.export.TARGETS``), kinds (GGUF types), adapter, base, out (folders),
base_name (what others call the base), model (the
config's section), name (what files are named after), done (files that are there already). Lines are of type
progress, then one result with ``files`` or one error. SIGTERM, SIGINT and SIGHUP end it; a file appears under its name
only when it is whole.
"""

from __future__ import annotations

import errno
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common.child import Interrupted, Say, answers, counting, doing, interruptible
from engine.common.clean_text import in_words
from engine.common.errors import MachineError, TunedeckError, reason_of
from engine.common.files import read_json, write_atomic
from engine.common.places import named
from engine.common.work_folder import work_folder
from engine.messages.message import Message
from engine.models.adapter.config import CONFIG_FILE, RECORD_FILE

if TYPE_CHECKING:
    from engine.tokens.tokenizer import Words

Told = Callable[[], None]


def main(arguments: Sequence[str]) -> int:
    """0 when the export stands; 1 with an error line; 130 when interrupted."""
    say = answers()
    interruptible()
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
        reason = reason_of(error)
        say("error", **MachineError(code, target=out, path=error.filename or out, reason=reason).as_json())
    except Exception as error:
        say("error", **TunedeckError("exporting.failed", reason=in_words(error, 300)).as_json())
    finally:
        with suppress(OSError):
            out.rmdir()  # only where nothing stands in it
    return 1


def answer(request: dict[str, Any], say: Say) -> dict[str, int]:
    """Export; name and bytes of each file. Raises TunedeckError, OSError."""
    doing(say, "export.loading-libraries")
    out, adapter, base = Path(request["out"]), Path(request["adapter"]), Path(request["base"])
    target, name = request["target"], request["name"]
    if target == "merged":
        folder = _merged(base, adapter, out, say)
        record = folder / RECORD_FILE
        write_atomic(record, json.dumps(_for_others(record, request["base_name"]), indent=1, ensure_ascii=False))
        return _sizes(folder)
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    if target == "adapter":
        return _copied(adapter, out, request["base_name"], say)
    if target == "gguf-lora":
        return _lora(base, adapter, out / f"{name}-lora.gguf", request["done"], say)
    if target == "vllm":
        return _vllm(base, adapter, out, request)
    if target == "gguf":
        return _gguf(base, adapter, out, request["kinds"], request, say)
    told = _modelfile(base, adapter, f"{name}-{request['kinds'][0]}.gguf", request)  # before the long work
    files = _gguf(base, adapter, out, request["kinds"][:1], request, say)
    return files | _written(out / "Modelfile", told)


def _modelfile(base: Path, adapter: Path, file: str, request: dict[str, Any]) -> str:
    from engine.export.serving import modelfile
    from engine.models.card import read_card

    return modelfile(_words(base, adapter, request), file, read_card(base).max_position_embeddings)


def _vllm(base: Path, adapter: Path, out: Path, request: dict[str, Any]) -> dict[str, int]:
    """The adapter as it is, the template of the training, and a script that serves both with the base."""
    from engine.models.adapter.card import read_adapter
    from engine.models.vllm import serve_script

    files = _copied(adapter, out, request["base_name"], lambda kind, /, **values: None)
    template = _words(base, adapter, request).tokenizer.chat_template
    files |= _written(out / "chat_template.jinja", template)
    script = serve_script(
        read_adapter(adapter), request["base_name"], request["name"], request["model"]["quantization"]
    )
    files |= _written(out / "serve.sh", script)
    (out / "serve.sh").chmod(0o755)
    return files


def _words(base: Path, adapter: Path, request: dict[str, Any]) -> Words:
    """Tokenizer and template as the training knew them: what was saved with the adapter, where it brings them."""
    from engine.config.schema import ModelSection
    from engine.models.card import read_card
    from engine.models.tokenizer_files import brings_tokenizer
    from engine.tokens.tokenizer import load_words

    section = ModelSection.model_validate(request["model"])
    own = adapter if brings_tokenizer(adapter) else None
    section = section.model_copy(update={"chat_template": ""}) if own else section
    return load_words(read_card(base, section.allow_pickle), section, own)


def _written(path: Path, text: str) -> dict[str, int]:
    path.write_text(text, "utf-8")
    return {path.name: path.stat().st_size}


def _merged(base: Path, adapter: Path, target: Path, say: Say, dtype: str | None = None) -> Path:
    from engine.export.merge.write import merge

    return merge(base, [(adapter, 1.0)], target, counting(say, "export.merging"), dtype).path


def _copied(adapter: Path, out: Path, base_name: str, say: Say) -> dict[str, int]:
    """The adapter's folder: plain PEFT loads it. A model card that is there already may have been edited.

    Where its records name folders of this machine, the copies have their last names; ``base_name`` is that of the base.
    """
    files = [path for path in sorted(adapter.iterdir()) if path.is_file()]
    files = [path for path in files if path.name != "README.md" or not (out / path.name).exists()]
    base = str(read_json(adapter / CONFIG_FILE).get("base_model_name_or_path") or "")
    new = [path.name for path in files if not (out / path.name).exists()]
    with work_folder(out, new) as work:
        for number, path in enumerate(files):
            say("progress", done=number, total=len(files), message=Message("exporting.copying", file=path.name))
            partial = work / path.name
            if path.name in (CONFIG_FILE, RECORD_FILE):
                partial.write_text(json.dumps(_for_others(path, base_name), indent=1, ensure_ascii=False), "utf-8")
            elif path.name == "README.md" and Path(base).is_absolute():  # PEFT's own names the base's folder
                partial.write_text(path.read_text("utf-8", "replace").replace(base, base_name), "utf-8")
            else:
                shutil.copyfile(path, partial)
            partial.replace(out / path.name)
    return {path.name: (out / path.name).stat().st_size for path in files}


def _for_others(record: Path, base_name: str) -> dict[str, Any]:
    """A JSON file of the adapter as it may leave this machine."""
    values: dict[str, Any] = named(read_json(record))
    if record.name == CONFIG_FILE:
        return values | {"base_model_name_or_path": base_name}
    if "name_or_path" in (values.get("base") or {}):
        values["base"]["name_or_path"] = base_name
    return values


def _lora(base: Path, adapter: Path, file: Path, done: Sequence[str], say: Say) -> dict[str, int]:
    from engine.export.gguf.adapter import convert_adapter
    from engine.export.gguf.converter import converter
    from engine.models.adapter.card import read_adapter

    if file.name not in done:
        told = _told(say, Message("exporting.converting", file=file.name))
        convert_adapter(read_adapter(adapter), base, file, converter(_fetching(say)), told)
    return {file.name: file.stat().st_size}


def _gguf(
    base: Path, adapter: Path, out: Path, kinds: Sequence[str], request: dict[str, Any], say: Say
) -> dict[str, int]:
    """Merge, convert to 16 bits (to 32 where that is asked for), and quantize from there."""
    from engine.export.gguf import converter, quantize, sixteen
    from engine.models.gguf import DTYPES, PLAIN, merged_as

    name = request["name"]
    wanted = {kind: out / f"{name}-{kind}.gguf" for kind in kinds}
    left = {kind: path for kind, path in wanted.items() if path.name not in request["done"]}
    if left:
        folder = converter.converter(_fetching(say))
        converter.run(folder, {"do": "check", "model": str(base)}, _told(say, Message("exporting.checking")))
        with work_folder(out, _made_for(path.name for path in left.values())) as work:
            plain = {kind: left[kind] for kind in PLAIN if kind in left} or {"f16": work / f"{name}-f16.gguf"}
            between = next(iter(plain.values()))
            model = _merged(base, adapter, work / name, say, DTYPES[merged_as(left)])
            sixteen.convert_merged(
                model, _words(base, adapter, request), plain, folder,
                lambda path: _told(say, Message("exporting.converting", file=path.name)),
            )  # fmt: skip
            shutil.rmtree(model)
            for kind, path in left.items():
                if kind not in PLAIN:
                    quantize.quantize(between, path, kind, _told(say, Message("exporting.quantizing", kind=kind)))
    return {path.name: path.stat().st_size for path in wanted.values()}


def _made_for(names: Iterable[str]) -> list[str]:
    """Files that nobody knows of before the export is done, and what they are called while they are written."""
    return [each for name in names for each in (name, f".{name}.partial")]


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}


def _told(say: Say, message: Message) -> Told:
    say("progress", done=0, total=None, message=message)
    return lambda: say("progress", done=0, total=None, message=message)


def _fetching(say: Say) -> Callable[[int, int | None, Message], None]:
    return lambda done, total, message: say("progress", done=done, total=total, message=message)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
