"""A Python that has loaded torch, Transformers and PEFT already: children of tests that need them begin at once.

Loading them takes five seconds of a CPU. ``WarmPython`` loads them once, in a process that copies itself for each child
it is asked for; ``path`` is a program that takes a Python's ``-P``, ``-m``, ``-c`` or script with their arguments. The
child has the asker's streams, folder and environment (but for what libraries read as they are loaded, such as HF_HOME);
its signals and its exit code are passed on, and it ends with the one who asked.
"""

from __future__ import annotations

import array
import atexit
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
_PRELOADED = "import engine.modeling.peft, accelerate, safetensors.torch, transformers.models.llama.modeling_llama"
# The asker: told what to run, it passes signals on and ends as the child does.
_ASKER = """
import array, json, os, signal, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
asked = json.dumps({"path": sys.argv[2], "argv": sys.argv[3:], "env": dict(os.environ), "folder": os.getcwd()}).encode()
link.sendmsg([len(asked).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
link.sendall(asked)
pid = int(link.recv(8))
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: os.kill(pid, number))
code = int(link.recv(8) or b"1")
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class WarmPython:
    """The process and the program ``path`` that asks it for children; a context."""

    def __init__(self, folder: Path) -> None:
        asker, self.path, place = folder / "asker.py", folder / "python", folder / "asked"
        asker.write_text(_ASKER)
        self.path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{asker}" "{place}" "$0" "$@"\n')
        self.path.chmod(0o755)
        known = os.environ.get("PYTHONPATH")
        environment = os.environ | {
            "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *([known] if known else [])])
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.warm", str(place)], env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def __enter__(self) -> WarmPython:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def main(place: str) -> None:
    """Copy this process for each who asks at ``place``; ends with its standard input."""
    exec(_PRELOADED, {})
    asked = socket.socket(socket.AF_UNIX)
    asked.bind(place)
    asked.listen(64)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake)
    waits = selectors.DefaultSelector()
    for each in (asked, woken, 0):
        waits.register(each, selectors.EVENT_READ)
    links: dict[int, socket.socket] = {}
    print("ready", flush=True)
    while True:
        for key, _ in waits.select():
            if key.fileobj == 0:
                for pid in links:
                    os.kill(pid, signal.SIGKILL)
                return
            if key.fileobj == woken:
                os.read(woken, 64)
                _bury(links, waits)
            elif key.fileobj is asked:
                link, _ = asked.accept()
                wanted, streams = _heard(link)
                if (pid := os.fork()) == 0:
                    _become(wanted, streams)
                for stream in streams:
                    os.close(stream)
                link.sendall(b"%8d" % pid)
                links[pid] = link
                waits.register(link, selectors.EVENT_READ)
            else:  # the asker is gone
                for pid, link in links.items():
                    if link is key.fileobj:
                        os.kill(pid, signal.SIGKILL)
                waits.unregister(key.fileobj)


def _bury(links: dict[int, socket.socket], waits: selectors.BaseSelector) -> None:
    """Tell the askers of the children that have ended how they did."""
    while links:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        link = links.pop(pid)
        if link in waits.get_map():
            waits.unregister(link)
            link.sendall(b"%8d" % os.waitstatus_to_exitcode(status))
        link.close()


def _heard(link: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What is to be run, and its three streams."""
    length, rights, _, _ = link.recvmsg(8, socket.CMSG_SPACE(12))
    said = b""
    while len(said) < int.from_bytes(length, "big"):
        said += link.recv(1 << 16)
    return json.loads(said), array.array("i", rights[0][2]).tolist()


def _become(wanted: dict[str, Any], streams: list[int]) -> NoReturn:
    """Be the Python that was asked for, and end as it would. The Pythons that it starts are warm as well."""
    sys.executable = wanted["path"]
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 256)
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    code: Any = 0
    try:
        _run(wanted["argv"])
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code or 0)


def _run(arguments: list[str]) -> None:
    sys.path[:0] = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    is_safe = arguments[0] == "-P"
    kind, *rest = arguments[is_safe:]
    if kind == "-m":
        sys.argv = rest
        sys.path[:0] = [] if is_safe else [str(Path.cwd())]
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path[:0] = [] if is_safe else [""]
        exec(compile(rest[0], "<string>", "exec"), sys.modules["__main__"].__dict__)
    else:
        sys.argv = [kind, *rest]
        sys.path[:0] = [] if is_safe else [str(Path(kind).parent)]
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
