"""``tunedeck estimate``: figures and reasons of a config, a matrix of a model, and clear words for bad input."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.machine import snapshot
from engine.machine.gpu_specs import GIB
from engine.machine.gpus import GpuReport
from engine.machine.host import Host
from engine.machine.snapshot import Machine
from tests.engine.app.test_plan import barred, machine
from tests.engine.cli.cli_calls import Answer, Shell, config_file
from tests.engine.models.folders import CONFIG, MakeModel

LLAMA_8B = CONFIG | {
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip
SHAPE = "hidden=4096,layers=32,heads=32,kv_heads=8,intermediate=14336,vocab=128256"


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with 32 GiB of RAM and nothing else, and an empty hub cache."""
    host = Host("here", 32 * GIB, 30 * GIB, 4, None, ())
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: Machine(GpuReport(), (), host))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def config(make_model: MakeModel, tmp_path: Path) -> Path:
    """A run of an 8B model whose weights are not needed."""
    return config_file(tmp_path, make_model(config=LLAMA_8B), 2048)


def in_80_columns(answer: Answer) -> bool:
    return max(len(line) for line in answer.out.splitlines()) <= 80


class TestOfAConfig:
    def test_it_tells_terms_phases_verdict_time_and_disk(self, shell: Shell, config: Path) -> None:
        answer = shell("estimate", config, "--gpu", "A100-80GB")
        assert answer.code == 0, answer.err
        for expected in (
            "Layer weights", "<- peak", "Needed at least", "Verdict: fits, ", "Time: about ",
            "tokens/s, computed for this GPU", "Disk: ",
            "merging later takes 16 GB", "train.gradient_checkpointing = ",
        ):  # fmt: skip
            assert expected in answer.out, expected
        assert in_80_columns(answer)

    def test_what_does_not_fit_gets_a_plan(self, shell: Shell, config: Path) -> None:
        answer = shell("estimate", config, "--gpu", "12GiB", "--set", "model.quantization=none")
        assert answer.code == 0
        assert "Verdict: does not fit, " in answer.out
        assert "* 4-bit base model (NF4, QLoRA)" in answer.out
        assert in_80_columns(answer)

    def test_json_holds_the_same(self, shell: Shell, config: Path) -> None:
        made = shell("estimate", config, "--gpu", "24GiB", "--set", "model.quantization=auto", "--json").json
        assert made["verdict"]["level"] == "fits"
        assert made["total_bytes"] == made["available_bytes"] == 24 * GIB
        assert set(made["settled"]) == {
            "model.quantization", "train.gradient_checkpointing", "train.micro_batch_tokens", "train.optim",
        }  # fmt: skip
        assert made["settled"]["model.quantization"]["reason"]
        assert made["disk"]["checkpoint_bytes"] == 3 * made["disk"]["adapter_bytes"]
        assert made["time"] is None, "of a GPU given by size nothing is known of its speed"
        named = shell("estimate", config, "--gpu", "RTX 4090", "--json").json
        assert named["time"]["tokens_per_second"] > 0

    def test_without_a_gpu_it_is_the_ram(self, shell: Shell, config: Path) -> None:
        answer = shell("estimate", config)
        assert "On RAM: 30.0 of 32.0 GiB free" in answer.out
        assert "nvidia-smi" not in answer.out

    def test_gpus_that_the_installed_torch_cannot_use_are_named_beside_the_ram(
        self, shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = barred(machine(("Tesla T4", 14.6, 14.0)), falls_to_cpu=True)
        monkeypatch.setattr(snapshot, "read_machine_now", lambda: here)
        answer = " ".join(shell("estimate", config).out.split())
        assert "On RAM: 30.0 of 32.0 GiB free. The GPUs are not used: torch is of another kind. Install X" in answer

    def test_a_runs_folder_is_its_config(self, shell: Shell, config: Path, tmp_path: Path) -> None:
        folder = tmp_path / "20261122-a-run"
        folder.mkdir()
        (folder / "config.toml").write_text(config.read_text())
        assert "Needed at least" in shell("estimate", folder, "--gpu", "24GiB").out

    def test_rows_that_cannot_be_read_leave_only_the_time_open(self, shell: Shell, config: Path) -> None:
        answer = shell("estimate", config, "--set", "data.0.path=/nowhere.jsonl", "--gpu", "4090")
        assert answer.code == 0
        assert "Time: unknown, because the rows can't be read" in answer.out

    def test_wrong_fields_end_with_2_and_the_nearest_name(self, shell: Shell, config: Path) -> None:
        config.write_text(config.read_text() + "[train]\nbath_size = 4\n")
        answer = shell("estimate", config)
        assert answer.code == 2
        assert "Did you mean 'batch_size'?" in answer.err

    def test_a_config_that_is_not_there_ends_with_2(self, shell: Shell, tmp_path: Path) -> None:
        assert shell("estimate", tmp_path / "nope.toml").code == 2


class TestOfAModel:
    def test_it_is_a_matrix_of_method_and_length(self, shell: Shell, make_model: MakeModel) -> None:
        answer = shell("estimate", make_model(config=LLAMA_8B), "--gpu", "24GiB", "--rank", "64")
        assert answer.code == 0
        assert "rank 64" in answer.out
        assert "QLoRA 4-bit, recomputed" in answer.out
        assert in_80_columns(answer)

    def test_typed_dimensions_give_the_same_as_the_model(self, shell: Shell, make_model: MakeModel) -> None:
        typed = shell("estimate", "--shape", SHAPE, "--gpu", "24GiB", "--json").json
        read = shell("estimate", make_model(config=LLAMA_8B), "--gpu", "24GiB", "--json").json
        assert typed["micro_batch_tokens"] == read["micro_batch_tokens"]
        assert typed["micro_batch_tokens"]["lora-16bit"]["4096"] == 0

    def test_a_cached_hub_model_goes_by_its_id(
        self, shell: Shell, make_model: MakeModel, tmp_path: Path
    ) -> None:  # fmt: skip
        snapshot = tmp_path / "hub" / "models--org--tiny" / "snapshots" / "abc"
        snapshot.parent.mkdir(parents=True)
        make_model(config=LLAMA_8B).rename(snapshot)
        (snapshot.parent.parent / "refs").mkdir()
        (snapshot.parent.parent / "refs" / "main").write_text("abc")
        assert shell("estimate", "org/tiny", "--gpu", "24GiB", "--json").json["model"] == "org/tiny"

    def test_of_a_hub_model_that_is_not_here_only_the_config_is_fetched(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []

        def get(url: str, **_: Any) -> SimpleNamespace:
            asked.append(url)
            return SimpleNamespace(status_code=200, json=lambda: LLAMA_8B)

        monkeypatch.setattr("huggingface_hub.get_session", lambda: SimpleNamespace(get=get))
        assert shell("estimate", "org/new", "--gpu", "24GiB", "--json").json["model"] == "org/new"
        assert len(asked) == 1
        assert asked[0].endswith("/org/new/resolve/main/config.json")

    def test_without_network_it_says_how_to_go_on(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise OSError("Network is unreachable")

        monkeypatch.setattr("huggingface_hub.get_session", lambda: SimpleNamespace(get=refuse))
        answer = shell("estimate", "org/new")
        assert answer.code == 4
        for expected in ("Network is unreachable", "tunedeck model get org/new", "--shape hidden="):
            assert expected in answer.err

    def test_an_unknown_architecture_is_estimated_and_called_uncertain(
        self, shell: Shell, make_model: MakeModel
    ) -> None:
        made = shell("estimate", make_model(config=LLAMA_8B | {"model_type": "brandnew"}), "--json").json
        assert made["micro_batch_tokens"]["qlora-4bit"]["512"] > 0
        assert any("architecture" in note["args"]["fields"] for note in made["uncertain"])

    @pytest.mark.parametrize("content", ['{"model_type": "llama", "hidden_', '{"model_type": "llama"}', "[]", "\xff{}"])
    def test_what_half_a_config_leaves_out_is_read_from_the_weights(
        self, shell: Shell, tmp_path: Path, content: str
    ) -> None:
        from tests.engine.models.folders import safetensors

        folder = tmp_path / "half"
        folder.mkdir()
        (folder / "config.json").write_bytes(content.encode("latin-1"))
        tensors = {"model.embed_tokens.weight": ("BF16", [320, 256])}
        for layer in range(3):
            stem = f"model.layers.{layer}."
            tensors |= {
                stem + "self_attn.q_proj.weight": ("BF16", [256, 256]),
                stem + "self_attn.k_proj.weight": ("BF16", [128, 256]),
                stem + "mlp.gate_proj.weight": ("BF16", [512, 256]),
            }
        (folder / "model.safetensors").write_bytes(safetensors(tensors))
        answer = shell("estimate", folder, "--gpu", "24GiB")
        assert answer.code == 0, answer.err
        assert "Read from the weights instead: " in " ".join(answer.out.split())
        assert "heads is guessed" in " ".join(answer.out.split())

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ('{"model_type": "llama", "hidden_', "is broken"),
            ('{"model_type": "llama", "hidden_size": 64}', "has no num_hidden_layers"),
            (json.dumps(LLAMA_8B | {"hidden_size": -4096}), "-4096"),
            ("[]", "not a JSON object"),
        ],
    )
    def test_where_nothing_tells_the_dimensions_the_error_says_what_is_missing(
        self, shell: Shell, tmp_path: Path, content: str, says: str
    ) -> None:
        (tmp_path / "config.json").write_text(content)
        answer = shell("estimate", tmp_path)
        assert answer.code == 4
        assert says in answer.err
        assert "--shape hidden=" in answer.err

    def test_a_folder_without_a_model_an_adapter_and_a_file_are_told_apart(self, shell: Shell, tmp_path: Path) -> None:
        empty, adapter, file = tmp_path / "empty", tmp_path / "adapter", tmp_path / "rows.jsonl"
        for folder in (empty, adapter):
            folder.mkdir()
        (adapter / "adapter_config.json").write_text("{}")
        file.write_text("{}")
        for path, says in ((empty, "neither config.json"), (adapter, "is an adapter"), (file, "is a file")):
            answer = shell("estimate", path)
            assert answer.code == 4
            assert says in answer.err

    @pytest.mark.parametrize("status", [401, 404, 500])
    def test_what_the_hub_refuses_is_an_error_in_words(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, status: int
    ) -> None:
        answering = SimpleNamespace(get=lambda url, **_: SimpleNamespace(status_code=status))
        monkeypatch.setattr("huggingface_hub.get_session", lambda: answering)
        answer = shell("estimate", "org/new")
        assert answer.code == 4
        assert str(status) in answer.err

    def test_names_that_can_be_no_path_are_refused(self, shell: Shell) -> None:
        assert shell("estimate", "a" * 5000).code == 4

    def test_a_starter_that_is_not_fetched_says_how(self, shell: Shell) -> None:
        answer = shell("estimate", "smollm2-135m")
        assert answer.code == 4
        assert "tunedeck model get smollm2-135m" in answer.err


class TestOfBadInput:
    @pytest.mark.parametrize(
        ("gpu", "says"),
        [
            ("A1000", "a100"),
            ("-24GiB", "24GiB"),
            ("0GiB", "24GiB"),
            ("24 parsecs", "Known names: "),
            ("nan", "Known names: "),
        ],
    )
    def test_a_gpu_that_is_not_known(self, shell: Shell, config: Path, gpu: str, says: str) -> None:
        for what in (config, "--shape=" + SHAPE):
            answer = shell("estimate", what, "--gpu", gpu)
            assert answer.code == 5
            assert says in answer.err

    @pytest.mark.parametrize(
        ("shape", "says"),
        [
            ("hidden=4096", "has no layers, heads, vocab"), (SHAPE + ",hiden=3", "Did you mean hidden?"),
            ("hidden=-4096,layers=2,heads=2,vocab=9", "hidden=-4096"), ("hidden", "hidden"), ("layers=many", "many"),
        ],
    )  # fmt: skip
    def test_dimensions_that_make_no_sense(self, shell: Shell, shape: str, says: str) -> None:
        answer = shell("estimate", "--shape", shape)
        assert answer.code == 2
        assert says in answer.err

    def test_nothing_both_and_a_wrong_rank(self, shell: Shell, config: Path) -> None:
        assert shell("estimate").code == 2
        assert shell("estimate", config, "--shape", SHAPE).code == 2
        assert shell("estimate", "--shape", SHAPE, "--rank", "0").code == 2
        assert shell("estimate", "--shape", SHAPE, "--set", "train.batch_size=4").code == 2
