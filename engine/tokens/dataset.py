"""A run's rows, split and tokenised: what is trained on, what is held out, and what must be said about it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.common import file_hash
from engine.common.errors import TunedeckError
from engine.config.schema import DatasetSection, RunConfig
from engine.data import run_source
from engine.data.batches import Skipped
from engine.data.files.sources import source_files, source_names
from engine.data.quality.catalogue import CATALOGUE
from engine.data.rows.messages import Row
from engine.data.run_source import SAMPLE_ROWS
from engine.data.splitting.draw import also_learnt, draw, wanted_rows
from engine.data.splitting.split import replayed
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.phases import Phases, Sink
from engine.tokens.cache import Opened, opened
from engine.tokens.cache_key import key_of
from engine.tokens.examples import REFUSED_SHOWN, Fate, TokenReport, nothing_left, refusal
from engine.tokens.held_out import TEST, VALIDATION, HeldOut
from engine.tokens.render import Renderer, check_stop_tokens
from engine.tokens.store import Examples, Facts, Head, TokenStore
from engine.tokens.tokenising import write_tokens
from engine.tokens.unwritten import unwritten_of

ANSWERED_ROWS = 200
"""Held-out dialogues that are kept as they were, or more where more are to be answered."""


@dataclass(frozen=True)
class Prepared:
    """Tokenised rows. ``heldout_rows`` are those whose answers can be compared, in the order of the draw.

    ``test`` and ``test_rows`` are the same of the rows that are only measured before and after the run. ``sample``
    are some of the rows that are trained on, to be remembered when their files are gone. ``tokens`` says what became
    of the rows to train on, ``dropped`` counts all that were left out by why; ``cached`` whether nothing had to be
    tokenised, and ``seconds`` how long all this took. ``held_out`` is the split, to be kept. ``unused`` are
    columns by source that nothing was read from, ``noted`` says of how many rows not all was taken as it stands there,
    ``read`` counts those of each file that was read whole.
    """

    sources: list[str]
    train: Examples
    heldout: Examples
    heldout_rows: Sequence[Row]
    tokens: TokenReport
    tokens_by_source: dict[str, int]
    sample: list[Row]
    test: Examples
    test_rows: Sequence[Row] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    cached: bool = False
    seconds: float = 0.0
    held_out: HeldOut = field(default_factory=lambda: HeldOut(np.zeros((0, 2), np.uint64), np.zeros(0, np.int64)))
    unused: dict[str, list[str]] = field(default_factory=dict)
    noted: list[Message] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)


def prepare_rows(config: RunConfig, renderer: Renderer, phases: Phases, before: HeldOut | None = None) -> Prepared:
    """Read, split and tokenise the data of ``config``; findings are told as warnings. Raises DataError.

    Rows that were made tokens before, by any run, are taken from the cache. ``before`` is what the run held out when
    its data was another: of these rows the split is made again, as far as they are still there.
    """
    began, sink = time.monotonic(), phases.sink
    found = _tokens(config, renderer, phases)
    if found.trouble:
        sink(ev.Warn(message=Message("events.tokens-not-kept", reason=found.trouble)))
    store, sources = found.store, source_names(config.data)
    learnt = replayed(config)
    kept = store.kept
    words = store.rows["draw"][kept]
    again = before.among(words) if before is not None else None
    if before is not None:
        _warn_of_split(before, again, sink)
    columns, numbers = store.columns(kept), [number for number, name in enumerate(sources) if name in learnt]
    drawn = again or draw(columns, config.dataset, numbers)
    if again is None:
        _warn_of_replayed(also_learnt(columns, numbers), len(kept), sum(map(len, drawn)), config.dataset, sink)
    held_out = HeldOut(
        np.concatenate([words[np.asarray(part, np.int64)] for part in drawn]),
        np.repeat([VALIDATION, TEST], [len(part) for part in drawn]),
    )
    heldout, test = (kept[np.asarray(part, np.int64)] for part in drawn)
    train = kept[~np.isin(kept, np.concatenate([heldout, test]))]
    weights = [source.weight for source in config.data]
    examples, held, tested = (Examples(store, store.pieces_of(part), weights) for part in (train, heldout, test))
    report = _report(store, train, examples)
    if not len(examples) and len(train):
        reasons = Counter(
            store.facts.reasons[row["reason"]] for row in store.rows[train] if row["fate"] == Fate.REFUSED
        )
        raise nothing_left(
            report, reasons, dict(zip(store.facts.reasons, store.facts.hints, strict=True)), config.dataset
        )
    _warn(store, report, sink)
    _warn_of_measuring(heldout, held, "events.no-validation", sink)
    _warn_of_measuring(test, tested, "events.no-test", sink)
    rows = _Rows(config, store, train, examples, (held, tested))
    if rows.first is not None:
        check_stop_tokens(renderer, rows.first)
        _warn_of_unwritten(renderer, rows.sample, sink)
    by_source = np.zeros(len(sources), np.int64)
    np.add.at(by_source, examples.sources, examples.lengths)
    return Prepared(
        sources, examples, held, rows.answered[0], report, dict(zip(sources, by_source.tolist(), strict=True)),
        rows.sample, tested, rows.answered[1], dropped=_dropped(store, report), cached=found.cached,
        seconds=round(time.monotonic() - began, 2), held_out=held_out,
        unused={name: names for name, names in zip(sources, store.facts.unused, strict=True) if names},
        noted=[_noted(code, count) for code, count in store.facts.remarks.items() if not _is_grave(code)],
        read=store.facts.read,
    )  # fmt: skip


def _tokens(config: RunConfig, renderer: Renderer, phases: Phases) -> Opened:
    """The rows of ``config`` as tokens, from the cache or made now."""
    phases.begin("read")
    key = key_of(config, renderer)
    phases.check()

    def make(folder: Path) -> None:
        write_tokens(config, renderer, folder, phases.progress("tokenise", "rows"))

    def on_wait() -> None:
        phases.begin("wait")

    found = opened(key.name, make, phases.check, on_wait, key.unchanged)
    _by_their_names_now(found.store, config)
    return found


def _by_their_names_now(store: TokenStore, config: RunConfig) -> None:
    """Call the files of ``store`` as they are called now: what they hold decides which store is used."""
    facts = store.facts
    now = [str(path) for source in config.data if not source.is_run for path in source_files(source)]
    names = dict(zip(facts.files, now, strict=False))
    facts.files[: len(now)] = now
    facts.read = {names.get(file, file): count for file, count in facts.read.items()}
    facts.skipped = [Skipped(names.get(each.file, each.file), each.row, each.reason) for each in facts.skipped]


class _Rows:
    """The rows that are needed as they were: the first dialogue trained on, a sample, and those to be answered."""

    def __init__(
        self, config: RunConfig, store: TokenStore, train: np.ndarray, examples: Examples, measured: Sequence[Examples]
    ) -> None:
        dialogues = examples.rows[store.rows["dialogue"][examples.rows] == 1][:1].tolist()
        sample = train[:: max(1, len(train) // SAMPLE_ROWS)][:SAMPLE_ROWS].tolist()
        most = max(ANSWERED_ROWS, config.eval.generate_rows, config.sample.rows)
        answered = [_unlike_before(part.rows[store.rows["answered"][part.rows] == 1]).tolist() for part in measured]
        wanted = [*dialogues, *sample, *(i for part in answered for i in part[:most])]
        found = store.originals(list(dict.fromkeys(wanted)), source_names(config.data))
        self.first = found[dialogues[0]] if dialogues else None
        self.sample = [found[i] for i in sample]
        self.answered = [Head([found[i] for i in part[:most]], len(part)) for part in answered]


def _unlike_before(rows: np.ndarray) -> np.ndarray:
    """``rows`` without those that equal the one before: a row's pieces come one after another."""
    return rows[np.r_[True, rows[1:] != rows[:-1]]] if len(rows) else rows


def _report(store: TokenStore, which: np.ndarray, examples: Examples) -> TokenReport:
    """What became of the rows ``which``, whose pieces are ``examples``."""
    fates = store.rows["fate"][which]
    report = TokenReport(
        rows=len(which), longest_seen=int(store.rows["length"][which].max(initial=0)),
        tokens=int(examples.lengths.sum()), supervised=int(examples.supervised.sum()),
    )  # fmt: skip
    for fate in Fate:
        report.count(fate, int((fates == fate).sum()))
    report.long_texts = int(((fates == Fate.TOO_LONG) & (store.rows["dialogue"][which] == 0)).sum())
    refused, facts = set(which[fates == Fate.REFUSED].tolist()), store.facts
    for row, reason in facts.refused:
        if row in refused and len(report.refused) < REFUSED_SHOWN:
            held = store.rows[row]
            report.refused.append(refusal(facts.files[held["file"]], int(held["number"]), reason))
    return report


def _dropped(store: TokenStore, report: TokenReport) -> dict[str, int]:
    return {
        "unreadable": store.facts.skipped_count - store.repeated, "repeated": store.repeated,
        "too-long": report.too_long, "unrenderable": report.refused_count, "unsupervised": report.no_supervised,
        "weightless": report.weightless,
    }  # fmt: skip


def _warn_of_split(before: HeldOut, drawn: tuple[np.ndarray, np.ndarray] | None, sink: Sink) -> None:
    """What became of the rows that the run held out at its start, now that its data is another."""
    if drawn is None:
        sink(ev.Warn(message=Message("events.held-out-gone")))
        return
    counts = tuple(
        Message(code, left=len(at), rows=int((before.parts == part).sum()))
        for at, part, code in (
            (drawn[0], VALIDATION, "events.held-out-validation"), (drawn[1], TEST, "events.held-out-test"),
        )
        if (before.parts == part).any()
    )  # fmt: skip
    if counts:
        sink(ev.Warn(message=Message("events.held-out-kept", counts=counts)))


def _warn_of_measuring(rows: np.ndarray, examples: Examples, code: str, sink: Sink) -> None:
    if len(rows) and not len(examples):
        sink(ev.Warn(message=Message(code, rows=len(rows))))


def _warn_of_replayed(equal: int, rows: int, left: int, dataset: DatasetSection, sink: Sink) -> None:
    """That ``equal`` of new rows are replayed too and so not held out; ``left`` are, of all ``rows``."""
    if not equal or not sum(wanted_rows(rows, dataset)):
        return
    some, none = Message("events.rows-replayed", rows=equal, left=left), Message("events.all-replayed", rows=equal)
    sink(ev.Warn(message=some if left else none))


def _warn_of_unwritten(renderer: Renderer, sample: Sequence[Row], sink: Sink) -> None:
    """That the template leaves turns out, which nobody would see in the losses."""
    dialogues = [row for row in sample if row.kind == "messages"]
    rows, roles = unwritten_of(dialogues, renderer)
    if not rows:
        return
    if roles == ("system",):
        sink(ev.Warn(message=Message("events.turns-unwritten-system", rows=rows, of=len(dialogues))))
    else:
        sink(ev.Warn(message=Message("events.turns-unwritten", rows=rows, of=len(dialogues), roles=roles)))


def _warn(store: TokenStore, report: TokenReport, sink: Sink) -> None:
    """Say what was left out: silence about lost rows is the most common complaint about trainers."""
    facts = store.facts
    for code, count in facts.remarks.items():
        if _is_grave(code):
            found = CATALOGUE[code]
            what, why = Message.from_json(found.title), Message.from_json(found.why)
            sink(ev.Warn(message=Message("events.rows-noted", rows=count, what=what, why=why)))
    for message in _left_out(report, facts, store.repeated):
        sink(ev.Warn(message=message))


def _left_out(report: TokenReport, facts: Facts, repeated: int) -> Iterator[Message]:
    if facts.skipped:
        first = facts.skipped[0]
        yield Message(
            "events.rows-unreadable", rows=facts.skipped_count - repeated, file=first.file, row=first.row,
            reason=first.reason,
        )  # fmt: skip
    if report.too_long:
        code = "events.rows-too-long-cut" if report.answer_cut else "events.rows-too-long"
        yield Message(
            code, dropped=report.too_long, rows=report.rows, longest=report.longest_seen, cut=report.answer_cut
        )
    if report.refused_count:
        yield Message(
            "events.rows-unrenderable", rows=report.refused_count, first=report.refused[0], cure=facts.hints[0]
        )
    if report.no_supervised:
        yield Message("events.rows-unsupervised", rows=report.no_supervised)
    if report.weightless:
        yield Message("events.rows-weightless", rows=report.weightless)


def _noted(code: str, rows: int) -> Message:
    return Message("events.rows-with", rows=rows, what=Message.from_json(CATALOGUE[code].title))


def _is_grave(code: str) -> bool:
    return CATALOGUE[code].severity != "note"


def file_hashes(config: RunConfig) -> dict[str, str]:
    """SHA-256 of each data file by its path, for the record of what an adapter has seen; not of those gone since."""
    hashes: dict[str, str] = {}
    for source in config.data:
        with suppress(TunedeckError, OSError):
            hashes |= {str(path): file_hash.sha256_of(path) for path in run_source.files(source)}
    return hashes
