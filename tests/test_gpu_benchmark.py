"""The benchmark for GPUs runs on the CPU too, with tiny shapes, so that it works when somebody has a card."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.benchmarks.gpu_engines import Task, measure


def test_a_tiny_lora_is_measured_beside_its_prediction() -> None:
    found = measure("tunedeck", Task(64, "none", steps=2, tiny=True))
    assert (found["engine"], found["micro_batch_tokens"], found["recomputed"]) == ("tunedeck", 128, False)
    assert abs(found["loss"] - 6.24) < 0.1  # the logarithm of 512 words: nothing is known yet
    for name in ("tokens_per_second", "step_seconds", "tflops", "predicted_tokens_per_second", "predicted_peak_bytes"):
        assert found[name] > 0, name


def test_the_command_trains_a_tiny_qlora_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--tiny", "--steps", "2", "--jobs", "qlora-64"]
    done = subprocess.run([*command, "--engines", "tunedeck", "--json"], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    (job,) = report["jobs"]
    assert (job["job"], job["engine"], "failed" in job) == ("qlora-64", "tunedeck", False), job
    assert {"torch", "transformers", "peft"} <= report["versions"].keys()


def test_a_trainer_that_is_not_known_is_no_tunedeck() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--tiny", "--engines", "tl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "choose among tunedeck" in done.stderr
