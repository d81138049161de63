"""What can't work is said before anything starts: config, model, data, disk, rights."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from engine.app import preflight as module
from engine.common.errors import ConfigError, DataError, MachineError, ModelError
from engine.config.presets import Layer, Resolved, resolve
from tests.engine.app.checking import preflight
from tests.engine.models.folders import CONFIG, MakeModel, safetensors

ROWS = "".join(json.dumps({"prompt": f"question {n}", "completion": f"answer {n}"}) + "\n" for n in range(20))
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text(ROWS)
    return path


def resolved(folder: Path | str, rows: Path | str, **sections: Any) -> Resolved:
    base: dict[str, Any] = {
        "model": {"name_or_path": str(folder)}, "data": [{"path": str(rows)}], "dataset": {"max_length": 32},
    }  # fmt: skip
    for name, values in sections.items():
        base[name] = base.get(name, {}) | values if isinstance(values, dict) else values
    return resolve([Layer("file", base)])


@pytest.mark.usefixtures("home")
class TestPreflight:
    def test_a_sound_run_has_nothing_to_be_said(self, make_model: MakeModel, rows: Path) -> None:
        assert preflight(resolved(make_model(), rows)) == []

    @pytest.mark.parametrize("read_whole", [True, False])
    def test_columns_that_are_not_used_are_named(
        self, make_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_whole: bool
    ) -> None:
        if not read_whole:
            monkeypatch.setattr(module, "READ_WHOLE_BYTES", 1)
        rows = tmp_path / "rows.csv"
        rows.write_text("prompt,completion,url,id\n" + "".join(f"question {n},answer {n},u,{n}\n" for n in range(20)))
        (issue,) = preflight(resolved(make_model(), rows))
        assert (issue.level, issue.field) == ("note", "data.0")
        assert issue.message == "these columns are not used: url, id."

    def test_marks_of_training_are_said(self, make_model: MakeModel, tmp_path: Path) -> None:
        rows = tmp_path / "rows.jsonl"
        ask, answer = {"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}
        talks = [[ask, answer, ask, answer | mark] for mark in ({"loss": False}, {"weight": 0.5}, {})] * 5
        rows.write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in talks))
        issues = preflight(resolved(make_model(), rows))
        assert [(issue.level, issue.message) for issue in issues] == [
            ("note", "5 rows with answers marked as not trained."),
            ("warning", "5 rows with training marks that are neither yes nor no."),
        ]

    def test_every_error_of_the_rules_is_told_at_once(self, make_model: MakeModel, rows: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            preflight(resolved(make_model(), rows, strategy={"kind": "merge"}, launch={"distributed": "fsdp"}))
        assert len(caught.value.issues) == 2

    def test_advice_is_returned(self, make_model: MakeModel, rows: Path) -> None:
        issues = preflight(resolved(make_model(), rows, train={"learning_rate": 0.1}, dataset={"max_length": 4096}))
        assert {issue.field for issue in issues} == {"train.learning_rate", "dataset.max_length"}
        assert all(issue.level != "error" for issue in issues)

    @pytest.mark.parametrize("field", ["eval_rows", "test_rows"])
    def test_more_rows_held_out_than_there_are(self, make_model: MakeModel, rows: Path, field: str) -> None:
        with pytest.raises(ConfigError, match="Too many rows are held out") as caught:
            preflight(resolved(make_model(), rows, dataset={field: 500}))
        most = int(caught.value.hint.split()[3])
        preflight(resolved(make_model("other"), rows, dataset={field: most}))

    @pytest.mark.parametrize(
        ("targets", "level", "says"),
        [
            ("q_proj,v_proj", "error", 'Write a list: ["q_proj", "v_proj"]'),
            ("q_proj v_proj", "error", 'Write a list: ["q_proj", "v_proj"]'),
            ("q_proj", "error", 'Write a list: ["q_proj"]'),
            ("(q_proj", "error", "not a valid pattern"),
            (" ", "error", "all-linear"),
            (["q_prj"], "error", "Did you mean 'q_proj'?"),
            (["q_prj", "v_proj"], "warning", "Did you mean 'q_proj'?"),
            (".*[xyz]_proj", "warning", "matches"),
            (".*[qv]_proj", "", ""),
            (["q_proj", "self_attn.v_proj"], "", ""),
            ("all-linear", "", ""),
        ],
    )
    def test_targets_that_name_no_layer(
        self, make_model: MakeModel, rows: Path, targets: Any, level: str, says: str
    ) -> None:
        layers = {f"model.layers.{n}.self_attn.{name}_proj.weight": ("BF16", [4, 4]) for name in "qkvo" for n in (0, 1)}
        folder = make_model(weights=safetensors(layers))
        try:
            issues = preflight(resolved(folder, rows, adapter={"target_modules": targets}))
        except ConfigError as error:
            issues = list(error.issues)  # type: ignore[arg-type]
        found = [(issue.level, str(issue)) for issue in issues if issue.field == "adapter.target_modules"]
        assert [each for each, _ in found] == ([level] if level else [])
        assert says in "".join(text for _, text in found)

    def test_a_model_folder_that_is_none(self, tmp_path: Path, rows: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(ModelError):
            preflight(resolved(tmp_path / "empty", rows))

    def test_a_model_without_weights(self, make_model: MakeModel, rows: Path) -> None:
        with pytest.raises(ModelError):
            preflight(resolved(make_model(weights=None), rows))

    def test_pickled_weights(self, make_model: MakeModel, rows: Path) -> None:
        folder = make_model(weights=None, pytorch_model__bin=b"\x80\x02")
        with pytest.raises(ModelError) as caught:
            preflight(resolved(folder, rows))
        assert "allow_pickle" in str(caught.value)

    def test_a_starter_that_is_not_fetched_says_how(self, rows: Path) -> None:
        with pytest.raises(ModelError) as caught:
            preflight(resolved("smollm2-135m", rows))
        assert "tunedeck model get smollm2-135m" in caught.value.hint

    def test_a_hub_model_is_left_to_the_run(self, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
        [issue] = preflight(resolved("some-org/some-model", rows))
        assert (issue.level, issue.field) == ("note", "model.name_or_path")

    def test_a_chat_run_needs_a_template(self, make_model: MakeModel, rows: Path) -> None:
        folder = make_model(template=None)
        with pytest.raises(ConfigError) as caught:
            preflight(resolved(folder, rows, model={"kind": "chat"}))
        assert "chat template" in caught.value.message
        assert preflight(resolved(folder, rows, model={"kind": "chat", "chat_template": "chatml"})) == []

    def test_weights_that_are_quantized_already_are_refused(self, make_model: MakeModel, rows: Path) -> None:
        folder = make_model(config=CONFIG | {"quantization_config": {"quant_method": "gptq"}})
        with pytest.raises(ConfigError) as caught:
            preflight(resolved(folder, rows))
        assert "gptq" in caught.value.message

    def test_attention_that_a_family_lacks(self, make_model: MakeModel, rows: Path) -> None:
        model = make_model(config=CONFIG | {"model_type": "gptj"})
        with pytest.raises(ConfigError, match="gptj models have no sdpa") as caught:
            preflight(resolved(model, rows, model={"attn_implementation": "sdpa"}))
        assert 'Set it to "auto".' in caught.value.message
        preflight(resolved(model, rows, model={"attn_implementation": "auto"}))

    def test_packing_is_refused_where_layers_carry_rows_over(self, make_model: MakeModel, rows: Path) -> None:
        folder = make_model(config=CONFIG | {"layer_types": ["mamba", "attention"]})
        with pytest.raises(ConfigError) as caught:
            preflight(resolved(folder, rows, dataset={"packing": True}))
        assert "state-space layers" in caught.value.message
        assert preflight(resolved(folder, rows, dataset={"packing": "auto"})) == []

    def test_a_model_without_tokenizer_is_refused(self, make_model: MakeModel, rows: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            preflight(resolved(make_model(tokenizer=None, template=None), rows))
        assert "tokenizer" in caught.value.message

    @pytest.mark.parametrize("content", [None, "", ROWS + '{"prompt": "x", \n', "\x00\x01\n"])
    def test_data_that_cannot_be_read(self, make_model: MakeModel, tmp_path: Path, content: str | None) -> None:
        path = tmp_path / "bad.jsonl"
        if content is not None:
            path.write_text(content)
        with pytest.raises(DataError) as caught:
            preflight(resolved(make_model(), path))
        assert "bad.jsonl" in str(caught.value)

    def test_a_broken_row_is_told_by_its_number(self, make_model: MakeModel, tmp_path: Path) -> None:
        path = tmp_path / "bad.jsonl"
        path.write_text(ROWS + '{"prompt": \n')
        with pytest.raises(DataError) as caught:
            preflight(resolved(make_model(), path))
        assert "21" in str(caught.value)

    def test_rows_that_are_left_out_are_told(self, make_model: MakeModel, tmp_path: Path) -> None:
        path = tmp_path / "some.jsonl"
        path.write_text(ROWS + '{"prompt": "no answer", "completion": ""}\n')
        [issue] = preflight(resolved(make_model(), path))
        assert (issue.field, issue.what.code) == ("data", "check.rows-left-out")
        assert (issue.what.args["count"], issue.what.args["row"]) == (1, 21)

    def test_rows_that_only_repeat_others_are_told_as_left_out(self, make_model: MakeModel, rows: Path) -> None:
        rows.write_text(ROWS + ROWS.splitlines()[0] + "\n")
        [issue] = preflight(resolved(make_model(), rows, dataset={"fixes": ["drop_exact_duplicates"]}))
        assert issue.what.code == "check.rows-left-out"
        assert (issue.what.args["count"], issue.what.args["row"]) == (1, 21)

    def test_of_large_data_only_the_head_is_read(
        self, make_model: MakeModel, rows: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "READ_WHOLE_BYTES", 10)
        monkeypatch.setattr("engine.data.files.preview.COUNTED_BYTES", 10)
        rows.write_text(ROWS * 20 + "broken\n")
        assert preflight(resolved(make_model(), rows)) == []
        rows.write_text("broken\n")
        with pytest.raises(DataError):
            preflight(resolved(make_model(), rows))

    def test_a_disk_too_small_for_the_checkpoints(
        self, make_model: MakeModel, rows: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 1000))
        with pytest.raises(MachineError) as caught:
            preflight(resolved(make_model(), rows))
        assert "4 checkpoints" in caught.value.message  # two kept, the best one, and the one being written
        assert "checkpoint.keep" in caught.value.hint

    def test_a_run_directory_that_cannot_be_written(
        self, make_model: MakeModel, rows: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TUNEDECK_HOME", "/sys/tunedeck")
        with pytest.raises(MachineError) as caught:
            preflight(resolved(make_model(), rows))
        assert "/sys/tunedeck" in caught.value.message


@pytest.mark.usefixtures("home")
def test_dimensions_that_cannot_be_told_stop_nobody(
    make_model: MakeModel, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(folder: Path) -> None:
        raise ModelError("models.incomplete-config", model="m", fields=["vocab_size"])

    monkeypatch.setattr("engine.app.plan.from_folder", unknown)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 1000))
    assert preflight(resolved(make_model(), rows)) == []
