"""``tunedeck export``: whole files or none, kept when it is run again, and refusals before anything is written."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM

from engine.app.export import export, noted, plan_export
from engine.common.errors import TunedeckError
from engine.models.adapter import strength
from engine.runs import exports
from tests.engine.export.gguf.families import make
from tests.engine.export.making import load_adapted, make_adapter
from tests.engine.models.test_lineage import make_run

pytestmark = pytest.mark.usefixtures("gguf_converter", "warm")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("Llama", tmp_path_factory.mktemp("llama") / "model")


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    return make_adapter(base, tmp_path / "orders")


@pytest.mark.parametrize(("kinds", "dtype"), [(["f16"], torch.float16), (["f16", "f32"], torch.float32)])
def test_a_gguf_holds_the_sum_rounded_once_though_the_base_is_in_bfloat16(
    kinds: list[str], dtype: torch.dtype, base: Path, tmp_path: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(base).to(torch.bfloat16)
    shutil.copytree(base, tmp_path / "half")
    model.save_pretrained(tmp_path / "half")
    adapter = make_adapter(tmp_path / "half", tmp_path / "orders", target_modules=["o_proj"])
    made = export(plan_export(str(adapter), "gguf", kinds, tmp_path / "out"))
    read = GGUFReader(tmp_path / "out" / f"orders-{kinds[-1]}.gguf")
    found = next(torch.from_numpy(each.data.copy()) for each in read.tensors if each.name == "blk.0.attn_output.weight")
    merged = load_adapted(tmp_path / "half", adapter).merge_and_unload()
    exact = merged.model.layers[0].self_attn.o_proj.weight
    assert torch.equal(found, exact.to(dtype))
    assert not torch.equal(found.float(), exact.bfloat16().float())
    assert len(made.files) == len(kinds)


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
    kept = exports.read(out)
    assert kept is not None
    assert (kept.files, kept.kinds, kept.path) == (made.files, made.kinds, made.path)
    assert made.is_there
    (out / "orders-q8_0.gguf").unlink()
    assert not made.is_there


def test_an_adapter_and_a_lora_are_exported(adapter: Path, tmp_path: Path) -> None:
    plan = plan_export(str(adapter), "adapter", out=tmp_path / "peft")
    made = export(plan)
    assert plan.out_bytes == pytest.approx(sum(made.files.values()), rel=0.1)
    assert (tmp_path / "peft" / "adapter_model.safetensors").read_bytes() == (
        adapter / "adapter_model.safetensors"
    ).read_bytes()
    assert "adapter_config.json" in made.files
    plan = plan_export(str(adapter), "gguf-lora", out=tmp_path / "lora")
    made = export(plan)
    assert list(made.files) == ["orders-lora.gguf"]
    assert plan.out_bytes == pytest.approx(made.files["orders-lora.gguf"], rel=0.1)


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

    host = Host("here", 1, 1, 1, None, (Disk(tmp_path, 10, 10),))
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


# Dies by SIGKILL when one file stands and the next one is being made.
KILLED = """
import os, signal, sys
from engine.export.__main__ import main
from engine.export.gguf import quantize
quantize.quantize = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""


def test_what_an_export_leaves_that_is_killed_goes_with_the_next_one(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def killed(arguments: list[str], *_: object, **__: object) -> dict[str, object]:
        ended = subprocess.run([sys.executable, "-c", KILLED, *arguments[1:]], check=False, capture_output=True)
        assert ended.returncode == -signal.SIGKILL
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("engine.app.export.run_answering", killed)
        plan = plan_export(str(adapter), "gguf", ["f16", "q8_0"], out)
        with pytest.raises(KeyboardInterrupt):
            export(plan)
    left = {path.name for path in out.iterdir()}
    assert "orders-f16.gguf" in left
    assert any(name.startswith(".work-") for name in left)
    export(plan_export(str(adapter), "gguf", ["q8_0"], out))
    assert {path.name for path in out.iterdir()} == {"orders-q8_0.gguf", exports.RECORD}


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
    assert "${BASE_MODEL:?}" in script
    assert str(model) not in script
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


def test_a_merged_model_that_stands_is_the_newest_export_when_it_is_asked_for_again(home: Path) -> None:
    run = make_run("orders")
    for name in ("merged", "merged-2"):
        folder = run.path / exports.FOLDER / name
        folder.mkdir(parents=True)
        (folder / "model.safetensors").touch()
        made = exports.Export(target="merged", path=str(folder), adapter="", adapter_sha256="", base="",
                              files={"model.safetensors": 0})  # fmt: skip
        exports.keep(run, made)
    first = run.path / exports.FOLDER / "merged"
    where = SimpleNamespace(path=run.adapter)
    plan: Any = SimpleNamespace(
        target="merged", out=first, done={"model.safetensors"}, run=run, adapter=where, base=where
    )  # fmt: skip
    export(plan)
    assert [Path(each.path).name for each in exports.all_of(run)] == ["merged-2", "merged"]


def test_a_model_card_that_somebody_edited_stays_however_often_it_is_exported(home: Path, tmp_path: Path) -> None:
    run = make_run("orders")
    out = tmp_path / "out"
    out.mkdir()
    made = exports.Export(target="adapter", path=str(out), adapter=str(run.adapter), adapter_sha256="", base="")
    card = out / "README.md"
    for text in ("", "mine", "mine again"):
        if text:
            time.sleep(0.02)  # the clock of files is coarse
            card.write_text(text)
        for _ in range(3):
            noted(made, run)
        assert card.read_text() == text if text else "orders" in card.read_text()


@pytest.mark.parametrize("target", ["gguf", "merged"])
def test_an_adapter_at_another_strength_is_exported_anew(target: str, adapter: Path) -> None:
    kinds = ["f32"] if target == "gguf" else []
    first = export(plan_export(str(adapter), target, kinds))
    strength.keep(adapter, 0.5)
    other = plan_export(str(adapter), target, kinds)
    assert (other.out.name, other.done) == (f"{target}-2", frozenset())
    with pytest.raises(TunedeckError) as error:
        plan_export(str(adapter), target, kinds, Path(first.path))
    assert error.value.code == "exporting.out-not-empty"
    strength.keep(adapter, 1.0)
    assert plan_export(str(adapter), target, kinds).done == set(first.files)


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


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"architectures": ["HomeMadeForCausalLM"]}, "gguf.unknown-architecture"),
        ({}, "gguf.unknown-tokenizer"),
    ],
)
def test_what_gguf_does_not_know_is_said_and_nothing_is_made(
    config: dict[str, object], code: str, base: Path, tmp_path: Path
) -> None:
    import shutil

    from tests.tiny import make_tiny_model

    model = shutil.copytree(base, tmp_path / "model") if config else make_tiny_model(tmp_path / "model")
    values = json.loads((model / "config.json").read_text())
    adapter = make_adapter(model, tmp_path / "orders")
    (model / "config.json").write_text(json.dumps(values | config))
    for target in ("gguf", "gguf-lora") if config else ("gguf",):  # no tokenizer stands in a GGUF LoRA
        with pytest.raises(TunedeckError) as error:
            export(plan_export(str(adapter), target, ["f16"] if target == "gguf" else [], tmp_path / "out"))
        assert error.value.code == code
        assert not (tmp_path / "out").exists()
    assert '"merged"' in error.value.hint
    plan_export(str(adapter), "merged", out=tmp_path / "out")  # what the hint says


def texts_in(folder: Path) -> str:
    """Everything in a folder that is not weights, as text."""
    files = [path for path in folder.iterdir() if path.suffix not in (".safetensors", ".gguf") and path.is_file()]
    return "\n".join(path.read_text("utf-8", "replace") for path in files)


@pytest.mark.parametrize("target", ["adapter", "merged", "gguf", "gguf-lora"])
def test_what_leaves_this_machine_names_no_folder_of_it(target: str, adapter: Path, base: Path, tmp_path: Path) -> None:
    record = {"base": {"name_or_path": str(base)}, "data": [{"path": str(tmp_path / "orders.jsonl"), "role": "new"}]}
    (adapter / "tunedeck.json").write_text(json.dumps(record))
    made = export(plan_export(str(adapter), target, ["f16"] if target == "gguf" else [], tmp_path / "out"))
    written = texts_in(tmp_path / "out")
    assert str(tmp_path) not in written
    assert str(base) not in written
    for file in made.files:
        assert str(base).encode() not in (tmp_path / "out" / file).read_bytes()
    assert exports.read(tmp_path / "out") is not None
    assert made.base == str(base)
    if target == "adapter":
        assert (
            json.loads((tmp_path / "out" / "adapter_config.json").read_text())["base_model_name_or_path"] == base.name
        )
        assert "orders.jsonl" in written


def test_a_licence_that_forbids_sharing_is_said(adapter: Path, base: Path, tmp_path: Path) -> None:
    assert plan_export(str(adapter), "adapter", out=tmp_path / "out").licence is None
    readme = base / "README.md"
    readme.write_text("---\nlicense: cc-by-nd-4.0\n---\n")
    try:
        said = plan_export(str(adapter), "adapter", out=tmp_path / "out").licence
    finally:
        readme.unlink()
    assert said is not None
    assert said.code == "exporting.licence-no-derivatives"
