"""Exported files answer the run's held-out rows: asked as in the training, compared with the adapter, faults named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.app.evaluate import run_request
from engine.app.export import export, plan_export
from engine.app.export_proof import faults, proof_request
from engine.common.errors import TunedeckError
from engine.data.rows.messages import Message as Turn
from engine.data.rows.messages import Row
from engine.export.gguf import converter
from engine.export.gguf.answers import prompt_fault
from engine.export.gguf.server import LlamaServer
from engine.messages.message import Message
from engine.models.card import read_card
from engine.runs import evaluations
from engine.runs.directory import RunDir
from engine.runs.evaluations import Evaluation
from engine.tokens.render import Renderer
from engine.tokens.tokenizer import load_words
from tests.engine.export.gguf.families import make
from tests.engine.training.making import train, values, write_rows

pytestmark = pytest.mark.usefixtures("gguf_converter", "warm")

TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ 'assistant: ' + m['content'] + '</s>' }}"
    "{% else %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make("Llama", tmp_path_factory.mktemp("base") / "llama")
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


@pytest.fixture
def run(base: Path, home: Path, tmp_path: Path) -> RunDir:
    rows = write_rows(tmp_path / "orders.jsonl", 24)
    asked = values(
        base, rows, dataset={"max_length": 128, "eval_rows": 3, "test_rows": 4}, train={"max_steps": 2},
        eval={"max_new_tokens": 8, "baseline": "none"},
    )  # fmt: skip
    return train(asked).run


def test_files_answer_as_the_adapter_does(run: RunDir, tmp_path: Path) -> None:
    made = export(plan_export(str(run.path), "gguf", ["f32", "q8_0"], tmp_path / "out"))
    asked = proof_request(made, run)
    assert asked is not None
    evaluation = run_request(asked, lambda *progress: None)
    assert evaluation.candidates == [evaluations.TUNED, "f32", "q8_0"]
    assert evaluation.n == 4
    assert faults(evaluation) == []
    kept = list(evaluations.answers(evaluations.folder(run, evaluation.name)))
    assert {(each.candidate, each.row) for each in kept} == {
        (name, row) for name in evaluation.candidates for row in range(4)
    }
    assert {each.against for each in evaluation.comparisons} == {"f32", "q8_0"}
    assert all(each.prompt and each.reference for each in kept)
    assert evaluation.sentence is not None
    assert evaluation.sentence.code == "metrics.and"  # f32, then q8_0
    assert evaluations.read(evaluations.folder(run, evaluation.name)) == evaluation
    assert evaluation.metrics[-1] == "perplexity"
    found = {mean.candidate: mean.value for mean in evaluation.means if mean.metric == "perplexity"}
    assert found["f32"] == pytest.approx(found[evaluations.TUNED], rel=1e-3)
    assert found["q8_0"] == pytest.approx(found[evaluations.TUNED], rel=1e-2)
    assert [cost.candidate for cost in evaluation.costs] == evaluation.candidates


def test_what_the_adapter_answered_for_one_export_is_taken_for_the_next(run: RunDir, tmp_path: Path) -> None:
    found = {}
    for target in ("merged", "gguf"):
        asked = proof_request(export(plan_export(str(run.path), target, out=tmp_path / target)), run)
        assert asked is not None
        told: list[Message] = []
        run_request(asked, lambda done, total, message, told=told: told.append(message))
        where = evaluations.folder(run, asked.name)
        found[target] = {each.row: each for each in evaluations.answers(where) if each.candidate == evaluations.TUNED}
        steps = [message.args["at"] for message in told if message.code == "proof.step"]
        assert steps == sorted(steps)
        assert {message.args["of"] for message in told if message.code == "proof.step"} == {4}
    assert [each.seconds for each in found["gguf"].values()] == [each.seconds for each in found["merged"].values()]
    assert all(each.scores["nats"] > 0 for each in found["gguf"].values())
    (cost,) = [each for each in _read(run, "export-gguf").costs if each.candidate == "q8_0"]
    assert cost.at_once == 4  # rows, all of them


def _read(run: RunDir, name: str) -> Evaluation:
    found = evaluations.read(evaluations.folder(run, name))
    assert found is not None
    return found


def test_another_template_in_the_file_is_found_and_named(base: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(base, other)
    (other / "chat_template.jinja").write_text(TEMPLATE.replace("assistant: ", "bot: "))
    folder = converter.converter(lambda *progress: None)
    converter.run(folder, {"do": "convert", "model": str(other), "out": str(tmp_path / "x.gguf"), "type": "f16"})
    from engine.config.schema import ModelSection

    words = load_words(read_card(base), ModelSection(name_or_path=str(base)))
    row = Row((Turn("user", "green tea"), Turn("assistant", "yes")), "", "orders", "orders.jsonl", 1)
    with LlamaServer(tmp_path / "x.gguf", context=128, threads=1) as server:
        fault = prompt_fault(server, Renderer(words.tokenizer, words.stops), [row])
    assert fault is not None
    assert fault.code == "proof.other-template"
    assert "bot" in fault.args["theirs"]


def test_an_adapter_that_no_run_made_has_nothing_to_be_proved_with(run: RunDir, tmp_path: Path) -> None:
    made = export(plan_export(str(run.path), "adapter", out=tmp_path / "out"))
    assert proof_request(made, run) is None
    assert proof_request(made, None) is None


def test_an_exported_adapter_finds_its_base_on_this_machine_by_its_run(run: RunDir, base: Path, tmp_path: Path) -> None:
    from engine.models.for_use import find_for_use

    made = export(plan_export(str(run.path), "adapter", out=tmp_path / "out"))
    assert str(base) not in (tmp_path / "out" / "adapter_config.json").read_text()
    assert find_for_use(made.path).card.path == base


def test_a_base_that_changed_since_is_refused(base: Path, home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(base, other)
    rows = write_rows(tmp_path / "orders.jsonl", 24)
    made = train(values(other, rows, train={"max_steps": 1})).run
    plan_export(str(made.path), "merged")
    weights = other / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(TunedeckError) as error:
        plan_export(str(made.path), "merged")
    assert error.value.code in ("use.base-uncertain", "adapter.base-uncertain")
    assert not (made.path / "exports").exists()
    plan_export(str(made.path), "merged", trust_base=True)  # what the hint says


def test_the_report_of_a_proved_run_keeps_its_own_verdict_and_names_no_folder(run: RunDir, base: Path) -> None:
    from engine.report.content import content
    from engine.report.facts import read
    from engine.report.page import html
    from tests.engine.cli.test_evaluate import evaluation

    evaluations.keep(evaluations.folder(run, "export-gguf"), evaluation("export-gguf"))
    said = content(read(run))
    assert said.verdict != "Better than the base model."
    page = html(said)
    assert str(run.path) not in page
    assert str(base) not in page
    assert "orders.jsonl" in page
