"""Files that break other readers, each with the exit code of ``data check`` and words that tell what is wrong."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow
import pyarrow.parquet

PAIR = '{"prompt": "What is it?", "completion": "It is a boat."}\n'
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b31m\x08"


@dataclass(frozen=True)
class Hostile:
    """``make`` puts it into a folder and gives its path; ``said`` is in the report or the error, whatever its case."""

    make: Callable[[Path], Path]
    code: int
    said: str
    is_large: bool = False


def _file(name: str, content: str | bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        return path

    return make


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.jsonl")
    return folder / "pipe.jsonl"


def _device(folder: Path) -> Path:
    (folder / "zeros.jsonl").symlink_to("/dev/zero")
    return folder / "zeros.jsonl"


def _loop(folder: Path) -> Path:
    (folder / "deep" / "sub").mkdir(parents=True)
    (folder / "deep" / "sub" / "up").symlink_to(folder / "deep")
    (folder / "deep" / "sub" / "rows.jsonl").write_text(PAIR * 2)
    return folder / "deep"


def _dangling(folder: Path) -> Path:
    (folder / "gone.jsonl").symlink_to(folder / "nowhere.jsonl")
    return folder / "gone.jsonl"


def _folder_of_a_name(folder: Path) -> Path:
    (folder / "rows.jsonl").mkdir()
    return folder / "rows.jsonl"


def _table(name: str, columns: dict[str, object]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / name)
        return folder / name

    return make


def _turns(*contents: str) -> str:
    """A row of turns, its half surrogates and controls as JSON escapes them."""
    roles = ("user", "assistant") * len(contents)
    return json.dumps({"messages": [{"role": role, "content": text} for role, text in zip(roles, contents)]}) + "\n"  # noqa: B905


_LABELLED = "".join(json.dumps({"text": f"t {i}", "label": f"{ESCAPES}{i % 2}"}) + "\n" for i in range(60))
_NO_TEXT = os.fsdecode(b"a\xff\xfe.jsonl")
_WIDE = {f"column {number}": "x" for number in range(10_000)}

FILES: dict[str, Hostile] = {
    "long line": Hostile(_file("a.jsonl", PAIR + PAIR.replace("a boat", "x" * 50_000_000) + PAIR), 0, "3 rows", True),
    "long broken line": Hostile(_file("a.jsonl", PAIR + '{"prompt": "' + "x" * 50_000_000), 1, "2: column 12", True),
    "utf-16": Hostile(_file("a.jsonl", (PAIR * 3).encode("utf-16")), 0, "3 rows"),
    "byte order mark": Hostile(_file("a.jsonl", "\ufeff" + PAIR), 0, "1 row "),
    "line ends of DOS": Hostile(_file("a.jsonl", PAIR.replace("\n", "\r\n") * 2), 0, "2 rows"),
    "latin-1": Hostile(_file("a.jsonl", (PAIR + PAIR.replace("boat", "café")).encode("latin-1")), 2, "iconv"),
    "nested 1000 deep": Hostile(_file("a.jsonl", f'{PAIR}{{"prompt": {"[" * 1000}{"]" * 1000}}}'), 1, "row 2"),
    "nested 100,000 deep": Hostile(_file("a.json", "[" * 100_000), 2, "nested too deeply"),
    "not numbers": Hostile(_file("a.jsonl", '{"prompt": NaN, "completion": Infinity}\n' + PAIR), 0, "1 row "),
    "10,000 columns": Hostile(_file("a.jsonl", json.dumps(_WIDE)), 2, "9,980 more"),
    "loop of links": Hostile(_loop, 0, "2 rows"),
    "pipe": Hostile(_pipe, 2, "not a file"),
    "device": Hostile(_device, 2, "not a file"),
    "link to nothing": Hostile(_dangling, 2, "no such file"),
    "folder with a file's name": Hostile(_folder_of_a_name, 2, "rows.jsonl"),
    "cut gz": Hostile(_file("a.jsonl.gz", gzip.compress((PAIR * 5000).encode(), mtime=0)[:-40]), 1, "after line"),
    "no zst": Hostile(_file("a.jsonl.zst", PAIR), 2, "can't be read to its end"),
    "no parquet": Hostile(_file("a.parquet", PAIR * 20), 2, "parquet file can't be read"),
    "unbalanced quotes": Hostile(_file("a.csv", 'prompt,completion\na,b\nc,"d\ne,f\n'), 1, "row 3"),
    "mixed list": Hostile(_file("a.json", f'[{PAIR}, 1, "x", null, [], {PAIR}]'), 1, "a number"),
    "mixed lines": Hostile(_file("a.jsonl", f'{PAIR}[1]\n"x"\nnull\n{PAIR}'), 1, "3 of 5 rows"),
    "half surrogates": Hostile(_file("a.jsonl", _turns("\ud800?", "yes \udfff.") + _turns("a", "b")), 0, "garbled"),
    "raw half surrogates": Hostile(_file("a.jsonl", PAIR + PAIR.replace("boat", "\ud800")), 2, "byte"),
    "escapes in values": Hostile(_file("a.jsonl", _turns("Why?", f"So {ESCAPES} it is.")), 0, "escape sequence"),
    "escapes in columns": Hostile(_file("a.jsonl", json.dumps({ESCAPES: "x", "\x1b[31m": 1})), 2, "has the columns"),
    "escapes in a table's columns": Hostile(_table("a.parquet", {ESCAPES: ["x"], "y": [1]}), 2, "has the columns"),
    "escapes in roles": Hostile(
        _file("a.jsonl", PAIR.replace("prompt", "system") + json.dumps({"messages": [{"role": ESCAPES}]})), 2, "role"
    ),
    "escapes in labels": Hostile(_file("a.jsonl", _LABELLED), 0, "labels"),
    "escapes in the name": Hostile(_file(f"a{ESCAPES}.jsonl", PAIR + "{broken\n"), 1, "row 2"),
    "a name that ends lines": Hostile(_file("a\n\r\u2028b.jsonl", PAIR + "{broken\n"), 1, "row 2"),
    "a name that is no text": Hostile(_file(_NO_TEXT, PAIR), 2, "rename"),
    "a name in a folder that is no text": Hostile(
        lambda folder: _file(_NO_TEXT, PAIR + "{broken\n")(folder).parent, 1, "row 2"
    ),
    "zeros": Hostile(_file("a.jsonl", PAIR + "\x00" * 100_000), 1, "row 2"),
    "only blank lines": Hostile(_file("a.jsonl", "\n \n" * 50_000), 2, "blank space"),
    "a row without answers": Hostile(_file("a.jsonl", '{"prompt": "a", "completion": ""}\n' * 3), 1, "empty answers"),
    "another suffix": Hostile(_file("a.exe", PAIR), 2, "this kind of file"),
}  # fmt: skip
