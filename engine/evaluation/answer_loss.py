"""The loss of reference answers, token by token the same for a model in memory and for any server over its export."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.common.threads import as_done
from engine.data.rows.messages import Row
from engine.evaluation.row_losses import LossRows, RowLoss
from engine.metrics.result import BYTES, NATS, TOKENS
from engine.metrics.totals import text_scores
from engine.modeling.load_for_use import Ready
from engine.modeling.out_of_memory import MemoryGuard
from engine.runs.evaluations import Answer
from engine.tokens.render import NOT_TRAINED, Renderer, RenderError

PERPLEXITY = "perplexity"
_INCOMPLETE = "\ufffd"
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Reference:
    """The last answer of row ``row``: token ids of its prompt and its own, and the bytes of its text in UTF-8.

    ``counts`` tells of each token of the answer whether its loss counts. llama.cpp's server does not tell of two kinds
    what they cost, so that these count nowhere: the stop token, which is left out, and tokens that end inside of a
    character.
    """

    row: int
    prompt: list[int]
    answer: list[int]
    counts: list[bool]
    n_bytes: int


def references(rows: Sequence[Row], renderer: Renderer, most_tokens: int) -> list[Reference]:
    """Of ``rows`` those whose answer is not empty and fits into ``most_tokens`` with its prompt."""
    found = []
    for place, row in enumerate(rows):
        try:
            ids, labels = renderer.render(row, "last")
        except RenderError:  # it is asked, but its reference can't be written in this template
            continue
        trained = [at for at, label in enumerate(labels) if label >= 0]
        if not trained or len(ids) > most_tokens:
            continue
        answer = ids[trained[0] : trained[-1]]  # the last one is the stop token
        decode = renderer.tokenizer.decode
        counts = [not decode(answer[: at + 1]).endswith(_INCOMPLETE) for at in range(len(answer))]
        if any(counts):
            n_bytes = len(row.messages[-1].text.encode("utf-8", "replace"))
            found.append(Reference(place, ids[: trained[0]], answer, counts, n_bytes))
    return found


def in_memory(
    wanted: Sequence[Reference], ready: Ready, memory: MemoryGuard, check: Callable[[], None], report: Report
) -> dict[int, RowLoss]:
    """The loss of each reference by the row, as ``ready`` speaks. Raises OutOfMemory."""
    if not wanted:
        return {}
    answers = []
    for each in wanted:
        labels = [token if told else NOT_TRAINED for token, told in zip(each.answer, each.counts, strict=True)]
        answers.append(
            (each.row, [*each.prompt, *each.answer], [NOT_TRAINED] * len(each.prompt) + labels, each.n_bytes)
        )
    rows = LossRows.of_answers(answers, ready.base, memory)
    return rows.measure(ready.model, ready.base.model.device, check, report)


def by_server(
    wanted: Sequence[Reference], logprobs: Callable[[list[int], list[int]], dict[int, float]],
    check: Callable[[], None], report: Report, at_once: int = 1,
) -> dict[int, RowLoss]:  # fmt: skip
    """The same where ``logprobs`` tells those of an answer's tokens behind a prompt, by their place.

    So many as ``at_once`` are asked for side by side. A row of which it does not tell them all is left out.
    """
    found = {}
    asked = as_done(lambda each: logprobs(each.prompt, each.answer), wanted, at_once, check)
    for done, (at, told) in enumerate(asked):
        each = wanted[at]
        report(done, len(wanted))
        places = [place for place, counts in enumerate(each.counts) if counts]
        if all(place in told for place in places):
            found[each.row] = RowLoss(-sum(told[place] for place in places), len(places), each.n_bytes)
    report(len(wanted), len(wanted))
    return found


def kept(answers: Sequence[Answer]) -> dict[int, RowLoss]:
    """What an earlier proof measured and kept with ``answers``, as ``scores`` wrote it."""
    return {
        each.row: RowLoss(each.scores[NATS], round(each.scores[TOKENS]), round(each.scores[BYTES]))
        for each in answers
        if NATS in each.scores
    }


def scores(losses: Mapping[int, RowLoss]) -> dict[int, dict[str, float]]:
    """By row what ``engine.metrics`` makes a perplexity of."""
    return {row: text_scores(each.nats, each.tokens, each.n_bytes) for row, each in losses.items()}


def mean_nats(losses: Mapping[int, RowLoss]) -> float | None:
    """Nats a token over all rows; None where there are none."""
    tokens = sum(each.tokens for each in losses.values())
    return sum(each.nats for each in losses.values()) / tokens if tokens else None
