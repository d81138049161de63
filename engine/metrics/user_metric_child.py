"""The process that a user's metric runs in: loads the file, scores a row for each line on stdin, answers in lines.

python -m engine.metrics.user_metric_child FILE
"""

from __future__ import annotations

import importlib.util
import json
import numbers
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.common.child import answers

_MOST_MEMORY = 8 << 30


def main() -> None:
    path, say = Path(sys.argv[1]).resolve(), answers()
    rows = os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, sys.stdin.fileno())  # a metric that asks something gets no row for an answer
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    _limit_memory()
    try:
        score = _loaded(path)
    except BaseException as error:  # also SystemExit and KeyboardInterrupt: it is the file's own
        say("raised", **_told(error, path))
        return
    say("ready")
    for line in rows:
        asked = json.loads(line)
        try:
            value = score(asked["answer"], asked["reference"], asked["row"])
            said = _score(value)
        except BaseException as error:
            say("raised", number=asked["number"], **_told(error, path))
        else:
            say("score", number=asked["number"], **said)
    os._exit(0)  # threads of the file's own hold nobody up


def _loaded(path: Path) -> Any:
    """The file's ``score``; modules beside the file can be imported by it."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("user_metric_file", path)
    if spec is None or spec.loader is None:
        from importlib.machinery import SourceFileLoader

        spec = importlib.util.spec_from_loader("user_metric_file", SourceFileLoader("user_metric_file", str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["user_metric_file"] = module
    spec.loader.exec_module(module)
    return module.score


def _score(value: Any) -> dict[str, Any]:
    """A number as it is, true and false as 1 and 0; of anything else what it is."""
    kind = type(value).__name__
    if isinstance(value, bool) or kind in ("bool", "bool_"):
        return {"value": float(bool(value)), "kind": "bool"}
    if isinstance(value, numbers.Real):
        return {"value": float(value), "kind": kind}
    return {"value": None, "kind": kind, "shown": repr(value)[:60]}


def _told(error: BaseException, path: Path) -> dict[str, Any]:
    """The error and the line of the file that it came from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    line = frames[-1].lineno if frames else getattr(error, "lineno", None)
    text = ""
    with suppress(Exception):
        text = str(error)
    return {"error": f"{type(error).__name__}: {text}" if text else type(error).__name__, "line": line}


def _limit_memory() -> None:
    """At most 8 GiB, or half of what the machine has: a metric that takes more gets a MemoryError."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        most = min(_MOST_MEMORY, whole // 2)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main()
