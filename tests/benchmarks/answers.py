"""Answers a second to 100 prompts of about 60 tokens on the starter, by the library's own loop and by ours.

    python -m tests.benchmarks.answers [--prompts 100] [--tokens 60] [--repeats 3] [--lora] [--stop-early]

Both ways answer in turn, in one process; the shortest of their CPU times counts. The library's way is that of earlier
versions: its loop, its cache and its attention. ``--lora`` puts an untrained-but-not-zero adapter of rank 16 on the
model, ``--stop-early`` ends answers at their first comma: of 100 most within 12 tokens, a few later and one never, so
that most are over long before the last, as a tuned model's. The last line is one JSON object; the exit status is 1
where an answer differs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from engine.data.rows.messages import Message
from engine.distributed.device import place, settle_memory
from engine.evaluation import generate
from engine.evaluation.generate import Generator
from engine.modeling.kernels import lora_kernel
from engine.modeling.load_for_use import config_for, load_for_use
from engine.modeling.out_of_memory import MemoryGuard
from engine.models.for_use import find_for_use
from engine.tokens.render import Renderer

ORDERS = Path(__file__).parents[2] / "presets" / "demo" / "orders.jsonl"
ASK = "Read the order and answer with JSON of name, item, qty, city, paid. "


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--lora", action="store_true")
    parser.add_argument("--stop-early", action="store_true")
    options = parser.parse_args()
    settle_memory()
    found = find_for_use("smollm2-135m")
    ready = load_for_use(found, place(config_for(found)))
    words = ready.words[""]
    stops = words.stops
    if options.stop_early:
        stops |= {number for token, number in words.tokenizer.get_vocab().items() if "," in token}
    model = with_adapter(ready.model) if options.lora else ready.model
    renderer = Renderer(words.tokenizer, words.stops)
    rows = [json.loads(line)["prompt"] for line in ORDERS.read_text("utf-8").splitlines()[: options.prompts]]
    prompts = [renderer.prompt_ids([Message("user", ASK + row)]) for row in rows]
    memory = MemoryGuard(model.device, lambda event: None)
    generator = Generator(model, words.tokenizer, stops, words.pad_id, lambda: None, memory)
    cpu: dict[str, list[float]] = {"library": [], "ours": []}
    wall: dict[str, list[float]] = {"library": [], "ours": []}
    said: dict[str, list[str]] = {}
    for _ in range(options.repeats):
        for way in cpu:
            with librarys_way(way == "library"):
                began, began_cpu = time.perf_counter(), time.process_time()
                said[way] = generator.answer(prompts, options.tokens)
                wall[way].append(time.perf_counter() - began)
                cpu[way].append(time.process_time() - began_cpu)
        print({way: f"{min(times):.2f} s CPU, {min(wall[way]):.2f} s" for way, times in cpu.items()}, flush=True)
    same = sum(a == b for a, b in zip(*said.values(), strict=True))
    lengths = [len(prompt) for prompt in prompts]
    summary = {
        "prompts": len(prompts), "prompt_tokens": [min(lengths), max(lengths)], "new_tokens": options.tokens,
        "same_answers": same, "dtype": str(model.dtype),
        "answers_per_second": {way: round(len(prompts) / min(times), 2) for way, times in wall.items()},
        "answers_per_cpu_second": {way: round(len(prompts) / min(times), 2) for way, times in cpu.items()},
        "times_as_many": round(min(wall["library"]) / min(wall["ours"]), 2),
        "times_as_many_by_cpu": round(min(cpu["library"]) / min(cpu["ours"]), 2),
    }  # fmt: skip
    print(json.dumps(summary))
    return int(same < len(prompts))


def with_adapter(model: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=16, target_modules="all-linear"))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.004)
        parameter.requires_grad_(False)
    lora_kernel.install(adapted)
    return adapted.eval()


@contextmanager
def librarys_way(wanted: bool) -> Iterator[None]:
    """The library's loop and attention for as long as the block lasts, where ``wanted``."""
    if not wanted:
        yield
        return
    with (
        patch.object(generate, "can_decode", lambda model: False),
        patch.object(generate, "_PROMPTS_AT_ONCE", {"cpu": 50, "cuda": 64}),
    ):
        yield


if __name__ == "__main__":
    raise SystemExit(main())
