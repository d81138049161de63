"""Serving what was exported from a run: the best of the servers that are installed, on loopback, OpenAI-compatible."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from engine.common.errors import MachineError, RunError
from engine.models.vllm import BASE_VARIABLE
from engine.runs import exports
from engine.runs.directory import RunDir

HOST, PORT = "127.0.0.1", 8080
_LLAMA_CPP = "xllamacpp"
_CONTEXT = 4096
_PATIENCE_S = 600.0
_ASK_EVERY_S = 0.5
_TO_END_S = 5.0


@dataclass(frozen=True)
class Server:
    """``program`` (its name for people) serves ``path`` by ``command`` as model ``model`` at ``address``."""

    program: str
    path: Path
    command: tuple[str, ...]
    model: str
    address: str

    @property
    def curl(self) -> str:
        """A line that asks it something."""
        body = {"model": self.model, "messages": [{"role": "user", "content": "Hello"}]}
        command = ["curl", f"{self.address}/v1/chat/completions", "-H", "Content-Type:application/json", "-d"]
        return shlex.join([*command, json.dumps(body)])


def plan_server(run: RunDir, port: int = PORT) -> Server:
    """What serves the newest exports of ``run`` best here. Raises RunError where nothing is exported that can be
    served, MachineError where no program for it is installed, or the port is in use.
    """
    there = [made for made in reversed(exports.all_of(run)) if made.is_there]
    folders = {made.target: Path(made.path) for made in reversed(there)}
    bases = {made.target: made.base for made in reversed(there)}
    ggufs = [Path(made.path) / name for made in there for name in reversed(made.files)
             if made.target in ("gguf", "ollama") and name.endswith(".gguf")]  # fmt: skip
    if not ggufs and not {"vllm", "merged"} & folders.keys():
        raise RunError("serving.nothing-exported", run=run.id)
    _check_port(port)
    address, name = f"http://{HOST}:{port}", run.name
    at = ("--host", HOST, "--port", str(port))
    if "vllm" in folders and shutil.which("vllm"):
        script = folders["vllm"] / "serve.sh"
        return Server(
            "vLLM", script, ("env", f"{BASE_VARIABLE}={bases.get('vllm', '')}", "sh", str(script), *at), name, address
        )
    if "merged" in folders and shutil.which("vllm"):
        path = folders["merged"]
        return Server("vLLM", path, ("vllm", "serve", str(path), *at), str(path), address)
    if ggufs and shutil.which("llama-server"):
        return Server("llama.cpp", ggufs[0], ("llama-server", "-m", str(ggufs[0]), *at), name, address)
    if ggufs and find_spec(_LLAMA_CPP):
        own = (sys.executable, "-P", "-m", "engine.export.gguf.server", str(ggufs[0]), "--port", str(port))
        return Server("llama.cpp", ggufs[0], (*own, "--context", str(_CONTEXT)), name, address)
    if "merged" in folders and all(map(find_spec, ("fastapi", "uvicorn"))):
        path = folders["merged"]
        return Server("Transformers", path, ("transformers", "serve", str(path), *at), str(path), address)
    raise MachineError("serving.no-program", exported=sorted({made.target for made in there}))


@contextmanager
def running(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """The server, ready to be asked, until the end of ``with``. Raises MachineError when it ends before that.

    It has a process group of its own, which ends with all that it started: after ``with``, on Ctrl+C, on SIGTERM, and
    on SIGHUP unless that is ignored. These two raise SystemExit.
    """
    said = subprocess.DEVNULL if server.command[0] == sys.executable else sys.stderr
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _end)
    process = None
    try:
        process = subprocess.Popen(server.command, stdin=subprocess.PIPE, stdout=said, start_new_session=True)
        end = time.monotonic() + _PATIENCE_S
        while not _answers(server):
            if process.poll() is not None or time.monotonic() > end:
                raise MachineError("serving.ended", program=server.program, path=server.path, code=process.poll())
            time.sleep(_ASK_EVERY_S)
        yield process
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # it ends already
        if process is not None:
            _end_group(process)
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the server and all that it started: politely, and after some seconds not."""
    try:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_TO_END_S)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(server: Server) -> bool:
    try:
        with urllib.request.urlopen(f"{server.address}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _check_port(port: int) -> None:
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise MachineError("serving.port-in-use", port=str(port)) from error
