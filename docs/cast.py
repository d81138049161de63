"""Record the tour's session in a real terminal: ``python docs/cast.py [demo.cast]``; play it with asciinema.

The demo is walked through by keys, trained and talked to, in a home of its own that is gone afterwards; only the
starter model is taken from the usual place. Takes as long as the demo does. Waits are cut to ``LONGEST_S``.
"""

from __future__ import annotations

import codecs
import json
import sys
import tempfile
import time
from pathlib import Path

from engine.common import paths
from engine.messages.catalogue import text
from engine.runs.directory import list_runs
from tests.tui.pty_session import PtySession

COLUMNS, ROWS = 100, 30
LONGEST_S = 0.6
LEARNT_S = 900.0
MOST_STEPS = 20
HERE = Path(__file__).parent


class Recorded(PtySession):
    """Keeps when each piece came, in seconds from the start with long waits cut."""

    pieces: list[tuple[float, bytes]]
    _clock = _last = 0.0

    def read(self, seconds: float) -> bytes:
        got = super().read(seconds)
        now = time.monotonic()
        if got:
            self._clock += min(now - (self._last or now), LONGEST_S)
            self._last = now
            self.pieces.append((self._clock, got))
        return got

    def look(self, seconds: float) -> None:
        """Time to read what is shown."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)
        self._clock, self._last = self._clock + seconds, time.monotonic()

    def press(self, keys: str, seconds: float = 1.5) -> None:
        self.send(keys)
        self.look(seconds)


def record(home: Path) -> list[tuple[float, bytes]]:
    """The demo from its first step to a word with the tuned model."""
    (home / "models").parent.mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(paths.models_dir())
    env = {"TUNEDECK_HOME": str(home), "COLORTERM": "truecolor", "TUNEDECK_LANG": "en"}
    with Recorded(("demo",), COLUMNS, ROWS, env) as session:
        session.pieces = []
        session.wait_for(text("keys.next"))
        session.look(2)
        for _ in range(MOST_STEPS):
            if list_runs(home / "runs"):
                break
            session.press("\r", 2)  # Enter goes on from each step, and starts on the last
        session.wait_for(text("runs.finished"), LEARNT_S)
        session.look(5)
        session.press("t", 1)
        session.wait_for(text("chat.placeholder"))
        session.press("three green teas for Ada, please\r", 6)
        session.press("\x1b", 1)
        session.press("q", 1)
        session.press("q", 1)
        return session.pieces


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "demo.cast"
    with tempfile.TemporaryDirectory() as folder:
        pieces = record(Path(folder) / "home")
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "env": {"TERM": "xterm-256color"}, "title": "tunedeck"}
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode  # a piece may end within a character
    lines = [head, *([round(at, 3), "o", decode(said)] for at, said in pieces)]
    out.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    print(f"{out}: {pieces[-1][0]:.0f} s, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
