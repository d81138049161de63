"""The chat's screen over the stand-in for its process: ``python -m tests.tui.chat.streaming SETTINGS``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from engine.app import chat
from engine.models.chat_request import ChatRequest
from tui.__main__ import open_screen

CHILD = Path(__file__).with_name("fake_child.py")


def main() -> None:
    stand_in(chat, sys.argv[1])
    sys.argv[1:] = []
    sys.exit(open_screen("chat", talk=(ChatRequest(target="orders"), "", {})))


def stand_in(module: Any, settings: str) -> None:
    module.command = lambda request: [sys.executable, str(CHILD), settings]
    module.found_by = lambda request: None
    module.room_for = lambda *args, **more: None


if __name__ == "__main__":
    main()
