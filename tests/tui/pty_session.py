"""A real terminal program in a pty: send keys, count the bytes it sends, wait for a text to appear."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.tui.terminal_model import TerminalModel

ROOT = Path(__file__).resolve().parents[2]
_OF_ANOTHER_TERMINAL = ("COLORTERM", "NO_COLOR", "SSH_CONNECTION", "SSH_TTY", "COLUMNS", "LINES")
"""What the tests' own environment says of a terminal: several workers have a size there that none of theirs has."""


def _as_in_a_terminal() -> None:
    """A shell lets what it runs in the background, the tests for one, ignore Ctrl+C; and so would what that begins."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class PtySession:
    """Runs ``python -m tui`` with ``arguments`` in a pty of ``columns`` by ``rows``; a context manager."""

    def __init__(
        self,
        arguments: Sequence[str] = (),
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = (sys.executable, "-m", "tui"),
    ) -> None:
        self.received = b""
        self.terminal = TerminalModel()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.started = time.monotonic()
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_TERMINAL}
        environment = inherited | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"} | dict(env or {})
        self.process = subprocess.Popen(
            [*command, *arguments], stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment,
            start_new_session=True, preexec_fn=_as_in_a_terminal,
        )  # fmt: skip
        os.close(slave)

    def __enter__(self) -> PtySession:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 5
            while self.process.poll() is None and time.monotonic() < deadline:
                self.read(0.1)
            if self.process.poll() is None:
                self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self._master)

    def send(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def read(self, seconds: float) -> bytes:
        """What comes within ``seconds``."""
        end = time.monotonic() + seconds
        got = b""
        while (left := end - time.monotonic()) > 0:
            if not select.select([self._master], [], [], left)[0]:
                break
            try:
                block = os.read(self._master, 65536)
            except OSError:
                break
            if not block:
                break
            got += block
        self.received += got
        self.terminal.feed(self._decoder.decode(got))
        return got

    def read_until_quiet(self, seconds: float = 1.0) -> int:
        """Bytes sent until nothing more came for so long."""
        before = len(self.received)
        while self.read(seconds):
            pass
        return len(self.received) - before

    def wait_for(self, text: str, seconds: float = 60.0) -> float:
        """Seconds from the start until ``text`` was drawn; fails with what came instead.

        Of a text that replaces another only the letters that differ are sent: it is looked for on the terminal too.
        """
        end = time.monotonic() + seconds
        while text not in self.text and not any(text in line for line in self.terminal.lines):
            has_ended = self.process.poll() is not None
            if (not self.read(0.02) and has_ended) or time.monotonic() > end:  # what it said last is read too
                raise AssertionError(f"{text!r} never appeared in:\n{self.text[-2000:]}")
        return time.monotonic() - self.started

    def wait_for_end(self, seconds: float = 60.0) -> None:
        """Read until the program has ended."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still running:\n{self.text[-2000:]}"
            self.read(0.05)
        self.read(0.2)

    @property
    def text(self) -> str:
        """Everything received, without escape sequences."""
        return re.sub(
            r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[()].|[=>78c])", "", self.received.decode("utf-8", "replace")
        )

    def bytes_while_quiet(self, seconds: float, settle: float = 2.0) -> int:
        """Bytes sent within ``seconds`` after everything has settled."""
        self.read(settle)
        sent = len(self.read(seconds))
        assert self.process.poll() is None, f"it ended meanwhile:\n{self.text[-2000:]}"
        return sent
