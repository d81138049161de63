"""Which metrics suit the rows: finds the kind of task from the answers that are wanted, and says by what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from engine.config.metric_names import USER_METRIC, MetricName
from engine.config.schema import EvalSection
from engine.messages.message import Message
from engine.metrics.structured import is_bare_number, is_call, is_marked_number, is_record
from engine.metrics.texts import label, said, words

Kind = Literal["classification", "json", "number", "tools", "short", "free", "text"]
OF_KIND: dict[Kind, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "json": ("json_values", "json_exact", "json_keys", "json_valid"),
    "number": ("exact_number",),
    "tools": ("tool_arguments", "tool_name"),
    "short": ("exact_match", "token_f1"),
    "free": ("chrf", "rouge_l", "bleu"),
    "text": ("bits_per_byte", "perplexity"),
}
"""The metrics of a kind of task; the first one decides."""
_NEARLY_ALL = 0.95
_LEAST_ROWS, _MOST_CLASSES, _ROWS_A_CLASS = 10, 100, 4
_CLASS_WORDS, _CLASS_CHARACTERS = 8, 80
_SHORT_WORDS = 12


def named(section: EvalSection) -> list[str]:
    """The metrics that a config names; none where they are left to the rows."""
    return [] if section.metrics == "auto" else list(section.metrics)


@dataclass(frozen=True)
class Choice:
    """``metrics`` in the order of a table, the first decides; ``reason`` says why these.

    ``labels`` are the classes as they are written most often, of a classification alone. ``notes`` say what is odd
    about the references.
    """

    kind: Kind
    metrics: tuple[str, ...]
    reason: Message
    labels: tuple[str, ...] = ()
    notes: tuple[Message, ...] = ()

    @property
    def primary(self) -> str:
        return self.metrics[0]


def choose(
    references: Sequence[str], trained: Sequence[str] = (), section: EvalSection | None = None
) -> Choice:  # fmt: skip
    """The metrics of rows whose answers should be ``references``; none at all are rows of plain text.

    ``trained`` are answers of training rows, all or a sample: they help to see what the task is, and classes that stand
    in none of them are said. ``section`` names metrics or leaves them to the rows; the user's own metric decides unless
    the list says otherwise.
    """
    found = _found(references, trained)
    section = section or EvalSection()
    wanted, metric_file = section.metrics, section.metric_file
    if wanted != "auto":
        own = [USER_METRIC] if metric_file and USER_METRIC not in wanted else []
        named = tuple(dict.fromkeys([*own, *(name for name in wanted if name in get_args(MetricName))]))
        if not named:
            return found
        labels = found.labels or (_spellings([*references, *trained]) if {"accuracy", "macro_f1"} & {*named} else ())
        return replace(found, metrics=named, reason=Message("metrics.set-by-you"), labels=labels)
    if metric_file:
        return replace(found, metrics=(USER_METRIC, *found.metrics))
    return found


def _found(references: Sequence[str], trained: Sequence[str]) -> Choice:
    every = [text for text in map(said, [*references, *trained]) if text]
    empty = sum(not said(text) for text in references)
    notes = (Message("metrics.empty-references", rows=empty, of=len(references)),) if empty else ()
    if not every:
        code = "metrics.only-empty" if references else "metrics.is-text"
        return Choice("text", OF_KIND["text"], Message(code), notes=notes)

    def share(count: int) -> bool:
        return count >= _NEARLY_ALL * len(every)

    calling = sum(map(is_call, every))
    if 2 * calling >= len(every):
        return _choice("tools", Message("metrics.is-tools", rows=calling, of=len(every)), notes)
    records = sum(map(is_record, every))
    if share(records):
        broken = [Message("metrics.broken-references", rows=len(every) - records)] if records < len(every) else []
        return _choice("json", Message("metrics.is-json", rows=records, of=len(every)), (*notes, *broken))
    marked = sum(map(is_marked_number, every))
    if share(marked):
        return _choice("number", Message("metrics.is-marked-number", rows=marked, of=len(every)), notes)
    classes = _classes(every)
    if classes:
        found = _choice("classification", Message("metrics.is-classes", classes=len(classes), rows=len(every)), notes)
        return replace(found, labels=classes, notes=(*notes, *_odd_classes(references, trained, classes)))
    bare = sum(map(is_bare_number, every))
    if share(bare):
        return _choice("number", Message("metrics.is-number", rows=bare, of=len(every)), notes)
    lengths = sorted(len(words(text[:2000])) for text in every)
    longest = lengths[min(len(lengths) - 1, int(0.9 * len(lengths)))]
    if longest <= _SHORT_WORDS:
        return _choice("short", Message("metrics.is-short", words=longest), notes)
    return _choice("free", Message("metrics.is-free", words=lengths[len(lengths) // 2]), notes)


def _choice(kind: Kind, reason: Message, notes: tuple[Message, ...]) -> Choice:
    return Choice(kind, OF_KIND[kind], reason, notes=notes)


def _classes(texts: Sequence[str]) -> tuple[str, ...]:
    """The classes that ``texts`` are of, () where they are no classification: few short answers, each many times."""
    if len(texts) < _LEAST_ROWS:
        return ()
    counts = Counter(map(label, texts))
    if len(counts) > min(_MOST_CLASSES, len(texts) // _ROWS_A_CLASS):
        return ()
    spelt = _spellings(texts)
    fits = all(len(each) <= _CLASS_CHARACTERS and len(words(each)) <= _CLASS_WORDS for each in spelt)
    return spelt if fits and not any("\n" in each for each in spelt) else ()


def _spellings(texts: Sequence[str]) -> tuple[str, ...]:
    """Each class as it is written most often, in the order of the alphabet."""
    by_class: dict[str, Counter[str]] = {}
    for text in map(said, texts):
        if text:
            by_class.setdefault(label(text), Counter())[text] += 1
    return tuple(by_class[each].most_common(1)[0][0] for each in sorted(by_class))


def _merged(texts: Sequence[str]) -> list[list[str]]:
    """The spellings that count as one class although they differ in more than blanks, for each such class."""
    by_class: dict[str, set[str]] = {}
    for text in map(said, texts):
        if text:
            by_class.setdefault(label(text), set()).add(" ".join(text.split()))
    return [sorted(each)[:4] for each in by_class.values() if len(each) > 1]


def _odd_classes(references: Sequence[str], trained: Sequence[str], classes: Collection[str]) -> list[Message]:
    notes = []
    known = set(map(label, map(said, trained)))
    spelt = {label(each): each for each in classes}
    wanted = Counter(label(said(text)) for text in references if said(text))
    if len(wanted) == 1 and wanted.total() > 1:
        notes.append(Message("metrics.one-class", label=spelt[next(iter(wanted))]))
    merged = _merged([*references, *trained])
    if merged:
        notes.append(Message("metrics.merged-classes", classes=len(merged), spellings=list(merged[0])))
    unseen = sorted(each for each in wanted if each not in known) if trained else []
    if unseen:
        rows = sum(wanted[each] for each in unseen)
        some = [spelt[each] for each in unseen[:8]]
        note = Message("metrics.unseen-classes", labels=some, classes=len(unseen), rows=rows, looked=len(trained))
        notes.append(note)
    return notes
