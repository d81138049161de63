"""What GGUF has no place for is refused by name, and nothing half-made is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import MachineError, ModelError
from engine.export.gguf import converter, quantize
from engine.export.gguf.adapter import convert_adapter
from engine.export.gguf.server import LlamaServer
from engine.models.adapter.card import read_adapter
from engine.models.gguf import what_gguf_cannot_hold
from tests.engine.export.gguf.families import make
from tests.engine.export.making import make_adapter

pytestmark = pytest.mark.usefixtures("warm")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("Llama", tmp_path_factory.mktemp("llama") / "model")


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"use_dora": True}, "gguf.part-dora"),
        ({"modules_to_save": ["lm_head"]}, "gguf.part-modules"),
        ({"trainable_token_indices": [3, 4]}, "gguf.part-tokens"),
        ({"bias": "lora_only"}, "gguf.part-bias"),
        ({"target_modules": ["q_proj", "lm_head"]}, "gguf.part-tables"),
        ({"target_modules": ["embed_tokens"]}, "gguf.part-other"),
    ],
)
def test_parts_of_an_adapter_that_gguf_lacks_are_named_before_the_start(
    settings: dict[str, Any], part: str, model: Path, converter_folder: Path, tmp_path: Path
) -> None:
    card = read_adapter(make_adapter(model, tmp_path / "adapter", **settings))
    assert part in {message.code for message in what_gguf_cannot_hold(card)}
    with pytest.raises(ModelError) as error:
        convert_adapter(card, model, tmp_path / "adapter.gguf", converter_folder)
    assert error.value.code == "gguf.adapter-beyond-gguf"
    assert [each.name for each in tmp_path.iterdir()] == ["adapter"]


def test_an_architecture_that_gguf_lacks_is_named(converter_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["HomeMadeForCausalLM"], "model_type": "llama"}))
    with pytest.raises(ModelError) as error:
        converter.run(converter_folder, {"do": "check", "model": str(tmp_path)})
    assert error.value.code == "gguf.unknown-architecture"
    assert error.value.reason.args["what"] == "HomeMadeForCausalLM"


def test_a_tokenizer_that_gguf_lacks_is_named(converter_folder: Path, tmp_path: Path) -> None:
    from tests.tiny import make_tiny_model

    with pytest.raises(ModelError) as error:
        converter.run(converter_folder, {"do": "check", "model": str(make_tiny_model(tmp_path / "model"))})
    assert error.value.code == "gguf.unknown-tokenizer"


def test_a_broken_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 64)
    with pytest.raises(ModelError) as error:
        quantize.quantize(broken, tmp_path / "small.gguf", "q8_0")
    assert error.value.code == "gguf.quantize-failed"
    with pytest.raises(ModelError) as error, LlamaServer(broken, threads=1):
        pass
    assert error.value.code == "gguf.not-loaded"
    assert [each.name for each in tmp_path.iterdir()] == ["broken.gguf"]


def test_a_checkout_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(converter.CHECKOUT, str(tmp_path))
    with pytest.raises(ModelError) as error:
        converter.converter(lambda *progress: None)
    assert error.value.code == "gguf.no-checkout"


def test_without_the_libraries_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MachineError) as error:
        quantize.quantize(tmp_path / "a.gguf", tmp_path / "b.gguf", "q8_0")
    assert error.value.code == "gguf.no-library"
    with pytest.raises(MachineError) as error:
        LlamaServer(tmp_path / "a.gguf")
    assert "tunedeck[gguf]" in error.value.hint


def test_the_converter_gets_no_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    environment = converter._environment(tmp_path)
    assert "hf_secret" not in environment.values()
    assert environment["HF_HUB_OFFLINE"] == "1"
