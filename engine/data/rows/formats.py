"""Which format the rows have and which column is what, found from a sample or taken from the config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, get_args

from engine.common.clean_text import clean
from engine.common.errors import DataError
from engine.config.schema import DataSource
from engine.data.rows.beside_text import label_beside, more_beside
from engine.data.rows.contents import refuse_printed, refuse_printed_turns, refuse_unknown
from engine.data.rows.fields import ACCEPTED, BESIDE, FIELDS, TAGS, Format, needed
from engine.data.rows.flags import are_marks
from engine.data.rows.labels import looks_classified, said_of_labels
from engine.data.rows.messages import RawRow
from engine.data.rows.turns import turn_manner
from engine.data.rows.untrainable import refuse_untrainable
from engine.data.rows.unused import holds_something, listed, told
from engine.messages.message import Message

# In the order of trust: turns leave no doubt.
_ORDER: tuple[Format, ...] = ("messages", "sharegpt", "alpaca", "prompt_completion", "classification")
Columns = Mapping[str, list[Any]]
_MOST_NAMED = 20
_RECORDED = Message("rows.recorded")


class ColumnsUnclear(DataError):
    """The columns fit no format, or not the one asked for: a person has to map them."""


@dataclass(frozen=True)
class Detected:
    """The format of a source. ``columns`` maps our field to the file's column; ``confidence`` is 0 to 1.

    ``evidence`` says what the finding rests on, ``is_given`` that the config has it. ``tags`` are a source's own names
    inside turns, ``labels`` the names of its classes by what the rows hold. ``marks`` are columns that say whether a
    row is trained, ``unused`` those of the sample that nothing is read from. What only later rows have is read by its
    name, marks unless ``has_marks`` is false.
    """

    format: Format
    columns: dict[str, str]
    confidence: float
    evidence: Message = _RECORDED
    tags: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    has_marks: bool = True
    is_given: bool = False

    @cached_property
    def known(self) -> frozenset[str]:
        """The columns of which it is settled what they are."""
        return frozenset((*self.columns.values(), *self.marks, *self.unused))

    @cached_property
    def open_fields(self) -> dict[str, str]:
        """Our fields that have no column yet, by the names that later rows may have them under."""
        fields = FIELDS[self.format].items()
        return {name: field for field, (_, names) in fields if field not in self.columns for name in names}


def detect(sample: Sequence[RawRow], source: DataSource) -> Detected:
    """Find the format of ``sample`` (a source's first rows); ``source.format`` and ``source.columns`` win.

    Raises DataError that lists the columns found, what is accepted, and how to map one to the other; and one that
    says why for rows that are known but can't be trained on (preferences, pictures).
    """
    found = _columns(sample)
    given = {name: str(column) for name, column in source.columns.items()}
    _check_tags(source, sample)
    wanted: Format | None = None if source.format == "auto" else source.format
    beside = given if wanted is None and BESIDE.issuperset(given) else {}
    if wanted is None and given == beside:
        refuse_untrainable(found, sample[0].file if sample else "")
    if given != beside and wanted is None:
        wanted = _format_of(given, found, sample)
    if wanted is not None:
        columns = _complete(wanted, given, found, sample)
        made = _made(source, sample, found, wanted, columns, 1.0)
        return replace(made, is_given=source.format != "auto" or bool(given))
    missing = next((column for column in beside.values() if column and column not in found), None)
    if missing is not None:
        raise unknown_columns(sample, found, "rows.no-such-column", column=_short(missing))
    beside = {name: column for name, column in beside.items() if column}
    rest = {name: values for name, values in found.items() if name not in beside.values()}
    for candidate in _ORDER:
        matched = _match(candidate, rest)
        if matched is None or not _shape_fits(candidate, matched, rest, source.tags):
            continue
        for name in needed(candidate):
            refuse_printed_turns(rest, matched[name], sample[0].file)
        usual = all(column == FIELDS[candidate][name][1][0] for name, column in matched.items())
        return _made(source, sample, found, candidate, matched | beside, 0.95 if usual else 0.8)
    return _by_shape(source, found, beside, sample) or _by_text(source, found, rest, beside, sample)


def _by_shape(
    source: DataSource, found: Columns, beside: Mapping[str, str], sample: Sequence[RawRow]
) -> Detected | None:
    """No known name: a column of turns still leaves no doubt."""
    for column, values in found.items():
        manner = turn_manner(values, source.tags)
        if manner is not None:
            candidate: Format = "messages" if manner == "messages" else "sharegpt"
            given = {"messages" if manner == "messages" else "conversations": column, **beside}
            columns = _complete(candidate, given, found, sample)  # with the system text and the tools beside them
            return _made(source, sample, found, candidate, columns, 0.7, by_shape=True)
    return None


def _by_text(
    source: DataSource, found: Columns, rest: Columns, beside: Mapping[str, str], sample: Sequence[RawRow]
) -> Detected:
    """A text with a label, or alone. Beside anything else that may be meant to be learnt it is not guessed at."""
    file = sample[0].file if sample else ""
    refuse_unknown(rest, file)
    for name in rest:
        refuse_printed_turns(rest, name, file)
    by_name = {name.strip().lower(): name for name in reversed(list(rest))}
    known = (*FIELDS["text"]["text"][1], *FIELDS["classification"]["text"][1])
    text = next((by_name[name] for name in known if name in by_name and _are_texts(rest[by_name[name]])), None)
    if text is None:
        raise unknown_columns(sample, found)
    label = label_beside(text, rest)
    if label:
        columns = {"text": text, "label": label, **beside}
        return _made(source, sample, found, "classification", columns, 0.7)
    more = more_beside(text, rest)
    if more or text.strip().lower() not in FIELDS["text"]["text"][1]:
        raise _unclear_text(text, more, file)
    refuse_printed(rest, text, file)
    return _made(source, sample, found, "text", {"text": text, **beside}, 0.95 if text == "text" else 0.8)


def _unclear_text(text: str, more: Sequence[str], file: str) -> ColumnsUnclear:
    """The refusal to guess what is to be learnt of a text and what stands beside it."""
    own, plain = _quoted(text), f"columns = {{text = {_quoted(text)}}}"
    if not more:
        return ColumnsUnclear("rows.unclear-text", path=file, column=_short(text), plain=plain)
    other = _quoted(more[0])
    return ColumnsUnclear(
        "rows.unclear-text-beside", path=file, column=_short(text), beside=[_short(name) for name in more[:5]],
        plain=plain, labels=f"columns = {{text = {own}, label = {other}}}",
        answers=f"columns = {{prompt = {own}, completion = {other}}}",
    )  # fmt: skip


def _are_texts(values: Sequence[Any]) -> bool:
    return not any(isinstance(value, (list, dict)) for value in values)


def _made(
    source: DataSource, sample: Sequence[RawRow], found: Columns, format: Format, columns: dict[str, str],
    confidence: float, by_shape: bool = False,
) -> Detected:  # fmt: skip
    """The finding with its evidence; rows of the sample that lack a needed column lower the confidence."""
    lacking = sum(any(columns[name] not in raw.values for name in needed(format)) for raw in sample)
    has_marks = source.columns.get("weight") != ""  # said to have none: every row counts alike
    marks = tuple(
        name for name in found if has_marks and name not in columns.values() and are_marks(name, found[name])
    )  # fmt: skip
    read = {*columns.values(), *marks}
    names = tuple(name for name, values in found.items() if name not in read and holds_something(values))
    parts = _evidence(columns, marks, names, by_shape)
    if lacking:
        parts.append(Message("rows.lacking", rows=lacking, of=len(sample)))
    if format == "classification":
        said = said_of_labels(found[columns["label"]], source.labels)
        parts.append(said.what)
        confidence = min(confidence, said.confidence)
    confidence = confidence if confidence == 1.0 else round(confidence * (1 - lacking / len(sample)), 2)
    return Detected(
        format,
        columns,
        confidence,
        Message("rows.evidence", parts=parts),
        dict(source.tags),
        dict(source.labels),
        marks,
        names,
        has_marks,
    )


def unknown_columns(
    sample: Sequence[RawRow], found: Mapping[str, object], code: str = "rows.unknown-columns", **args: Any
) -> ColumnsUnclear:
    """The error for columns that fit no format, or not the one asked for (``code`` and ``args`` say which)."""
    names = [_short(name) for name in list(found)[:_MOST_NAMED]]
    return ColumnsUnclear(
        code, path=sample[0].file if sample else "", columns=listed(names, len(found) - _MOST_NAMED),
        accepted=ACCEPTED, example='columns = {prompt = "...", completion = "..."}', **args,
    )  # fmt: skip


def _columns(sample: Sequence[RawRow]) -> dict[str, list[Any]]:
    """Every column of the sample with its values that are not null."""
    found: dict[str, list[Any]] = {}
    for raw in sample:
        for name, value in raw.values.items():
            held = found.setdefault(str(name), [])
            if value is not None and value == value:  # not a number is nothing
                held.append(value)
    return found


def _match(candidate: Format, found: Mapping[str, object]) -> dict[str, str] | None:
    """Our fields to the columns known by their names, whatever the case; None if a needed one is missing."""
    by_name = {name.strip().lower(): name for name in reversed(list(found))}
    columns: dict[str, str] = {}
    for name, (is_needed, names) in FIELDS[candidate].items():
        column = next(
            (by_name[known] for known in names if known in by_name and by_name[known] not in columns.values()), None
        )
        if column is not None:
            columns[name] = column
        elif is_needed:
            return None
    return columns


def _shape_fits(candidate: Format, columns: Mapping[str, str], found: Columns, tags: Mapping[str, str]) -> bool:
    """Names alone mislead: turns must be lists of turns, everything else must not be."""
    if candidate in ("messages", "sharegpt"):
        column = columns["messages" if candidate == "messages" else "conversations"]
        return turn_manner(found[column], tags) == candidate
    if candidate == "classification":
        return looks_classified(found[columns["text"]], found[columns["label"]])
    return True


def _format_of(given: Mapping[str, str], found: Columns, sample: Sequence[RawRow]) -> Format:
    """The format whose fields the mapping in the config names."""
    candidates = [name for name in get_args(Format) if set(given) <= set(FIELDS[name]) and needed(name) & set(given)]
    # {text = ...} alone is plain text; a label makes it a classification.
    fitting = [name for name in candidates if needed(name) <= set(given)] or candidates
    if fitting:
        return fitting[0]  # type: ignore[no-any-return]
    known = sorted({name for fields in FIELDS.values() for name in fields})
    raise unknown_columns(sample, found, "rows.no-field", given=list(given), fields=known)


def _complete(wanted: Format, given: Mapping[str, str], found: Columns, sample: Sequence[RawRow]) -> dict[str, str]:
    """The mapping from the config, with what it leaves out found by name; what it maps to "" has none."""
    fields = FIELDS[wanted]
    for name, column in given.items():
        if name not in fields:
            raise unknown_columns(sample, found, "rows.not-of-format", field=name, format=wanted, fields=list(fields))
        if column not in found and (column or fields[name][0]):
            raise unknown_columns(sample, found, "rows.no-such-column", column=_short(column))
    by_name = {name.strip().lower(): name for name in reversed(list(found))}
    columns = {name: column for name, column in given.items() if column}
    for name, (is_needed, names) in fields.items():
        if name in given:
            continue
        free = [by_name[known] for known in names if known in by_name and by_name[known] not in columns.values()]
        if free:
            columns[name] = free[0]
        elif is_needed:
            raise unknown_columns(sample, found, "rows.field-without-column", field=name, format=wanted)
    return {name: columns[name] for name in fields if name in columns}


def _check_tags(source: DataSource, sample: Sequence[RawRow]) -> None:
    unknown = [tag for tag in source.tags if tag not in TAGS]
    if unknown:
        file = sample[0].file if sample else source.path
        raise DataError("rows.unknown-tag", tag=unknown[0], path=file, known=list(TAGS))


def _evidence(columns: Mapping[str, str], marks: Sequence[str], unused: Sequence[str], by_shape: bool) -> list[Message]:
    used = [
        _short(column) if name == column else Message("rows.column-as", column=_short(column), field=name)
        for name, column in columns.items()
    ]
    parts = [Message("rows.columns-by-shape" if by_shape else "rows.columns-by-name", columns=used)]
    parts += [Message("rows.marks-rows", columns=[_short(name) for name in marks])] if marks else []
    return parts + ([Message("rows.not-used", columns=told(unused))] if unused else [])


def _quoted(name: str) -> str:
    return json.dumps(clean(name[:200], keep_newlines=False), ensure_ascii=False)


def _short(name: str) -> str:
    return clean(name[:200], keep_newlines=False)[:40]
