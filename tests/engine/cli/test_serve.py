"""``tunedeck serve``: the best of what is installed for what was exported, and what to do where nothing is."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.app import serve
from engine.app.serve import Server, plan_server, running
from engine.common.errors import MachineError, RunError
from engine.runs import exports
from engine.runs.directory import RunDir
from engine.runs.exports import Export
from tests.engine.models.test_lineage import make_run

HEALTHY = """
import http.server, sys
class Asked(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Asked).serve_forever()
"""


@pytest.fixture
def run(home: Path) -> RunDir:
    return make_run("orders")


@pytest.fixture
def free_port() -> int:
    with socket.socket() as found:
        found.bind((serve.HOST, 0))
        return int(found.getsockname()[1])


def exported(run: RunDir, target: str, *files: str) -> Path:
    folder = run.path / "exports" / target
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).touch()
    exports.keep(run, Export(target=target, path=str(folder), adapter="", adapter_sha256="", base="",
                             files=dict.fromkeys(files, 0)))  # fmt: skip
    return folder


def installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(serve.shutil, "which", lambda name: f"/bin/{name}" if name in names else None)
    monkeypatch.setattr(serve, "find_spec", lambda name: name in names or None)


def test_the_best_installed_server_is_taken(run: RunDir, free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gguf = exported(run, "gguf", "orders-q8_0.gguf")
    exported(run, "merged", "model.safetensors")
    vllm = exported(run, "vllm", "serve.sh")

    def program(*names: str) -> tuple[str, ...]:
        installed(monkeypatch, *names)
        return plan_server(run, free_port).command

    assert program("vllm", "xllamacpp", "fastapi", "uvicorn")[2:4] == ("sh", str(vllm / "serve.sh"))
    assert program("llama-server", "xllamacpp")[:3] == ("llama-server", "-m", str(gguf / "orders-q8_0.gguf"))
    assert program("xllamacpp", "fastapi", "uvicorn")[3] == "engine.export.gguf.server"
    assert program("fastapi", "uvicorn")[:2] == ("transformers", "serve")
    with pytest.raises(MachineError) as error:
        program()
    assert error.value.code == "serving.no-program"


def test_files_that_are_gone_are_not_served(run: RunDir, free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "xllamacpp")
    folder = exported(run, "gguf", "orders-q8_0.gguf")
    (folder / "orders-q8_0.gguf").unlink()
    with pytest.raises(RunError) as error:
        plan_server(run, free_port)
    assert error.value.code == "serving.nothing-exported"
    assert f"tunedeck export {run.id} --to gguf" in error.value.hint


def test_a_port_in_use_is_said_before_the_model_is_loaded(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "xllamacpp")
    exported(run, "gguf", "orders-q8_0.gguf")
    with socket.socket() as taken:
        taken.bind((serve.HOST, 0))
        taken.listen()
        with pytest.raises(MachineError) as error:
            plan_server(run, taken.getsockname()[1])
    assert error.value.code == "serving.port-in-use"


def server_of(code: str, port: int) -> Server:
    command = (sys.executable, "-c", code, str(port))
    return Server("test", Path("orders.gguf"), command, "it's", f"http://{serve.HOST}:{port}")


def test_it_is_ready_when_it_answers_and_ends_with_us(free_port: int) -> None:
    server = server_of(HEALTHY, free_port)
    with running(server) as process:
        assert process.poll() is None
    assert process.poll() is not None
    told: Any = json.loads(shlex.split(server.curl)[-1])
    assert told["model"] == "it's"


def test_one_that_ends_while_it_loads_is_an_error(free_port: int) -> None:
    with pytest.raises(MachineError) as error, running(server_of("raise SystemExit(3)", free_port)):
        pass
    assert error.value.code == "serving.ended"
    assert error.value.reason.args["code"] == 3


SERVES = """
import sys
from pathlib import Path
from engine.app.serve import Server, running
port, child = sys.argv[1:]
command = ("sh", "-c", '"$0" -c "$1" "$2" & wait', sys.executable, child, port)
with running(Server("test", Path("orders.gguf"), command, "m", f"http://127.0.0.1:{port}")) as process:
    print("ready", flush=True)
    process.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_server_and_what_it_started(free_port: int, number: signal.Signals) -> None:
    command = (sys.executable, "-c", SERVES, str(free_port), HEALTHY)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # ignored in the background and under nohup
    ) as ours:  # fmt: skip
        assert ours.stdout is not None
        assert ours.stdout.readline() == b"ready\n"
        server = server_of(HEALTHY, free_port)
        assert serve._answers(server)
        ours.send_signal(number)
        code = ours.wait(60)
    assert code == (-number if number == signal.SIGINT else 128 + number)
    assert not serve._answers(server)
