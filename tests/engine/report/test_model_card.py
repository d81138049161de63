"""The model card says what the run knows, in a form the hub reads, and leaves out what it does not know."""

from __future__ import annotations

import re
from pathlib import Path

from huggingface_hub import ModelCard

from engine.messages.catalogue import text
from engine.metrics import words
from engine.metrics.result import Comparison, Mean
from engine.report.facts import read
from engine.report.model_card import model_card
from engine.runs import evaluations
from engine.runs.evaluations import Evaluation
from tests.engine.report.making import EVIL, keep_evaluation, whole_run
from tests.tui import fake_runs


def test_the_hub_reads_the_card_and_its_figures(tmp_path: Path) -> None:
    run = whole_run(tmp_path)
    keep_evaluation(run)
    written = model_card(read(run), "orders-lora")
    card = ModelCard(written)
    assert card.data.library_name == "peft"
    summary = read(run).evaluations[0].summary
    tuned = [mean for mean in summary.means if mean.candidate == "tuned"]
    assert [each.metric_value for each in card.data.eval_results] == [mean.value for mean in tuned]
    assert str(tmp_path) not in written
    assert "# orders-lora" in written


def test_rows_of_a_table_name_their_metric_and_figures_their_interval(tmp_path: Path) -> None:
    run = whole_run(tmp_path)
    keep_evaluation(run)
    written = model_card(read(run), "orders")
    summary = read(run).evaluations[0].summary
    assert summary.comparisons
    for each in summary.comparisons:
        (row,) = [line for line in written.splitlines() if line.startswith("| ") and _says(line, each)]
        assert text(words.difference_interval(each.metric, each.low, each.high)) in row


def _says(line: str, found: Comparison) -> bool:
    pair = text("report.against", first=words.candidate(found.candidate), second=words.candidate(found.against))
    return pair.casefold() in line.casefold() and text(words.metric(found.metric)) in line


def test_markup_in_names_and_rows_is_text_in_the_card(tmp_path: Path) -> None:
    evil = f"{EVIL} [free](http://x.example) ![](http://x.example/p.png) a\\|b"
    run = whole_run(tmp_path, evil=evil)
    written = model_card(read(run), f"orders{evil}")
    body = written.partition("\n---\n")[2]
    assert "free" in body
    assert not re.search(r"<(script|img)|\[(free)?\]\(", body)
    assert not re.search("[\x00\x1b\u202e]", written)
    (head, *rows) = [line for line in body.splitlines() if line.startswith("| ")][:4]
    assert {len(re.findall(r"\|", row)) for row in rows} == {len(re.findall(r"\|", head))}
    assert ModelCard(written).data.library_name == "peft"


def test_what_was_forgotten_and_the_proof_of_an_export_are_no_result_of_the_task(tmp_path: Path) -> None:
    run, writer = fake_runs.new_run(tmp_path)
    writer.close()
    mean = Mean(candidate="tuned", metric="accuracy", value=0.25, low=None, high=None, n=4)
    for name, part in (("forgetting", "general"), ("export-gguf", "test")):
        kept = Evaluation(name=name, part=part, n=4, candidates=["tuned"], metrics=["accuracy"], means=[mean])
        evaluations.keep(evaluations.folder(run, name), kept)
    assert not ModelCard(model_card(read(run), "orders")).data.eval_results
