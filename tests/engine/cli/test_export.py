"""``tunedeck export``: whole files or none, kept when it is run again, and refusals before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.app.export import export, plan_export
from engine.common.errors import TunedeckError
from engine.runs import exports
from tests.engine.export.gguf.families import make
from tests.engine.export.making import make_adapter

pytestmark = pytest.mark.usefixtures("gguf_converter", "warm")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("Llama", tmp_path_factory.mktemp("llama") / "model")


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    return make_adapter(base, tmp_path / "orders")


def test_a_gguf_is_kept_when_the_export_is_run_again(adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = export(plan_export(str(adapter), "gguf", ["f16"], out))
    assert list(made.files) == ["orders-f16.gguf"]
    assert {path.name for path in out.iterdir()} == {"orders-f16.gguf", exports.RECORD}
    before = (out / "orders-f16.gguf").stat().st_mtime_ns
    again = plan_export(str(adapter), "gguf", ["f16", "q8_0"], out)
    assert again.done == {"orders-f16.gguf"}
    made = export(again)
    assert list(made.files) == ["orders-f16.gguf", "orders-q8_0.gguf"]
    assert (out / "orders-f16.gguf").stat().st_mtime_ns == before
    assert exports.read(out) == made
    assert made.is_there
    (out / "orders-q8_0.gguf").unlink()
    assert not made.is_there


def test_an_adapter_and_a_lora_are_exported(adapter: Path, tmp_path: Path) -> None:
    made = export(plan_export(str(adapter), "adapter", out=tmp_path / "peft"))
    assert (tmp_path / "peft" / "adapter_model.safetensors").read_bytes() == (
        adapter / "adapter_model.safetensors"
    ).read_bytes()
    assert "adapter_config.json" in made.files
    made = export(plan_export(str(adapter), "gguf-lora", out=tmp_path / "lora"))
    assert list(made.files) == ["orders-lora.gguf"]


def test_a_folder_in_use_is_left_alone(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(TunedeckError) as error:
        plan_export(str(adapter), "merged", out=tmp_path / "mine")
    assert error.value.code == "exporting.out-not-empty"
    plan_export(str(adapter), "merged", out=tmp_path / "other")  # what the hint says


@pytest.mark.parametrize(
    ("target", "kinds", "code"),
    [
        ("onnx", [], "exporting.no-target"),
        ("gguf", ["q4"], "exporting.no-gguf-type"),
        ("merged", ["q8_0"], "exporting.no-gguf-type"),
    ],
)
def test_unknown_targets_and_types_are_refused(target: str, kinds: list[str], code: str, adapter: Path) -> None:
    with pytest.raises(TunedeckError) as error:
        plan_export(str(adapter), target, kinds)
    assert error.value.code == code


def test_a_full_disk_is_seen_before_the_start(adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.machine.host import Disk, Host

    host = Host("here", 1, 1, None, 1, None, (Disk(tmp_path, 10, 10),))
    monkeypatch.setattr("engine.app.export.read_host", lambda folders: host)
    with pytest.raises(TunedeckError) as error:
        plan_export(str(adapter), "merged", out=tmp_path / "out")
    assert error.value.code == "exporting.disk-small"


def test_an_export_that_is_interrupted_leaves_nothing_half_made(adapter: Path, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(done: int, total: int | None, message: object) -> None:
        if getattr(message, "code", "") == "exporting.converting":
            raise Enough

    with pytest.raises(Enough):
        export(plan_export(str(adapter), "gguf", ["f16"], tmp_path / "out"), stop)
    assert not (tmp_path / "out").exists()


def test_the_base_must_be_here(adapter: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "org/absent"}))
    with pytest.raises(TunedeckError) as error:
        plan_export(str(adapter), "merged")
    assert error.value.code.startswith(("models.", "use."))


def test_vllm_gets_a_script_and_the_template_and_ranks_that_it_has(base: Path, tmp_path: Path) -> None:
    from tests.tiny import make_tiny_model

    model = make_tiny_model(tmp_path / "model")
    odd = make_adapter(model, tmp_path / "odd", r=12)
    made = export(plan_export(str(odd), "vllm", out=tmp_path / "out"))
    script = (tmp_path / "out" / "serve.sh").read_text()
    assert "--max-lora-rank 16" in script
    assert str(model) in script
    assert {"serve.sh", "chat_template.jinja", "adapter_model.safetensors"} <= set(made.files)
    whole = make_adapter(model, tmp_path / "whole", modules_to_save=["lm_head"])
    with pytest.raises(TunedeckError) as error:
        plan_export(str(whole), "vllm")
    assert error.value.code == "exporting.beyond-vllm"
    plan_export(str(whole), "merged")  # what the hint says


def test_without_a_folder_named_each_adapter_gets_a_free_one(adapter: Path) -> None:
    first = export(plan_export(str(adapter), "adapter"))
    assert Path(first.path).name == "adapter"
    assert plan_export(str(adapter), "adapter").done == set(first.files)
    config = adapter / "adapter_model.safetensors"
    from safetensors.torch import load_file, save_file

    save_file({name: 2 * tensor for name, tensor in load_file(config).items()}, config)
    other = plan_export(str(adapter), "adapter")
    assert (other.out.name, other.done) == ("adapter-2", frozenset())


def test_a_merged_model_that_stands_is_not_merged_again(adapter: Path) -> None:
    made = export(plan_export(str(adapter), "merged"))
    before = (Path(made.path) / "model.safetensors").stat().st_mtime_ns
    assert export(plan_export(str(adapter), "merged")) == made
    assert (Path(made.path) / "model.safetensors").stat().st_mtime_ns == before


def test_quantizing_needs_its_library_before_the_long_work(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.app.export.find_spec", lambda name: None)
    with pytest.raises(TunedeckError) as error:
        plan_export(str(adapter), "gguf", ["q8_0"])
    assert error.value.code == "gguf.no-library"
    plan_export(str(adapter), "gguf", ["f16"])
