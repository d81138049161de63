"""Loss and exact match of a model with an adapter on the test rows of tasks, in a process of its own.

    python -m tests.benchmarks.task_scores MODEL ROWS.jsonl... [--adapter FOLDER]

Prints one JSON object: for each file of prompt and completion rows its name, loss and exact_match.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from engine.config.schema import DatasetSection, DataSource, ModelSection, RunConfig
from engine.data.load import load
from engine.evaluation.generate import Generator
from engine.evaluation.heldout import heldout_loss
from engine.evaluation.metrics import exact_match
from engine.training.batches import cut
from engine.training.devices import place, restrict_gpus
from engine.training.load import load_base
from engine.training.loss import SupervisedLoss
from engine.training.out_of_memory import MemoryGuard
from engine.training.render import Renderer
from engine.training.tokenizer import locate
from engine.training.tokens import tokenise

ANSWER_TOKENS = 64
LONGEST_ROW = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--adapter", type=Path)
    options = parser.parse_args()
    print(json.dumps(scores(options.model, options.rows, options.adapter)))


def scores(model: str, files: list[Path], adapter: Path | None) -> dict[str, dict[str, float]]:
    """``loss`` and ``exact_match`` of each of ``files``, by their names without suffix."""
    config = RunConfig(model=ModelSection(name_or_path=model, quantization="none"), data=[DataSource(path="-")])
    restrict_gpus(config)
    placement = place(config)
    base = load_base(locate(config.model, lambda *progress: None), config.model, placement, False)
    asked: Any = base.model
    if adapter is not None:
        from peft import PeftModel

        asked = PeftModel.from_pretrained(base.model, str(adapter))
    net = SupervisedLoss(asked)
    renderer = Renderer(base.tokenizer, base.stops)
    guard = MemoryGuard(placement.device, lambda event: None)
    generator = Generator(asked, base.tokenizer, base.stops, base.pad_id, lambda: None, guard)
    found = {}
    for file in files:
        rows = load(config.model_copy(update={"data": [DataSource(path=str(file))]})).rows
        examples, _ = tokenise(rows, range(len(rows)), renderer, DatasetSection(max_length=LONGEST_ROW), {file.stem: 0})
        loss = heldout_loss(net, cut(examples, 2048, base.pad_id), placement.device, lambda: None).loss
        answers = generator.answer([renderer.prompt_ids(row.messages[:-1]) for row in rows], ANSWER_TOKENS)
        wanted = [row.messages[-1].content for row in rows]
        found[file.stem] = {"loss": round(loss or 0.0, 4), "exact_match": exact_match(answers, wanted)}
    return found


if __name__ == "__main__":
    main()
