"""Stands for the process of a chat: ``python fake_child.py SETTINGS``, with what it says as JSON.

``voices`` are those it announces, ``pieces`` what an answer comes in, ``pause`` seconds before each, ``die`` the number
of pieces after which it is gone.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from typing import Any

SETTINGS = {
    "voices": [{"voice": "tuned", "name": "orders", "asked": True}, {"voice": "base", "name": "tiny", "asked": False}],
    "template": True, "pieces": ["One", " two", " three."], "pause": 0.0, "ended": "stop", "die": -1, "trouble": "",
    "told": [], "dropped": 0, "error": "", "signal": 9,
}  # fmt: skip


def main() -> None:
    settings: dict[str, Any] = SETTINGS | json.loads(sys.argv[1])
    requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
    stopped = [0]

    def listen() -> None:
        for line in sys.stdin:
            request = json.loads(line)
            if request["ask"] == "stop":
                stopped[0] = request["upto"]
            else:
                requests.put(request)
        requests.put(None)

    threading.Thread(target=listen, daemon=True).start()
    say("progress", done=0, total=None, message={"code": "jobs.loading-model"})
    if settings["error"]:
        say("error", error="ModelError", code=settings["error"], args={"name": "x"})
        return
    say("ready", voices=settings["voices"], template=settings["template"], told=settings["told"], model="tiny")
    while (request := requests.get()) is not None:
        number, (voice,) = request["id"], request["voices"]
        if number <= stopped[0]:
            continue
        text, ended = "", settings["ended"]
        pieces = settings["pieces"] or [f"{len(request['turns'])} turns: {request['turns'][-1]['content']}"]
        for count, piece in enumerate(pieces):
            time.sleep(settings["pause"])
            if count == settings["die"]:
                os.kill(os.getpid(), settings["signal"])
            if number <= stopped[0]:
                ended = "stopped"
                break
            text += piece
            say("piece", id=number, voice=voice, text=piece)
        if settings["trouble"]:
            say("trouble", id=number, error="MachineError", code=settings["trouble"], args={})
        else:
            whole = {"tokens": 7, "seconds": 0.5, "first_s": 0.1, "dropped": settings["dropped"], "ended": ended}
            say("said", id=number, voice=voice, text=text, **whole)
        say("done", id=number)


def say(kind: str, **values: Any) -> None:
    print(json.dumps({"type": kind, **values}), flush=True)


if __name__ == "__main__":
    main()
