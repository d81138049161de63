"""`tunedeck merge`, as a shell calls it, with the real child process behind it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.cli.commands import merge as verb
from tests.engine.cli.cli_calls import Shell
from tests.engine.export.making import adapted_logits, logits, make_adapter, names, save_as

pytestmark = pytest.mark.usefixtures("warm")


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


def test_it_merges_proves_and_prints_the_folder(shell: Shell, tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"text": f"Order {n} goes to Oslo."}) + "\n" for n in range(5)))
    answer = shell("merge", tiny, adapter, "--out", tmp_path / "merged", "--rows", rows)
    assert answer.code == 0, answer.err
    assert answer.out == f"{tmp_path / 'merged'}\n"
    assert "answers as base + adapter did" in answer.err
    assert "of 5 texts" in answer.err
    assert "merged, before rounding" in answer.err
    assert max(map(len, answer.err.splitlines()[-9:-3])) <= 80
    assert json.loads((tmp_path / "merged" / "proof.json").read_text())["verdict"] == "proven"
    torch.testing.assert_close(logits(tmp_path / "merged"), adapted_logits(tiny, adapter), rtol=0, atol=2e-5)


def test_several_adapters_weights_and_a_dtype_as_json(shell: Shell, tiny: Path, tmp_path: Path) -> None:
    base = save_as(tiny, tmp_path / "base", torch.bfloat16)
    one, two = (make_adapter(base, tmp_path / f"a{seed}", seed=seed) for seed in (1, 2))
    weights = ("--weight", 0.5, "--weight", 2, "--dtype", "float32", "--no-proof")
    answer = shell("merge", base, one, two, "--out", tmp_path / "merged", *weights, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["changed"] == 2
    assert "proof" not in answer.json
    record = json.loads((tmp_path / "merged" / "tunedeck.json").read_text())
    assert [part["weight"] for part in record["adapters"]] == [0.5, 2.0]


def test_an_error_of_the_child_is_an_error_of_the_verb(shell: Shell, tiny: Path, tmp_path: Path) -> None:
    base = save_as(tiny, tmp_path / "base", torch.bfloat16)
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "awq"}}))
    answer = shell("merge", base, make_adapter(tiny, tmp_path / "adapter"), "--out", tmp_path / "merged")
    assert answer.code == 4
    assert "The base model is quantized" in answer.err
    assert "Traceback" not in answer.err
    assert not (tmp_path / "merged").exists()


def test_a_failed_proof_keeps_the_model_and_ends_with_4(
    shell: Shell, tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(request: dict[str, object]) -> dict[str, object]:
        proof = {"verdict": "failed", "told": ["A logit differs by 3."], "comparisons": []}
        return {"path": str(request["target"]), "changed": 1, "tensors": 2, "size_bytes": 3, "proof": proof}

    monkeypatch.setattr(verb, "_in_child", failed)
    answer = shell("merge", tiny, make_adapter(tiny, tmp_path / "adapter"), "--out", tmp_path / "merged")
    assert answer.code == 4
    assert "A logit differs by 3." in answer.err


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (("--weight", "1", "--weight", "2"), "The weights do not match", 2),
        (("--dtype", "int4"), "Unknown dtype", 2),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(
    shell: Shell, tiny: Path, tmp_path: Path, options: tuple[str, ...], words: str, code: int
) -> None:
    answer = shell("merge", tiny, make_adapter(tiny, tmp_path / "adapter"), "--out", tmp_path / "m", *options)
    assert answer.code == code
    assert words in answer.err


@pytest.mark.parametrize("sent", [[signal.SIGTERM], [signal.SIGINT], [signal.SIGHUP, signal.SIGTERM]])
def test_a_signal_ends_the_child_and_leaves_nothing(tiny: Path, tmp_path: Path, sent: list[signal.Signals]) -> None:
    request = {"base": str(tiny), "adapters": [[str(make_adapter(tiny, tmp_path / "adapter")), 1.0]],
               "target": str(tmp_path / "out" / "merged")}  # fmt: skip
    # Held at its last piece of progress, so that the signal surely meets a merge under way.
    held = (
        "import sys, time; from engine.export.merge import __main__ as m; from engine.export.tensor_files import "
        "TensorWriter as W; W.finish = lambda self: (print('held', file=sys.stderr, flush=True), time.sleep(60)); "
        "sys.exit(m.main(sys.argv[1:]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", held, json.dumps(request)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert child.stderr is not None
    while "held" not in child.stderr.readline():
        assert child.poll() is None
    assert names(tmp_path / "out") == ["merged.merging"]
    for each in sent:  # who started it says so too when a terminal is closed
        child.send_signal(each)
    child.communicate()
    assert child.returncode == 130
    assert names(tmp_path / "out") == []
