"""What a CPU's kernels for many lengths of rows take is in the prediction."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.runs import events as ev
from tests.engine.training.making import train, values

WORDS = ("tomato", "soup", "house", "tree", "sea", "Oslo", "paid", "count")


def write_varied(path: Path, count: int) -> Path:
    rng = random.Random(3)
    rows = [
        {"prompt": f"Write {number}", "completion": " ".join(rng.choices(WORDS, k=rng.randint(3, 90)))}
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_model(tiny: Path, folder: Path) -> Path:
    """A model of 3M weights in bfloat16 with the tokenizer of ``tiny``."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    config = LlamaConfig(
        vocab_size=8192, hidden_size=192, intermediate_size=512, num_hidden_layers=4, num_attention_heads=3,
        num_key_value_heads=1, max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_the_resident_memory_of_a_run_over_many_lengths_is_predicted(tiny: Path, tmp_path: Path) -> None:
    """In a process of its own, as a runner is: what other tests left would count."""
    model, rows = write_model(tiny, tmp_path / "model"), write_varied(tmp_path / "rows.jsonl", 96)
    settings = values(
        model, rows, model={"name_or_path": str(model), "dtype": "bfloat16"},
        dataset={"max_length": 512, "eval_rows": 0, "eval_share": 0.0},
        train={"max_steps": 12, "batch_size": 8, "micro_batch_tokens": 1024},
    )  # fmt: skip
    program = (
        "import json, sys\n"
        "from engine.distributed.device import bound_kernel_cache, keep_freed_memory\n"
        "keep_freed_memory(); bound_kernel_cache()\n"
        "from engine.runs import events as ev\n"
        "from tests.engine.training.making import train\n"
        "found = train(json.loads(sys.argv[1])).of(ev.MemoryMeasured)\n"
        "print(json.dumps([[event.moment, event.predicted, event.measured] for event in found]))\n"
    )
    here = os.environ | {"OMP_NUM_THREADS": "1", "TUNEDECK_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(settings)], capture_output=True, text=True, check=False, env=here
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (_, expected, _), (moment, predicted, measured) = json.loads(done.stdout.splitlines()[-1])
    assert moment == "run"
    assert max(predicted.values()) > max(expected.values()) + (50 << 20), "the rehearsal meets fewer shapes"
    assert max(predicted.values()) == pytest.approx(max(measured.values()), rel=0.25)


def test_in_float32_no_kernel_is_kept_and_none_is_counted(tiny: Path, tmp_path: Path, home: Path) -> None:
    rows = write_varied(tmp_path / "rows.jsonl", 16)
    runs = [
        train(values(tiny, rows, model={"name_or_path": str(tiny), "dtype": dtype}, train={"max_steps": 2}))
        for dtype in ("float32", "bfloat16")
    ]
    plain, sixteen = ([max(event.predicted.values()) for event in run.of(ev.MemoryMeasured)] for run in runs)
    assert plain[0] == plain[1]
    assert sixteen[0] < sixteen[1]
