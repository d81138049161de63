"""Fetch one model from the hub, as a child process that gives up when the hub is silent.

``python -m engine.models.fetch REPO REVISION [--pickle]`` prints JSON lines: progress and pulses, then done or error.
"""

from __future__ import annotations

import json
import os
import sys

from engine.common import hub_watch
from engine.common.errors import TunedeckError
from engine.models.hub import fetch


def main(argv: list[str]) -> int:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(kind: str, **values: object) -> None:
        print(json.dumps({"type": kind, **values}), file=answers, flush=True)

    hub_watch.guard(answers, argv[0])
    try:
        folder = fetch(
            argv[0], argv[1], lambda done, total, message: say("progress", done=done, total=total, message=message),
            "--pickle" in argv[2:],
        )  # fmt: skip
    except TunedeckError as error:
        family = type(error).__name__
        say("error", family=family, title=error.title, message=error.message, hint=error.hint)
        return 1
    say("done", path=str(folder))
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # a thread that waits for the hub must not keep the process
