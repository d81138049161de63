"""One small config or folder for every finding there is about a run before it starts."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.app.examine import Examined, Inspection
from engine.data.mixing.source_figures import SourceFigures
from engine.data.quality.findings import Finding as RowFinding
from engine.data.quality.findings import Report
from engine.machine.gpus import Gpu, GpuReport, Unusable
from engine.machine.snapshot import Machine
from engine.messages.message import Message
from engine.models.weights import hash_files
from tests.engine.models.folders import CONFIG, TOKENIZER, safetensors
from tests.engine.models.making import lora_tensors, write_adapter
from tests.tui.machines import gpu, lost, no_gpu, with_gpus

Usage = namedtuple("Usage", "total used free")
WEIGHTS = safetensors({
    "model.embed_tokens.weight": ("BF16", [10, 8]),
    **{f"model.layers.{layer}.self_attn.{name}.weight": ("BF16", [out, 8])
       for layer in (0, 1) for name, out in (("q_proj", 8), ("v_proj", 4))},
})  # fmt: skip
CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}{{ m.content }}<|im_end|>{% endfor %}"
LARGE = CONFIG | {
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "intermediate_size": 14336, "vocab_size": 128256,
}  # fmt: skip


@dataclass
class Place:
    """A sound run that has nothing against it, which a case spoils: its config, its model, its machine."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    values: dict[str, Any] = field(default_factory=dict)
    machine: Machine = field(default_factory=no_gpu)
    examined: Examined = field(default_factory=Examined)

    def __post_init__(self) -> None:
        self.model = self.make_model()
        self.rows = self.write(
            "rows.jsonl", [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(40)]
        )
        self.values = {
            "model": {"name_or_path": str(self.model)},
            "data": [{"path": str(self.rows)}],
            "dataset": {"max_length": 32},
        }

    def set(self, **sections: Any) -> None:
        for name, values in sections.items():
            self.values[name] = self.values.get(name, {}) | values if isinstance(values, dict) else values

    def write(self, name: str, rows: list[dict[str, Any]]) -> Path:
        path = self.folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def make_model(self, config: Mapping[str, Any] = CONFIG, weights: bytes | None = WEIGHTS, **files: str) -> Path:
        folder = self.folder / "model"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        if weights is not None:
            (folder / "model.safetensors").write_bytes(weights)
        texts = {"tokenizer_config.json": json.dumps(TOKENIZER), "tokenizer.json": "{}", "chat_template.jinja": CHATML}
        for name, text in (texts | files).items():
            if text:
                (folder / name).write_text(text)
        return folder

    def adapter(
        self, tensors: dict[str, Any] | None = None, kind: str = "continue", base: str = "", **strategy: Any
    ) -> Path:
        folder = write_adapter(self.folder / "adapter", tensors, base_model_name_or_path=base or str(self.model))
        self.set(strategy={"kind": kind, "adapter": str(folder), **strategy})
        return folder

    def dialogue(self) -> None:
        talk = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
        self.write("rows.jsonl", [{"messages": talk}] * 40)

    def two_sources(self, first: SourceFigures, second: SourceFigures, **of_second: Any) -> None:
        other = self.write("other.jsonl", [{"prompt": f"what {n}", "completion": f"that {n}"} for n in range(40)])
        self.set(data=[{"path": str(self.rows)}, {"path": str(other), **of_second}])
        inspection = Inspection(rows=80, train_rows=70, eval_rows=4, tokens_max=20, tokens_total=1000,
                                supervised_share=0.5, sources=(first, second))  # fmt: skip
        self.examined = Examined(Report((), ()), inspection)

    def found_in_rows(self, severity: str, count: int = 1) -> None:
        found = [
            RowFinding(f"code-{n}", severity, "", 3, 40, EMPTY)  # type: ignore[arg-type]
            for n in range(count)
        ]
        self.examined = Examined(Report((), tuple(found)))


EMPTY = Message("quality.empty-answers")


def figures(name: str, examples: int = 40, tokens: float = 12.0, **more: Any) -> SourceFigures:
    return SourceFigures(name=name, rows=examples, examples=examples, tokens_mean=tokens, trained_mean=5.0, **more)


@dataclass(frozen=True)
class Case:
    """``code`` is found once ``spoil`` was done to a sound run."""

    code: str
    spoil: Callable[[Place], object]


def _set(**sections: Any) -> Callable[[Place], object]:
    return lambda place: place.set(**sections)


def _disk_full(place: Place) -> None:
    place.monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 1000))


def _gpus(place: Place, named: str, *cards: Gpu, seen: int | None = None) -> None:
    """A machine with these ``cards``, of which the first ``seen`` are visible, and a run that names some."""
    place.machine = Machine(GpuReport(cards, "575.51.03"), cards[:seen], no_gpu().host)
    place.set(launch={"gpus": named})


def _barred(place: Place, falls_to_cpu: bool) -> None:
    reason = Unusable("torch is of another kind.", "Install X.", falls_to_cpu)
    card = replace(gpu(0), unusable=reason)
    place.machine = Machine(GpuReport((card,)), (card,), no_gpu().host)


def _zero_adapter(place: Place) -> None:
    place.adapter({name: tensor * ("lora_A" in name) for name, tensor in lora_tensors().items()})


def _changed_base(place: Place, vouched: bool) -> None:
    adapter = place.adapter(trust_base=vouched)
    hashes = hash_files([place.model / "model.safetensors"])
    (adapter / "tunedeck.json").write_text(json.dumps({"base": {"name_or_path": "m", "weights_sha256": hashes}}))
    file = place.model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x02")


def _broken_adapter(place: Place) -> None:
    tensors = lora_tensors()
    tensors[next(name for name in tensors if "lora_A" in name)][0, 0] = np.nan
    place.adapter(tensors)


def _in_checkpoint(place: Place) -> None:
    adapter = place.adapter()
    adapter.rename(place.folder / "checkpoint-3")
    adapter.mkdir()
    (place.folder / "checkpoint-3").rename(adapter / "checkpoint-3")


def _pickled_adapter(place: Place) -> None:
    folder = place.adapter(kind="merge")
    (folder / "adapter_model.safetensors").unlink()
    (folder / "adapter_model.bin").write_bytes(b"\x80\x02")
    place.set(model={"allow_pickle": True})


def _adapter_pickled_too(place: Place) -> None:
    _pickled_adapter(place)
    place.set(strategy={"kind": "continue"})


def _model_pickled(place: Place) -> None:
    place.make_model(weights=None, **{"pytorch_model.bin": "weights"})
    place.adapter()
    place.set(model={"allow_pickle": True})


def _other_tokens(place: Place, kind: str, rows: int = 0, **settings: Any) -> None:
    """An adapter of a model with another number of tokens: it brings an embedding of ``rows``, or trains tokens."""
    tensors = lora_tensors()
    if rows:
        tensors["base_model.model.model.embed_tokens.weight"] = np.ones((rows, 8), "<f4")
        settings["modules_to_save"] = ["embed_tokens"]
    folder = write_adapter(place.folder / "adapter", tensors, base_model_name_or_path=str(place.model), **settings)
    place.set(strategy={"kind": kind, "adapter": str(folder)})


def _marks(place: Place, added: str = "", **model: str) -> None:
    """Dialogues for a model that stops at another token than its turns end with; ``added`` is the only special one."""
    place.dialogue()
    special = [{"id": 5, "content": added, "special": True}] if added else []
    place.make_model(**{
        "tokenizer.json": json.dumps({"added_tokens": special}),
        "tokenizer_config.json": json.dumps(TOKENIZER | {"eos_token": "<|endoftext|>"}),
    })  # fmt: skip
    place.set(model=model)


def _with_template(place: Place, template: str = "", wanted: str = "") -> None:
    folder = place.adapter()
    place.dialogue()
    for name in ("tokenizer_config.json", "tokenizer.json"):
        shutil.copy(place.model / name, folder / name)
    (folder / "chat_template.jinja").write_text(template or "{{ bos_token }}<|other|>{{ eos_token }}")
    if wanted:
        place.set(model={"chat_template": wanted})


def _mamba(place: Place, targets: Any) -> None:
    mixer = {
        f"model.layers.{layer}.mamba.{name}": ("BF16", shape)
        for layer in (0, 1)
        for name, shape in (("A_log", [4]), ("D", [4]), ("out_proj.weight", [8, 8]), ("in_proj.weight", [8, 8]))
    }
    place.make_model(weights=safetensors({"model.embed_tokens.weight": ("BF16", [10, 8]), **mixer}))
    place.set(adapter={"target_modules": targets})


def _experts(place: Place, attention: bool) -> None:
    config = CONFIG | {
        "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "num_experts": 4, "num_experts_per_tok": 2,
        "moe_intermediate_size": 8, "head_dim": 2,
    }  # fmt: skip
    place.make_model(config, WEIGHTS if attention else safetensors({"model.embed_tokens.weight": ("BF16", [10, 8])}))


def _too_large(place: Place, **sections: Any) -> None:
    place.make_model(LARGE)
    place.machine = with_gpus(gpu(0, total_gib=9.0, used_gib=0.5))
    place.set(model={"quantization": "none"}, **sections)


def _unwritable(place: Place) -> None:
    place.monkeypatch.setenv("TUNEDECK_HOME", "/sys/tunedeck")


def _rows(text: str) -> Callable[[Place], object]:
    return lambda place: place.rows.write_text(place.rows.read_text() + text)


def _replay(share: float | None) -> Callable[[Place], object]:
    def spoil(place: Place) -> None:
        old = place.write("old.jsonl", [{"prompt": f"old {n}", "completion": f"one {n}"} for n in range(40)])
        place.set(
            data=[{"path": str(place.rows)}, {"path": str(old), "role": "replay"} | ({"share": share} if share else {})]
        )

    return spoil


def _metric(place: Place, source: str) -> None:
    (place.folder / "metric.py").write_text(source)
    place.set(eval={"metric_file": str(place.folder / "metric.py")})


def _little_general_text(place: Place) -> None:
    path = place.folder / "general.txt"
    path.write_text("One line.\n")
    place.set(eval={"general_text": str(path)})


CASES = (
    Case("forgetting.text-too-short", _little_general_text),
    # The rules
    Case("rules.micro-batch-below-row", _set(train={"micro_batch_tokens": 16})),
    Case("rules.optim-8bit", _set(train={"optim": "adamw_8bit"})),
    Case("rules.int8-slow", _set(model={"quantization": "int8"})),
    Case("rules.rate-high", _set(train={"learning_rate": 0.1})),
    Case("rules.alpha-high", _set(adapter={"lora_alpha": 400.0})),
    Case("rules.remote-code", _set(model={"trust_remote_code": True})),
    Case("rules.pickle", _set(model={"allow_pickle": True})),
    Case("rules.nothing-held-out", _set(dataset={"eval_share": 0.0})),
    Case("rules.nothing-held-out", _set(dataset={"eval_rows": 0})),
    Case("rules.nothing-to-train", _set(dataset={"eval_share": 0.5, "test_share": 0.5})),
    Case("rules.whole-copies", _set(launch={"distributed": "fsdp"})),
    Case("rules.patience-without-rows", _set(dataset={"eval_share": 0.0}, eval={"early_stopping_patience": 2})),
    Case("rules.best-by-without-rows", _set(dataset={"eval_share": 0.0}, eval={"best_by": "exact_match"})),
    Case("rules.baseline-unused", _set(eval={"baseline": "few_shot", "metrics": []})),
    Case("rules.only-text-is-split", _set(dataset={"too_long": "split"})),
    Case("rules.packing-by-mask", _set(dataset={"packing": True}, model={"attn_implementation": "sdpa"})),
    Case("rules.no-template-file", _set(model={"chat_template": "gone.jinja"})),
    Case("rules.no-metric-file", _set(eval={"metrics": ["user_metric"]})),
    Case("rules.gpu-named-twice", _set(launch={"gpus": "0,0"})),
    Case("rules.no-list-of-gpus", _set(launch={"gpus": "0,cpu"})),
    Case("rules.batch-below-devices", _set(launch={"gpus": "0,1"}, train={"batch_size": 1})),
    Case("rules.no-layers", _set(adapter={"target_modules": " "})),
    Case("rules.list-as-text", _set(adapter={"target_modules": "q_proj,v_proj"})),
    Case("rules.no-pattern", _set(adapter={"target_modules": "(q_proj"})),
    Case("rules.overlap-unused", _set(dataset={"split_overlap": 4})),
    Case("rules.overlap-whole", _set(dataset={"too_long": "split", "split_overlap": 40, "train_on": "all"})),
    Case("rules.overlap-large", _set(dataset={"too_long": "split", "split_overlap": 20, "train_on": "all"})),
    Case("rules.adapter-needed", _set(strategy={"kind": "merge"})),
    Case("rules.adapter-unused", lambda place: place.adapter(kind="fresh")),
    Case("rules.optimizer-unused", _set(strategy={"take_optimizer": True})),
    Case("rules.shares-take-all", lambda place: place.two_sources(figures("a"), figures("b"), share=1.0)),
    Case("rules.all-replay", lambda place: place.set(data=[{"path": str(place.rows), "role": "replay", "share": 0.1}])),
    Case("rules.endless-stream", lambda place: place.set(data=[{"path": "org/rows", "streaming": True}])),
    Case("rules.replay-without-share", _replay(None)),
    Case("rules.replay-share", _replay(0.8)),
    # The keys and values of the file
    Case("config.unknown-key", _set(train={"xyzzy": 4})),
    Case("config.misspelt-key", _set(train={"bath_size": 4})),
    Case("config.no-source", _set(data=[])),
    Case("config.misspelt-name", _set(eval={"metrics": ["exact_mach"]})),
    Case("config.unknown-name", _set(eval={"metrics": ["zzz"]})),
    Case("config.wrong-value", _set(train={"batch_size": 0})),
    Case("config.required", _set(data=[{"format": "auto"}])),
    # The user's metric
    Case("user-metric.no-such-file", _set(eval={"metric_file": "gone.py"})),
    Case("user-metric.unreadable", lambda place: place.set(eval={"metric_file": str(place.folder)})),
    Case("user-metric.not-python", lambda place: _metric(place, "def score(answer, reference, row) return 1")),
    Case("user-metric.no-score", lambda place: _metric(place, "def scores(answer, reference, row):\n    return 1")),
    Case("user-metric.wrong-arguments", lambda place: _metric(place, "def score(answer):\n    return 1")),
    Case("user-metric.unloadable", lambda place: _metric(
        place, "import no_such_module\ndef score(answer, reference, row):\n    return 1")),
    Case("user-metric.fails", lambda place: _metric(
        place, "def score(answer, reference, row):\n    return float(answer == row['wanted'])")),
    # The machine
    Case("check.memory-short", _too_large),
    Case("check.memory-short-for-good", lambda place: _too_large(
        place, train={"micro_batch_tokens": 32, "optim": "paged_adamw_8bit", "gradient_checkpointing": True},
        adapter={"r": 1}) or place.set(model={"quantization": "nf4"}) or setattr(
        place, "machine", with_gpus(gpu(0, total_gib=2.0, used_gib=0.5)))),
    Case("check.gpus-unused", lambda place: _barred(place, falls_to_cpu=True)),
    Case("memory.gpu-unusable", lambda place: _barred(place, falls_to_cpu=False)),
    Case("machine.no-such-gpu", lambda place: _gpus(place, "7", gpu(0))),
    Case("machine.gpu-ambiguous", lambda place: _gpus(place, "h100", gpu(0), gpu(1))),
    Case("machine.gpu-hidden", lambda place: _gpus(place, "1", gpu(0), gpu(1), seen=1)),
    Case("machine.all-gpus-hidden", lambda place: _gpus(place, "0", gpu(0), seen=0)),
    Case("memory.memory-unknown", lambda place: _gpus(place, "0", lost(0), gpu(1))),
    Case("memory.no-common-dtype", lambda place: _gpus(
        place, "0,1", gpu(0), replace(gpu(1, name="Tesla T4"), compute_capability=(7, 5)))),
    Case("memory.gpu-named-twice", lambda place: _gpus(place, "0,h100", gpu(0))),
    Case("memory.one-instance-per-gpu", lambda place: _gpus(place, "MIG-a,MIG-b", *(
        replace(gpu(0, name=f"H100 MIG-{name}"), uuid=f"MIG-{name}", mig_of=0) for name in "ab"))),
    Case("memory.disk-takes-no-files", lambda place: place.monkeypatch.setattr(
        "engine.memory.disk.files_left", lambda place: 3)),
    Case("runs.ends-at-logout", lambda place: place.monkeypatch.setattr(
        "engine.runs.logout_survival.warning", lambda: Message("runs.ends-at-logout"))),
    Case("check.unwritable-runs", _unwritable),
    Case("memory.disk-too-small", _disk_full),
    # The model
    Case("check.model-not-here", _set(model={"name_or_path": "some-org/some-model"})),
    Case("check.no-tokenizer", lambda place: place.make_model(
        **{"tokenizer_config.json": "", "tokenizer.json": "", "chat_template.jinja": ""})),
    Case("check.stored-quantized", lambda place: place.make_model(
        CONFIG | {"quantization_config": {"quant_method": "gptq"}})),
    Case("check.no-chat-template", lambda place: place.make_model(**{"chat_template.jinja": ""}) and place.set(
        model={"kind": "chat"})),
    Case("check.no-sdpa", lambda place: place.make_model(CONFIG | {"model_type": "gptj"}) and place.set(
        model={"attn_implementation": "sdpa"})),
    Case("models.base-without-template", lambda place: place.dialogue() or place.make_model(
        **{"chat_template.jinja": ""})),
    Case("models.above-positions", _set(dataset={"max_length": 64})),
    Case("models.template-not-own", lambda place: place.dialogue() or place.set(
        model={"kind": "chat", "chat_template": "plain"})),
    Case("models.never-stops", lambda place: place.dialogue() or place.make_model(
        **{"chat_template.jinja": "{% for m in messages %}<|odd|>{{ m['content'] }}{% endfor %}"})),
    Case("models.two-bos", lambda place: place.dialogue() or place.make_model(**{
        "chat_template.jinja": "{{ bos_token }}" + CHATML,
        "tokenizer_config.json": json.dumps(TOKENIZER | {"bos_token": "<|im_start|>", "add_bos_token": True})})),
    Case("models.token-beyond", lambda place: place.dialogue() or place.make_model(**{"tokenizer.json": json.dumps(
        {"added_tokens": [{"id": 5000, "content": "<|far|>", "special": True}]})})),
    Case("models.chat-without-template", lambda place: place.dialogue() or (place.make_model(
        **{"chat_template.jinja": ""}) and place.set(model={"kind": "chat"}))),
    Case("models.template-marks-missing", lambda place: _marks(place, "</s>")),
    Case("models.marks-untrained", lambda place: _marks(place, kind="base", chat_template="chatml")),
    Case("check.template-not-adapters", lambda place: _with_template(place, wanted="chatml")),
    Case("check.template-of-adapter", _with_template),
    # The layers
    Case("check.mixers-left-out", lambda place: _mamba(place, "all-linear")),
    Case("check.mixer-named", lambda place: _mamba(place, ["out_proj"])),
    Case("check.name-as-pattern", _set(adapter={"target_modules": "q_proj"})),
    Case("check.pattern-without-layer", _set(adapter={"target_modules": ".*[xyz]_proj"})),
    Case("check.no-such-layer", _set(adapter={"target_modules": ["zzz", "v_proj"]})),
    Case("check.no-such-layer-but", _set(adapter={"target_modules": ["q_prj"]})),
    Case("check.fused-experts", lambda place: _experts(place, attention=False)),
    Case("check.fused-experts-but", lambda place: _experts(place, attention=True)),
    # The earlier adapter
    Case("check.adapter-pickled", _pickled_adapter),
    Case("check.adapter-zero", _zero_adapter),
    Case("adapter.layers-adapter-pickled", _adapter_pickled_too),
    Case("adapter.layers-model-pickled", _model_pickled),
    Case("adapter.widths-unknown", lambda place: place.adapter() and place.make_model(
        CONFIG | {"quantization_config": {"quant_method": "gptq"}})),
    Case("adapter.vocabulary-grown", lambda place: _other_tokens(place, "merge", 12)),
    Case("adapter.vocabulary-cut", lambda place: _other_tokens(place, "merge", 8)),
    Case("adapter.token-beyond", lambda place: _other_tokens(place, "merge", trainable_token_indices=[2, 10])),
    Case("adapter.resized", lambda place: _other_tokens(place, "continue", 12)),
    Case("adapter.newest-checkpoint", _in_checkpoint),
    Case("adapter.base-like-name", lambda place: place.adapter(base="other-org/model")),
    Case("adapter.does-not-fit", lambda place: place.adapter(
        {name.replace("layers.0.", "layers.9."): tensor for name, tensor in lora_tensors().items()})),
    Case("adapter.base-other-folder", lambda place: place.adapter(base="/elsewhere/another")),
    Case("adapter.base-uncertain", lambda place: _changed_base(place, vouched=False)),
    Case("check.adapter-vouched", lambda place: _changed_base(place, vouched=True)),
    Case("check.no-replay", lambda place: place.adapter()),
    Case("check.no-optimizer-state", lambda place: place.adapter(take_optimizer=True)),
    Case("adapter.not-finite", _broken_adapter),
    # The rows
    Case("check.rows-left-out", _rows('{"prompt": "no answer", "completion": ""}\n')),
    Case("check.columns-unused", lambda place: place.write(
        "rows.jsonl", [{"prompt": "a", "completion": "b", "url": "c"}] * 40)),
    Case("check.rows-remarked", lambda place: place.write("rows.jsonl", [{"messages": [
        {"role": "user", "content": "?"}, {"role": "assistant", "content": "!"},
        {"role": "user", "content": "?"}, {"role": "assistant", "content": "!", "loss": False}]}] * 40)),
    Case("check.rows-unknown", lambda place: setattr(
        place, "examined", Examined(not_known="the tokenizer's process ended"))),
    Case("check.rows-fatal", lambda place: place.found_in_rows("fatal")),
    Case("check.rows-warned", lambda place: place.found_in_rows("warning", 3)),
    Case("check.too-few-rows", lambda place: (
        setattr(place, "examined", Examined(Report((), ()), Inspection(
            rows=400, train_rows=396, eval_rows=4, tokens_max=30, tokens_total=8000, tokens_mean=20.0,
            supervised_share=0.5))), _set(dataset={"eval_rows": 4, "eval_share": 0.0})(place))),
    Case("check.few-rows", lambda place: setattr(place, "examined", Examined(
        Report((), ()), Inspection(rows=400, train_rows=396, eval_rows=4, tokens_max=30, tokens_total=8000,
                                   tokens_mean=20.0, supervised_share=0.5)))),
    Case("check.rows-too-long", lambda place: setattr(place, "examined", Examined(
        Report((), ()), Inspection(rows=40, train_rows=36, eval_rows=4, tokens_max=30, tokens_total=900, too_long=9,
                                   supervised_share=0.5)))),
    Case("mixing.unusable", lambda place: place.two_sources(figures("a"), figures("b", 0))),
    Case("mixing.repeated", lambda place: place.two_sources(figures("a"), figures("b", 2), share=0.5)),
    Case("mixing.dominates", lambda place: place.two_sources(figures("a", 4000), figures("b", 2))),
    Case("mixing.dropped", lambda place: place.two_sources(figures("a"), figures("b", too_long=39))),
)  # fmt: skip
