"""A real browser for tests: headless Chromium from the system's packages, spoken to over its DevTools pipe."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NEEDS = "This test needs a browser. On Debian and Ubuntu: apt install chromium"
_PATIENCE_S = 120.0
_AT_3_AND_4 = """
import os, sys
read, write = (os.dup(int(each)) for each in sys.argv[1:3])
os.dup2(os.dup(read), 3)
os.dup2(os.dup(write), 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""Chromium reads its commands from 3 and answers on 4."""


class Browser:
    """One tab. ``requests`` are the addresses it asked for, ``complaints`` what its console said."""

    def __init__(self, process: subprocess.Popen[bytes], say: int, hear: int) -> None:
        self._process, self._say, self._hear = process, say, hear
        self._number, self._rest, self._session = 0, b"", ""
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._loaded = False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a DevTools command; events that come before it are taken in."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        os.write(
            self._say, json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + b"\0"
        )
        while True:
            found = self._next()
            if found.get("id") == self._number:
                assert "error" not in found, f"{method}: {found['error']}"
                return dict(found["result"])

    def open(self, path: Path) -> None:
        """Show a file, and wait until it is laid out."""
        self.requests.clear()
        self.complaints.clear()
        self._loaded = False
        self.call("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._next()

    def look(self, width: int = 1100, height: int = 900, dark: bool = False, media: str = "screen") -> None:
        """Another window, colour scheme or medium."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)  # fmt: skip
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media=media, features=scheme)

    def value(self, script: str) -> Any:
        """What a script gives."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, to: Path) -> None:
        """The whole page as PNG."""
        to.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def pdf(self) -> bytes:
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)["data"])

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._rest:
            assert select.select([self._hear], [], [], max(0.0, deadline - time.monotonic()))[0], "Chromium is silent"
            piece = os.read(self._hear, 1 << 20)
            assert piece, "Chromium ended"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        params = found.get("params", {})
        match found.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(params["args"]))
            case "Log.entryAdded":
                self.complaints.append(str(params["entry"]["text"]))
        return found


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Chromium with its profile in ``folder``. Fails, saying what it needs, where there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert program is not None, NEEDS
    command = [
        program, "--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
        "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
        f"--user-data-dir={folder / 'profile'}", *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]  # fmt: skip
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    inherit = [sys.executable, "-c", _AT_3_AND_4, str(theirs_in), str(theirs_out), *command]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(inherit, pass_fds=(theirs_in, theirs_out), stdout=log, stderr=log)
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        tab = Browser(process, ours_out, ours_in)
        yield tab
        with contextlib.suppress(OSError):
            os.write(ours_out, b'{"id":0,"method":"Browser.close"}\0')
        process.wait(20)
    finally:
        os.close(ours_out)
        os.close(ours_in)
        if process.poll() is None:
            process.kill()
            process.wait()
