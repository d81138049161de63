"""Downloading from the hub, against a hub of our own on this machine: only what is needed, in silence, clear errors."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.engine.models.folders import CONFIG, WEIGHTS

COMMIT = "0" * 39 + "1"
FILES = {
    "config.json": json.dumps(CONFIG).encode(),
    "model.safetensors": WEIGHTS,
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "README.md": b"# about",
    "pytorch_model.bin": b"pickle",
    "onnx/model.onnx": b"onnx",
    "original/model.safetensors": WEIGHTS,
}
SCRIPT = """
import json, sys
from engine.common.errors import TunedeckError
from engine.models.hub import download
said = []
def progress(done, total, message):
    said.append((done, total, message.code))
try:
    path = download(sys.argv[1], sys.argv[2], progress, allow_pickle=len(sys.argv) > 3)
    answer = {"path": str(path), "said": said}
except TunedeckError as error:
    answer = {"code": error.code, "message": error.message, "hint": error.hint}
open(sys.stdin.readline().strip(), "w").write(json.dumps(answer))
"""


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's API as a download asks for."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/models")
        for repo, status, code in (("gated", 403, "GatedRepo"), ("none", 404, "RepoNotFound")):
            if path.startswith(f"/org/{repo}/"):
                return self.answer(status, b"{}", {"X-Error-Code": code})
        files = {name: FILES[name] for name in FILES if "pickled" not in path or "safetensors" not in name}
        if "/revision/main" in path:
            body = {"id": "org/good", "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
            return self.answer(200, json.dumps(body).encode())
        if "/revision/" in path:
            return self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        if "/tree/" in path:
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in files.items()
            ]
            return self.answer(200, json.dumps(tree).encode())
        content = files.get(path.partition(f"/resolve/{COMMIT}/")[2])
        if content is None:
            return self.answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        return self.answer(200, content, {"ETag": etag, "X-Repo-Commit": COMMIT})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def download(
    tmp_path: Path, endpoint: str, repo: str, revision: str = "main", *options: str, **env: str
) -> dict[str, Any]:
    """Download in a process of its own, since the library reads its settings once; nothing may be printed."""
    answer = tmp_path / "answer.json"
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": "hf_secret"} | env
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, repo, revision, *options],
        input=str(answer).encode(), capture_output=True, env=os.environ | settings, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)
    result: dict[str, Any] = json.loads(answer.read_text())
    assert "hf_secret" not in json.dumps(result)
    return result


def names(result: dict[str, Any]) -> set[str]:
    folder = Path(result["path"])
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_weights_config_and_tokenizer_come_and_nothing_else(tmp_path: Path, hub: str) -> None:
    result = download(tmp_path, hub, "org/good")
    assert names(result) == {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"}
    assert result["said"][0] == [0, None, "models.asking-hub"]
    assert result["said"][-1] == [1, 1, "models.here"]


def test_a_model_of_pickles_is_refused_unless_allowed(tmp_path: Path, hub: str) -> None:
    refused = download(tmp_path, hub, "org/pickled")
    assert "model.allow_pickle = true" in refused["hint"]
    assert "pytorch_model.bin" in names(download(tmp_path, hub, "org/pickled", "main", "pickle"))


@pytest.mark.parametrize("offline", ["", "1"])
def test_a_hub_that_does_not_answer(tmp_path: Path, offline: str) -> None:
    env = {"HF_HUB_OFFLINE": offline} if offline else {}
    error = download(tmp_path, "http://127.0.0.1:9", "org/good", **env)
    assert error["code"] == "models.unreachable"
    assert "org/good" in error["message"]
    assert "HF_HUB_OFFLINE" in error["hint"]


def test_a_model_that_was_fetched_needs_no_hub(tmp_path: Path, hub: str) -> None:
    first = download(tmp_path, hub, "org/good")
    assert download(tmp_path, "http://127.0.0.1:9", "org/good")["path"] == first["path"]


@pytest.mark.parametrize(
    ("repo", "revision", "code", "hint"),
    [
        ("org/gated", "main", "models.gated", "the page of org/gated"),
        ("org/none", "main", "models.not-on-hub", "spelling"),
        ("org/good", "v9", "models.no-revision", "branch"),
        ("org//good", "main", "models.not-on-hub", "spelling"),
    ],
)
def test_refusals_say_what_to_do(tmp_path: Path, hub: str, repo: str, revision: str, code: str, hint: str) -> None:
    error = download(tmp_path, hub, repo, revision)
    assert error["code"] == code
    assert hint in error["hint"]


def test_the_gate_names_the_token_variable_but_never_the_token(tmp_path: Path, hub: str) -> None:
    assert "HF_TOKEN" in download(tmp_path, hub, "org/gated")["hint"]
