"""Loss and exact match of a model with an adapter on the test rows of tasks, in a process of its own.

    python -m tests.benchmarks.task_scores MODEL ROWS.jsonl... [--adapter FOLDER] [--no-answers]
        [--search CHECKPOINT... --goal 0.9]

Prints one JSON object: for each file of rows its name, loss and exact_match (None without answers); with ``--search``
also ``first_good``: of the checkpoints, oldest first, the name of the first that reaches the goal on the last file, or
None if the adapter itself does not.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from peft import PeftModel, set_peft_model_state_dict
from safetensors.torch import load_file

from engine.config.schema import DatasetSection, DataSource, ModelSection, RunConfig
from engine.data.reader import load
from engine.data.rows.messages import Row
from engine.distributed.device import place, restrict_gpus
from engine.evaluation.generate import Generator
from engine.evaluation.heldout import heldout_loss
from engine.metrics.score import exact_match
from engine.modeling.batches import cut
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.load import load_base
from engine.modeling.out_of_memory import MemoryGuard
from engine.tokens.examples import tokenise
from engine.tokens.render import Renderer
from engine.tokens.tokenizer import locate
from tests.benchmarks import real_tasks

ANSWER_TOKENS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--no-answers", action="store_true")
    parser.add_argument("--search", type=Path, nargs="*", default=[])
    parser.add_argument("--goal", type=float, default=0.9)
    options = parser.parse_args()
    scorer = Scorer(options.model, options.adapter)
    found: dict[str, Any] = {file.stem: scorer.score(file, not options.no_answers) for file in options.rows}
    if options.search:
        reached = found[options.rows[-1].stem]["exact_match"] >= options.goal
        good = scorer.first_good(options.search, options.rows[-1], options.goal) if reached else None
        found["first_good"] = good.name if good else None
    print(json.dumps(found))


class Scorer:
    """A model with an adapter (None: plain), and what it makes of test rows."""

    def __init__(self, model: str, adapter: Path | None) -> None:
        self.config = RunConfig(
            model=ModelSection(name_or_path=model, quantization="none"), data=[DataSource(path="-")]
        )
        restrict_gpus(self.config)
        self.placement = place(self.config)
        base = load_base(locate(self.config.model, lambda *progress: None), self.config.model, self.placement, False)
        self.model: Any = base.model
        if adapter is not None:
            self.model = PeftModel.from_pretrained(base.model, str(adapter))
        self.net, self.pad_id = SupervisedLoss(self.model), base.pad_id
        self.renderer = Renderer(base.tokenizer, base.stops)
        guard = MemoryGuard(self.placement.device, lambda event: None)
        self.generator = Generator(self.model, base.tokenizer, base.stops, base.pad_id, lambda: None, guard)

    def score(self, file: Path, answers: bool = True) -> dict[str, float | None]:
        """``loss`` and ``exact_match`` on the rows of ``file``."""
        rows = self._rows(file)
        dataset = DatasetSection(max_length=real_tasks.LONGEST_ROW)
        examples, _ = tokenise(rows, range(len(rows)), self.renderer, dataset, {file.stem: 0})
        loss = heldout_loss(self.net, cut(examples, 2048, self.pad_id), self.placement.device, lambda: None).loss
        return {"loss": round(loss or 0.0, 4), "exact_match": self._exact_match(rows) if answers else None}

    def first_good(self, checkpoints: list[Path], file: Path, goal: float) -> Path | None:
        """The first of ``checkpoints`` with ``goal`` exact match on ``file``, by halving; None: not one."""
        rows = self._rows(file)
        low, high = 0, len(checkpoints)
        while low < high:
            middle = (low + high) // 2
            set_peft_model_state_dict(self.model, load_file(checkpoints[middle] / "adapter_model.safetensors"))
            if self._exact_match(rows) >= goal:
                high = middle
            else:
                low = middle + 1
        return checkpoints[low] if low < len(checkpoints) else None

    def _rows(self, file: Path) -> list[Row]:
        return load(self.config.model_copy(update={"data": [DataSource(path=str(file))]})).rows

    def _exact_match(self, rows: list[Row]) -> float:
        prompts = [self.renderer.prompt_ids(row.messages[:-1]) for row in rows]
        answers = self.generator.answer(prompts, ANSWER_TOKENS)
        right = [exact_match(said.text, row.messages[-1].text) for said, row in zip(answers, rows, strict=True)]
        return sum(right) / max(1, len(right))


if __name__ == "__main__":
    main()
