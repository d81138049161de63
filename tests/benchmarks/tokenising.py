"""Print how fast rows become tokens, how much of a batch is padding, and what a start from a huge file takes.

``python tests/benchmarks/tokenising.py [speed] [padding] [large] [--model FOLDER] [--rows N] [--large-rows N]
[--alpaca FILE] [--folder DIR]``, all three parts by default.

- speed: our path in one process, with helpers, and from the cache, beside plain ``datasets.map`` with the same
  template on the same rows and as many processes. Ours also finds what is trained and proves that each prompt is a
  token prefix of its row, which takes a second template and a second tokenising.
- padding: the share of padding in what is computed, for FILE at batch 32, by the size of a micro-batch; without FILE
  it is left out.
- large: seconds and peak resident memory of making and of opening the tokens of 1,000,000 rows, about 1 GB of JSONL.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.common.workers import spare_processors
from engine.config.schema import RunConfig
from engine.modeling.batch_sizes import padded_lengths, padding_share
from engine.models.starter import STARTERS
from engine.runs.phases import Phases
from engine.tokens.dataset import Prepared, prepare_rows
from engine.tokens.render import Renderer
from engine.tokens.tokenising import write_tokens
from engine.tokens.tokenizer import load_words, locate
from engine.training.mixing import plan_steps

ROOT = Path(__file__).resolve().parents[2]
BATCH = 32
BUDGETS = (256, 512, 1024, 2048, 4096, 8192, 16384)
TEXT = (
    "the order of tea soup bread rice milk honey cake for Oslo Lima Cairo Paris Quito was paid late today and we would "
    "like to ask whether it can be sent again because nobody was there to take it in when the driver came"
)
LARGE = """
import sys
from pathlib import Path
from tests.benchmarks.tokenising import config_of, prepared

def resident_mib(field):
    return int(Path("/proc/self/status").read_text().partition(field)[2].split()[0]) / 1024

before = resident_mib("VmRSS:")
found = prepared(config_of(Path(sys.argv[1]), sys.argv[2]))
print(found.seconds, before, resident_mib("VmHWM:"), len(found.train), found.tokens.tokens, found.cached)
"""


def write_rows(path: Path, count: int) -> None:
    """``count`` rows in Alpaca's manner, about 1 KB each."""
    drawn, words = random.Random(0), TEXT.split()
    with path.open("w") as file:
        for index in range(count):
            asked, answer = (" ".join(drawn.choices(words, k=drawn.randint(20, 160))) for _ in range(2))
            file.write(json.dumps({"instruction": asked, "input": f"row {index}", "output": answer}) + "\n")


def config_of(path: Path, model: str, **train: Any) -> RunConfig:
    return RunConfig.model_validate(
        {"model": {"name_or_path": model}, "data": [{"path": str(path)}], "train": {"batch_size": BATCH, **train}}
    )


def renderer_of(config: RunConfig) -> Renderer:
    card = locate(config.model, lambda done, total, message: None)
    words = load_words(card, config.model)
    return Renderer(words.tokenizer, words.stops)


def prepared(config: RunConfig) -> Prepared:
    return prepare_rows(config, renderer_of(config), Phases(lambda event: None))


def seconds_of(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def speed(model: str, rows: int, folder: Path) -> None:
    path = folder / "speed.jsonl"
    write_rows(path, rows)
    config = config_of(path, model)
    renderer, helpers = renderer_of(config), spare_processors()

    def ours(count: int) -> Callable[[], Any]:
        place = Path(tempfile.mkdtemp(dir=folder))
        return lambda: write_tokens(config, renderer, place, lambda done, total: None, count)

    took = {"ours, 1 process": seconds_of(ours(0))}
    if helpers:
        took[f"ours, {helpers + 1} processes"] = seconds_of(ours(helpers))
    prepared(config)
    took["ours, from the cache"] = prepared(config).seconds
    took["datasets.map, 1 process"] = seconds_of(lambda: plain_map(path, renderer, 1, folder))
    if helpers:
        took[f"datasets.map, {helpers + 1} processes"] = seconds_of(
            lambda: plain_map(path, renderer, helpers + 1, folder)
        )
    print(f"\n{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB, {model}")
    for what, seconds in took.items():
        print(f"  {what:28} {seconds:7.1f} s  {rows / seconds:9,.0f} rows/s")


def plain_map(path: Path, renderer: Renderer, processes: int, folder: Path) -> None:
    """What most trainers do: one template and one tokenising a row, everything trained."""
    import datasets

    tokenizer = renderer.tokenizer

    def tokens(row: dict[str, str]) -> dict[str, Any]:
        user = {"role": "user", "content": f"{row['instruction']}\n\n{row['input']}"}
        text = tokenizer.apply_chat_template(
            [user, {"role": "assistant", "content": row["output"]}], tokenize=False
        )  # fmt: skip
        return {"input_ids": tokenizer(text, add_special_tokens=False)["input_ids"]}

    datasets.disable_progress_bars()
    rows = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(folder / "datasets"))
    rows.map(tokens, num_proc=processes, remove_columns=rows.column_names, load_from_cache_file=False)


def padding(model: str, alpaca: Path) -> None:
    config = config_of(alpaca, model)
    found = prepared(config)
    lengths, plan = found.train.lengths, plan_steps(config, found)
    eights = 1 - lengths.sum() / padded_lengths(lengths).sum()
    print(f"\n{alpaca.name}: {len(lengths):,} rows, {lengths.mean():.0f} tokens a row, longest {lengths.max():,}")
    print(f"  rows rounded up to eights, each by itself: {eights:.1%} is padding")
    for budget in BUDGETS:
        shares = [padding_share(lengths, plan, budget, packed) for packed in (False, True)]
        print(f"  micro_batch_tokens {budget:6,}: {shares[0]:6.1%}, packed {shares[1]:5.1%}")


def large(model: str, rows: int, folder: Path) -> None:
    path = folder / "large.jsonl"
    if not path.exists():
        write_rows(path, rows)
    print(f"\n{rows:,} rows, {path.stat().st_size / 1e9:.2f} GB")
    for what in ("made", "from the cache"):
        seconds, before, peak, trained, tokens, cached = _in_a_process(path, model)
        assert (cached == "True") == (what != "made")
        print(
            f"  {what}: {float(seconds):,.1f} s, resident {float(peak):,.0f} MiB at most, {float(before):,.0f} before; "
            f"{int(trained):,} rows to train on, {int(tokens):,} tokens"
        )


def _in_a_process(path: Path, model: str) -> Iterator[str]:
    said = subprocess.run(
        [sys.executable, "-c", LARGE, str(path), model], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return iter(said.split()[-6:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["speed", "padding", "large"])
    parser.add_argument("--model", default=next(iter(STARTERS)))
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--large-rows", type=int, default=1_000_000)
    parser.add_argument("--alpaca", type=Path, help="a file of rows, for the part about padding")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = given.folder or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        # The model is where it always is; the cache is to be empty.
        model = str(locate(config_of(place, given.model).model, lambda done, total, message: None).path)
        os.environ["TUNEDECK_HOME"] = tempfile.mkdtemp(dir=folder)
        if "speed" in given.parts:
            speed(model, given.rows, Path(folder))
        if "padding" in given.parts and given.alpaca:
            padding(model, given.alpaca)
        if "large" in given.parts:
            large(model, given.large_rows, place)


if __name__ == "__main__":
    main()
