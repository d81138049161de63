"""The gauge of forgetting: KL to the base over whole rows, in any cut, and what it says when something is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
import torch
from peft import LoraConfig, get_peft_model

from engine.config.schema import DatasetSection
from engine.data.general import shipped, spread
from engine.data.rows.messages import Message, Row
from engine.evaluation.forgetting import GENERAL, OLD, TASK, Gauge, shortened
from engine.metrics.forgetting import LOOK_DIVERGENCE, LOOK_LOSS, STOP_OLD, mark_of
from engine.modeling.batches import Layout
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.out_of_memory import MemoryGuard
from engine.runs import events as ev
from engine.runs import story
from engine.runs.event_lines import decode, encode
from engine.runs.phases import Phases
from engine.tokens.examples import Example, tokenise
from tests.engine.evaluation.conftest import Loaded

ROWS = [
    Row((Message("user", f"Two teas, number {i}" + ", please" * i), Message("assistant", f"tea {i}")), "", "r", "f", i)
    for i in range(5)
]


@pytest.fixture
def tuned(loaded: Loaded) -> Any:
    """The tiny model with an adapter that changes it; the model is as it was afterwards."""
    torch.manual_seed(0)
    model = get_peft_model(loaded.model, LoraConfig(target_modules="all-linear", r=2, task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
    yield model
    model.unload()


def examples(loaded: Loaded, rows: Sequence[Row]) -> list[Example]:
    return tokenise(rows, range(len(rows)), loaded.renderer, DatasetSection(), {"r": 0, "general": 0})[0]


def gauge(
    loaded: Loaded, model: Any, budget: int = 4096, packed: bool = False, **kinds: Any
) -> tuple[Gauge, list[Any]]:
    events: list[Any] = []

    def sink(event: ev.Event) -> None:
        if not isinstance(event, ev.Phase):
            events.append(event)

    device = torch.device("cpu")
    of = kinds.pop("of", {TASK: examples(loaded, ROWS), GENERAL: examples(loaded, shipped().texts[:3])})
    made = Gauge(
        SupervisedLoss(model, loaded.base.head), of, budget, Layout(loaded.base.pad_id, packed), device, Phases(sink),
        MemoryGuard(device, sink), **kinds,
    )  # fmt: skip
    return made, events


def plainly(model: Any, rows: Sequence[Example]) -> tuple[float, float, float]:
    """Mean KL over answers and over prompts by torch's own means, and the loss over answers."""
    parts: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    model.eval()
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor(row.ids, dtype=torch.long)[None]
            log_q = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
            with model.disable_adapter():
                log_p = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
            each = (log_p.exp() * (log_p - log_q)).sum(-1)
            answered = torch.tensor(row.labels[1:] >= 0)
            parts[0].append(each[answered])
            parts[1].append(each[~answered])
            parts[2].append(-log_q.gather(1, ids[0, 1:, None])[:, 0][answered])
    found = [torch.cat(part).mean().item() for part in parts]
    return found[0], found[1], found[2]


def scale(tuned: Any, factor: float) -> None:
    """Let the adapter act so many times as strongly."""
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.mul_(factor)


@pytest.mark.parametrize("budget", [4096, 128])
def test_texts_and_answers_are_told_apart_and_together_are_what_the_mark_goes_by(
    loaded: Loaded, tuned: Any, budget: int
) -> None:
    texts, dialogues = examples(loaded, shipped().texts[:3]), examples(loaded, ROWS)
    made, _ = gauge(loaded, tuned, budget, of={TASK: dialogues, GENERAL: [*texts, *dialogues]})
    event = made.measure(0, "before")
    assert event is not None
    assert event.texts_loss == pytest.approx(plainly(tuned, texts)[2], rel=1e-4)
    assert event.answers_loss == pytest.approx(plainly(tuned, dialogues)[2], rel=1e-4)
    counts = [sum(int((row.labels[1:] >= 0).sum()) for row in rows) for rows in (texts, dialogues)]
    together = (event.texts_loss * counts[0] + event.answers_loss * counts[1]) / sum(counts)
    assert event.general_loss == pytest.approx(together, rel=1e-6)
    scale(tuned, 3)
    later = made.measure(4, "during")
    assert later is not None
    assert (later.texts_before, later.answers_before) == (event.texts_loss, event.answers_loss)
    assert "forgetting.figure-parts" in [each.code for each in story.forgetting(later).args["figures"]]


@pytest.mark.parametrize("budget", [4096, 128, 8])
def test_the_gauge_is_torchs_own_divergence_however_rows_are_cut(loaded: Loaded, tuned: Any, budget: int) -> None:
    made, _ = gauge(loaded, tuned, budget)
    event = made.measure(3, "during")
    assert event is not None
    answers, prompts, _ = plainly(tuned, examples(loaded, ROWS))
    general, _, loss = plainly(tuned, examples(loaded, shipped().texts[:3]))
    assert event.kl_task == pytest.approx(answers, rel=1e-4)
    assert event.kl_prompts == pytest.approx(prompts, rel=1e-4)
    assert event.kl_general == pytest.approx(general, rel=1e-4)
    assert event.general_loss == pytest.approx(loss, rel=1e-4)
    assert (event.task_rows, event.general_rows, event.step, event.moment) == (5, 3, 3, "during")


def test_a_model_that_is_its_base_has_not_moved(loaded: Loaded) -> None:
    model = get_peft_model(loaded.model, LoraConfig(target_modules="all-linear", r=2, task_type="CAUSAL_LM"))
    made, events = gauge(loaded, model)
    event = made.measure(0, "before")
    assert event is not None
    assert (event.kl_task, event.kl_general, event.mark) == (0.0, 0.0, "fine")
    assert event.general_loss == event.base_loss
    assert events == [event]
    model.unload()


def test_the_base_is_computed_once_and_still_right_after_the_adapter_moved(loaded: Loaded, tuned: Any) -> None:
    made, _ = gauge(loaded, tuned)
    made.measure(1, "during")
    scale(tuned, 2)
    event = made.measure(2, "during")
    assert event is not None
    assert event.kl_task == pytest.approx(plainly(tuned, examples(loaded, ROWS))[0], rel=1e-4)


def test_measuring_draws_no_random_number_and_leaves_the_model_training(loaded: Loaded, tuned: Any) -> None:
    made, _ = gauge(loaded, tuned)
    made.net.train()
    before, wanted = torch.get_rng_state(), [p.requires_grad for p in tuned.parameters()]
    made.measure(1, "during")
    assert torch.equal(torch.get_rng_state(), before)
    assert all(module.training for module in made.net.modules())
    assert [p.requires_grad for p in tuned.parameters()] == wanted


def test_old_rows_are_told_against_what_they_were_before(loaded: Loaded, tuned: Any) -> None:
    made, _ = gauge(loaded, tuned, of={OLD: examples(loaded, ROWS)})
    first = made.measure(0, "before")
    assert first is not None
    assert first.old_before == first.old_loss
    assert (first.kl_task, first.kl_general, first.task_rows) == (None, None, 0)
    made.start = msgspec.structs.replace(first, old_loss=(first.old_loss or 0.0) - 1.1 * STOP_OLD)
    later = made.measure(5, "during")
    assert later is not None
    assert later.mark == "stop"
    assert [reason.code for reason in later.reasons] == ["forgetting.by-old-loss"]


def test_numbers_that_are_none_are_left_out_and_the_mark_is_unknown(loaded: Loaded, tuned: Any) -> None:
    with torch.no_grad():
        next(p for name, p in tuned.named_parameters() if "lora_B" in name).fill_(float("nan"))
    made, _ = gauge(loaded, tuned)
    event = made.measure(4, "during")
    assert event is not None
    assert (event.kl_task, event.kl_general, event.general_loss, event.mark) == (None, None, None, "unknown")
    assert event.base_loss is not None
    assert decode(encode(event)) == event


class _Short(RuntimeError):
    pass


def test_without_memory_it_takes_smaller_batches_then_gives_up_once_and_the_run_goes_on(
    loaded: Loaded, tuned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, events = gauge(loaded, tuned)
    real, rows_seen = SupervisedLoss.states, []

    def states(self: Any, input_ids: torch.Tensor, *more: Any) -> torch.Tensor:
        rows_seen.append(len(input_ids))
        if len(input_ids) > most:
            raise MemoryError
        return real(self, input_ids, *more)

    monkeypatch.setattr(SupervisedLoss, "states", states)
    most = 2
    assert made.measure(1, "during") is not None
    assert any(isinstance(event, ev.OutOfMemory) and event.retry_tokens for event in events)
    most = 0
    assert made.measure(2, "during") is None
    assert [event.message.code for event in events if isinstance(event, ev.Warn)] == ["forgetting.no-memory"]
    rows_seen.clear()
    assert made.measure(3, "during") is None
    assert rows_seen == []


def test_long_rows_are_read_as_far_as_a_limit(loaded: Loaded) -> None:
    example = examples(loaded, ROWS)[4]
    short = shortened(example, 7)
    assert (len(short.ids), len(short.labels)) == (7, 7)


@pytest.mark.parametrize(
    ("divergence", "rise", "old", "mark"),
    [
        (0.0, 0.0, None, "fine"), (LOOK_DIVERGENCE, 0.0, None, "look"), (0.0, LOOK_LOSS, None, "look"),
        (None, None, None, "unknown"), (None, None, 0.0, "fine"), (9.0, 0.0, 0.0, "stop"), (0.0, -1.0, None, "fine"),
    ],
)  # fmt: skip
def test_the_gravest_figure_gives_the_mark(
    divergence: float | None, rise: float | None, old: float | None, mark: str
) -> None:  # fmt: skip
    found, reasons = mark_of(divergence, rise, old)
    assert found == mark
    assert bool(reasons) == (mark in ("look", "stop"))


def test_the_shipped_set_is_of_many_topics_and_says_whose_it_is(repository_general: list[dict[str, Any]]) -> None:
    general = shipped()
    assert (len(general.texts), len(general.dialogues)) == (60, 30)
    assert "Apache License 2.0" in repository_general[0]["text"]
    texts = [row for row in repository_general if row["kind"] == "text"]
    assert {row["language"] for row in texts} == {"en", "zh", "code"}
    assert len({row["text"] for row in texts}) == 60
    assert all(40 <= len(row.text) <= 600 for row in general.texts)
    assert len({row["topic"] for row in texts}) >= 20


@pytest.fixture
def repository_general() -> list[dict[str, Any]]:
    from engine.common import paths

    lines = (paths.presets_dir() / "general/general.jsonl").read_text("utf-8").splitlines()
    return [msgspec.json.decode(line) for line in lines]


def test_some_of_many_rows_are_taken_evenly() -> None:
    assert spread(range(10), 5) == [0, 2, 4, 6, 8]
    assert spread(range(3), 5) == [0, 1, 2]
