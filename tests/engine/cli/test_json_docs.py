"""docs/json.md says what `--json` prints: each example is what a real call gives, each field is explained.

``TUNEDECK_WRITE_DOCS=1 python -m pytest tests/engine/cli/test_json_docs.py`` writes the examples anew.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.app import groups, preflight
from engine.cli.commands import demo, selftest
from engine.messages.message import Message
from engine.runs import choices, directory, evaluations
from engine.runs import events as ev
from engine.runs.directory import RunDir
from tests import memory_runs
from tests.engine.app.compare.test_compare import make
from tests.engine.cli.cli_calls import FakeRunner, Shell, launches
from tests.engine.cli.test_chat import Stood
from tests.engine.cli.test_demo import LEARNT
from tests.engine.cli.test_evaluate import made_run, stand_in
from tests.engine.cli.test_selftest import GOOD, SAYS
from tests.engine.data.quality.making import asked, jsonl
from tests.engine.export.planned import subject_of
from tests.engine.models.making import write_adapter
from tests.engine.models.test_lineage import make_run
from tests.engine.runs.making import make_checkpoint, mark_launched, measure, step, write
from tests.engine.runs.mixing import waiting_mix
from tests.tiny import make_tiny_model

DOCS = Path(__file__).resolve().parents[3] / "docs" / "json.md"
OPEN = {"args", "config", "properties", "$defs", "settings", "settled", "remedy", "machine", "ray"}
"""Objects whose fields depend on what they are about."""
BY_NAME = {"tensors", "loss_by_source", "weights_sha256", "data_files", "versions", "phases", "terms", "rank_pattern",
           "alpha_pattern", "files", "trainable_token_indices", "micro_batch_tokens", "languages", "labels",
           "scores"}  # fmt: skip
"""Objects with names of the user's or of the model as fields: one is shown."""
Call = Callable[..., Any]


@pytest.fixture
def call(shell: Shell) -> Call:
    """The JSON that a verb prints, its exit code as given by ``code``."""

    def made(*arguments: object, code: int = 0) -> Any:
        answer = shell(*arguments, "--json")
        assert answer.code == code, answer.err
        return answer.json

    return made


@pytest.fixture
def config(tmp_path: Path, unchecked: None) -> Path:
    """A config whose model and rows have tests elsewhere."""
    path = tmp_path / "run.toml"
    rows = tmp_path / "orders.jsonl"
    rows.write_text(jsonl(asked("Two teas?", "Yes.")))
    path.write_text(
        f'[run]\nname = "orders"\n[model]\nname_or_path = "tiny"\n[train]\nlearning_rate = 0.01\n'
        f'[[data]]\npath = "{rows}"\n'
    )
    return path


STORY = [
    ev.State(state="starting"),
    ev.RunStarted(total_steps=40, model="tiny", device="CPU", threads=8, method="LoRA r16", strategy="fresh"),
    ev.Warn(message=Message("events.plain-template")),
    ev.Eval(step=0, moment="before", loss=2.5, n=100, metrics={"exact_match": 0.01}),
    ev.State(state="running"),
    *(step(number, 2.5 - 0.04 * number, loss_by_source={"orders": 2.4 - 0.04 * number, "notes": 2.6 - 0.04 * number})
      for number in range(1, 21)),
    ev.Device(rss=1_900_000_000, peak_rss=2_000_000_000, ram_total=34_359_738_368, ram_available=20_000_000_000),
    ev.Eval(step=20, loss=1.7, n=100),
]  # fmt: skip
STOPPED = [*STORY, ev.Finished(outcome="stopped", step=20, adapter="adapter", seconds=61.0,
                               reason=Message("events.asked-to-stop"))]  # fmt: skip
FINISHED = [*STORY, ev.Eval(step=40, moment="after", loss=0.4, n=100, metrics={"exact_match": 0.97}),
            ev.Finished(outcome="finished", step=40, adapter="adapter", seconds=122.0, result_step=40,
                        result=Message("training.kept-last-best", step=40, by=Message("training.by-loss"), best="0.400",
                                       last_value="0.400"))]  # fmt: skip


@pytest.fixture
def stopped(home: Path) -> RunDir:
    run = directory.create("models/tiny", "", name="orders")
    mark_launched(run)
    make_checkpoint(run, 20)
    write(run, *STOPPED)
    return run


def test_an_error(call: Call, home: Path) -> None:
    same("An error", call("status", "orders", code=6))


def test_an_error_of_a_config(call: Call, config: Path) -> None:
    same("An error of a config", call("run", config, "--set", "train.batch_size=0", code=2))


def test_run(call: Call, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same("run --check", call("run", config, "--check"))

    def finished(runner: FakeRunner) -> list[ev.Event]:
        measure(runner.run, [1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0])
        return FINISHED

    launches(monkeypatch, finished)
    same("run", call("run", config))
    same("run --detach", call("run", config, "--detach"))


def test_a_group(call: Call, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups.start_group, "__defaults__", (None, lambda group: None, ""))
    same("run --seeds --detach", call("run", config, "--seeds", 2, "--detach"))


def test_runs(call: Call, stopped: RunDir) -> None:
    measure(stopped, [1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0])
    same("runs", call("runs"))


def test_status(call: Call, stopped: RunDir) -> None:
    same("status", call("status", "orders"))


def test_rollback(call: Call, stopped: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    launches(monkeypatch, lambda runner: [ev.State(state="starting")])
    same("rollback", call("rollback", "orders", "--to", "0", "--lower-rate", "0.5", "--no-wait"))


def test_status_after_out_of_memory(call: Call, home: Path, tmp_path: Path) -> None:
    memory_runs.out_of_memory(home / "runs", memory_runs.model(tmp_path / "m"), [memory_runs.OTHER])
    same("status of a run that memory ended", {"post_mortem": call("status")["post_mortem"]})


def test_lineage(call: Call, home: Path) -> None:
    make_run("orders")
    same("lineage", call("lineage", "orders"))


def test_two_runs(call: Call, home: Path) -> None:
    for name, rank in (("first", 8), ("second", 16)):
        directory.create(
            "tiny", f'[model]\nname_or_path = "tiny"\n[adapter]\nr = {rank}\n[[data]]\npath = "/a"\n', name
        )
    same("lineage --against", call("lineage", "first", "--against", "second"))


def test_compared_runs(call: Call, home: Path) -> None:
    for name, right in (("first", 12), ("second", 19)):
        run = make(home / "runs", name, rate=right / 10_000)
        write(run, ev.Eval(step=3, moment="after", part="test", loss=0.6, n=20))
        measure(run, [1.0] * right + [0.0] * (20 - right), new_tokens=64)
    same("compare", call("compare", "first", "second"))


def test_estimate(call: Call, home: Path, tmp_path: Path) -> None:
    model = memory_runs.model(tmp_path / "llama-8b")
    path = tmp_path / "run.toml"
    path.write_text(f'[model]\nname_or_path = "{model}"\n[[data]]\npath = "/orders.jsonl"\n')
    same("estimate", call("estimate", path, "--gpu", "RTX 4090"))
    same("estimate MODEL", call("estimate", model, "--gpu", "RTX 4090"))


def test_model_list(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    make_tiny_model(home / "models" / "tiny")
    same("model list", call("model", "list"))


def test_adapter_inspect(call: Call, tmp_path: Path) -> None:
    same("adapter inspect", call("adapter", "inspect", write_adapter(tmp_path / "adapter")))


def test_data_check(call: Call, tmp_path: Path) -> None:
    rows = tmp_path / "orders.jsonl"
    rows.write_text(jsonl(asked("Two teas?", "I am {{name}}."), asked("A soup?", "Yes, I am.")))
    same("data check", call("data", "check", rows))


@pytest.mark.usefixtures("warm")
def test_data_show(call: Call, tmp_path: Path) -> None:
    rows = tmp_path / "orders.jsonl"
    rows.write_text(jsonl(asked("Two teas?", "Yes.")))
    same("data show", call("data", "show", rows, "--model", make_tiny_model(tmp_path / "tiny")))


def test_demo(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_fetch_starter", lambda name: None)
    monkeypatch.setattr(preflight._Look, "model", lambda look: iter(()))
    launches(monkeypatch, lambda runner: LEARNT)
    same("demo --headless", call("demo", "--headless"))


@pytest.mark.usefixtures("warm")
def test_doctor(shell: Shell) -> None:
    same("doctor", shell("doctor", "--json").json)


def test_selftest(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "COMMAND", (sys.executable, "-c", SAYS.format(lines=[GOOD], then="")))
    same("selftest", call("selftest"))


def test_fields(call: Call) -> None:
    same("fields", call("fields"))


@pytest.mark.usefixtures("warm")
def test_merge(call: Call, tmp_path: Path) -> None:
    from tests.engine.export.making import make_adapter

    tiny = make_tiny_model(tmp_path / "tiny")
    same("merge", call("merge", tiny, make_adapter(tiny, tmp_path / "adapter"), "--out", tmp_path / "merged"))


def test_mix(call: Call, home: Path) -> None:
    run = waiting_mix(home / "mixes")
    same("mix without a name", call("mix"))
    same("mix", call("mix", run.id, "--keep"))


@pytest.mark.usefixtures("warm")
def test_extract(call: Call, home: Path, tmp_path: Path) -> None:
    tiny, tuned = make_tiny_model(tmp_path / "tiny"), make_tiny_model(tmp_path / "tuned", seed=1)
    same("extract", call("extract", tiny, tuned, "--rank", 4))


def test_chat(call: Call, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.app.chat.Talk", type("Here", (Stood,), {"asked": [], "requests": []}))
    monkeypatch.setattr("engine.app.chat.command", Stood.note)
    monkeypatch.setattr("engine.app.chat.room_for", lambda *args: None)
    tiny = make_tiny_model(tmp_path / "tiny")
    same("chat", call("chat", tiny, "--prompt", "Two teas to Oslo"))


def test_evaluate(call: Call, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made_run(tmp_path, "orders")
    monkeypatch.setattr("engine.app.evaluate.run_request", stand_in)
    same("evaluate", call("evaluate", "orders", "--worst", 1))
    where = evaluations.folder(run, "held-out")
    for pair in choices.pairs_in(where, ("tuned", "base"), 0).pairs[:9]:
        choices.keep(where, choices.HAND, choices.Choice(row=pair.row, pair=pair.names, chosen="tuned"))
    same("judge", call("judge", "orders", "--verdict"))


def test_strength(call: Call, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_run(tmp_path, "orders")
    monkeypatch.setattr("engine.app.evaluate.run_request", stand_in)
    found = call("strength", "orders")
    found["evaluation"] = {"name": found["evaluation"]["name"]}
    same("strength", found)
    same("strength --keep", call("strength", "orders", "--keep", 0.5))


def test_export(call: Call, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made_run(tmp_path, "orders")
    monkeypatch.setattr("engine.app.export.subject", lambda *_: subject_of(run))
    same("export", call("export", "orders", "--to", "adapter", "--no-proof"))


def test_every_example_is_tested_and_every_verb_with_json_has_one() -> None:
    tested = set(re.findall(r'same\("([^"]+)"', Path(__file__).read_text()))
    assert set(_sections()) == tested
    source = "".join(path.read_text() for path in (DOCS.parents[1] / "engine/cli/commands").glob("*.py"))
    assert source.count('"--json")]') <= len(tested)


def same(title: str, value: Any) -> None:
    """The example under ``title`` has the shape of ``value``, and each of its fields is explained there."""
    cut = _cut(value)
    if os.environ.get("TUNEDECK_WRITE_DOCS"):
        _write(title, cut)
    section = _sections()[title]
    example = json.loads(section.split("```json\n")[1].split("```")[0])
    assert _shape(example) == _shape(cut), title
    explained = set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE))
    fields = set(_fields(cut))
    assert fields - explained == set(), f"{title}: fields without a line in docs/json.md"
    assert explained - fields == set(), f"{title}: lines for fields that are not there"


def _cut(value: Any, key: str = "") -> Any:
    """``value`` with one item of each list and one name of what has many, without this machine's paths."""
    if isinstance(value, dict):
        kept = list(value.items())[:1] if key in BY_NAME | OPEN - {"args"} else value.items()
        return {name: _cut(item, name) for name, item in kept}
    if isinstance(value, list):
        return [_cut(item) for item in value[:1]]
    return re.sub(r"(?<![\w.])/[^ '\"`,;:]*/(?=[^/ ]+)", "/home/ada/", value) if isinstance(value, str) else value


def _shape(value: Any, key: str = "") -> Any:
    if key in OPEN | BY_NAME:
        return {}
    if isinstance(value, dict):
        return {name: found for name, item in value.items() if (found := _shape(item, name)) is not None}
    if isinstance(value, list):
        return [_shape(item) for item in value] or None
    return None if value is None else "number" if isinstance(value, (int, float)) else "text"


def _fields(value: Any, key: str = "", before: str = "") -> Iterator[str]:
    """Every field by its dotted name, ``[]`` for the items of a list."""
    if isinstance(value, list):
        for item in value:
            yield from _fields(item, key, f"{before}[]")
    elif isinstance(value, dict) and key not in OPEN | BY_NAME and value.keys() != {"code", "args"}:
        for name, item in value.items():
            dotted = f"{before}.{name}" if before else name
            yield dotted
            yield from _fields(item, name, dotted)


def _sections() -> dict[str, str]:
    found = re.split(r"^#{2,3} (.+)$", DOCS.read_text("utf-8"), flags=re.MULTILINE)
    return {
        name.replace("`", ""): body for name, body in zip(found[1::2], found[2::2], strict=True) if "```json" in body
    }


def _write(title: str, value: Any) -> None:
    text = DOCS.read_text("utf-8")
    example = json.dumps(value, indent=1, ensure_ascii=False)
    start = re.search(rf"^#{{2,3}} `?{re.escape(title)}`?$", text, re.MULTILINE)
    assert start is not None, title
    at = text.index("```json\n", start.end()) + 8
    DOCS.write_text(text[:at] + example + text[text.index("\n```", at) :], "utf-8")
