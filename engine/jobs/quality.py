"""What a tokenizer and its template make of a sample of rows: lengths, stop tokens, beginnings, unknown pieces."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common.child import Say
from engine.config.schema import RunConfig
from engine.data.quality.catalogue import CATALOGUE
from engine.data.quality.findings import (
    MOST_PLACES,
    Finding,
    LanguageTokens,
    Lengths,
    Place,
    Remedy,
    Report,
    ordered,
    to_json,
)
from engine.data.rows.messages import Row, whole_text
from engine.data.similarity.language import language_of
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.tokens.render import RenderError

_TOLD_EVERY = 100
_BINS = 8
_ROUND_TO = 64
_FEWEST_ROWS = 10
_NEEDED = (50, 90, 95, 99, 100)
_IDEOGRAPHS = ("zh", "ja", "ko")
# Tokens a character above which a language is split nearly letter by letter: English needs about 0.25, Chinese 0.7.
_FINE, _FINE_IDEOGRAPHS = 0.6, 1.3


def answer(config: RunConfig, say: Say) -> dict[str, Any]:
    """A Report with lengths, languages and findings of the rows in ``config.data[0].path``, as the doctor's pass
    leaves them there: records with their source.
    """
    from engine.data.rows.records import row_of
    from engine.models.checks import longest_row
    from engine.models.local import is_here
    from engine.tokens.render import Renderer
    from engine.tokens.tokenizer import locate, words_of

    if not is_here(config.model):
        return {"kind": "unavailable", "message": Message("jobs.lengths-later", model=config.model.name_or_path)}
    records = [json.loads(line) for line in Path(config.data[0].path).read_text("utf-8").splitlines()]
    say("progress", done=0, total=len(records), message=Message("jobs.loading-tokenizer"))
    card = locate(config.model, lambda done, total, message: None)
    words = words_of(config, card)
    most = longest_row(card)
    if most and config.dataset.max_length > most:
        fits = config.dataset.model_copy(update={"max_length": most})
        config = config.model_copy(update={"dataset": fits})
    look = _Look(config, Renderer(words.tokenizer, words.stops), most or card.max_position_embeddings)
    for done, record in enumerate(records):
        if done % _TOLD_EVERY == 0:
            say("progress", done=done, total=len(records), message=Message("jobs.tokenizing"))
        look.at(row_of(record, record["source"]))
    return {"kind": "result", "report": to_json(look.report())}


class _Look:
    """Collects what rows look like as tokens."""

    def __init__(self, config: RunConfig, renderer: Any, most_positions: int) -> None:
        from engine.tokens.token_text import WrittenSpecials

        self._dataset, self._renderer, self._most = config.dataset, renderer, most_positions
        self._specials = WrittenSpecials(renderer.tokenizer)
        self._rows: Counter[str] = Counter()
        self._places: dict[tuple[str, str], list[Place]] = defaultdict(list)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lengths: dict[str, list[int]] = defaultdict(list)
        self._dialogues: Counter[str] = Counter()
        self._answer_cut: Counter[str] = Counter()
        self._supervised = 0
        self._cures: dict[str, Message] = {}
        self._split: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def at(self, row: Row) -> None:
        from engine.tokens.render import NOT_TRAINED, RenderError
        from engine.tokens.token_text import told

        self._rows[row.source] += 1
        self._dialogues[row.source] += row.kind == "messages"
        if written := self._specials.within(row):
            self._note("written_specials", row, told(written))
        self._unwritten(row)
        try:
            ids, labels = self._renderer.render(row, self._dataset.train_on)
        except RenderError as error:
            self._refused(row, error)
            return
        self._lengths[row.source].append(len(ids))
        trained = [label for label in labels[1:] if label != NOT_TRAINED]
        self._supervised += len(trained)
        if not trained:
            self._note("no_supervised", row, Message("quality.none-trained", tokens=len(ids)))
        elif row.kind == "messages" and trained[-1] not in self._renderer.stops:
            token = self._renderer.tokenizer.convert_ids_to_tokens(trained[-1])
            self._note("stop_token", row, Message("quality.last-token", token=repr(token)))
        bos = self._renderer.tokenizer.bos_token_id
        if bos is not None and ids[:2] == [bos, bos]:
            self._note("double_bos", row, self._renderer.tokenizer.bos_token)
        self._length(row, ids, labels, NOT_TRAINED)
        self._language(row)

    def _unwritten(self, row: Row) -> None:
        """Note the first turn that the template leaves out, and where it helps that it can stand in the question."""
        from engine.data.fixes import row_change
        from engine.tokens.unwritten import unwritten_turns

        places = unwritten_turns(row, self._renderer)
        if not places:
            return
        turn, hint = row.messages[places[0]], None
        merged = row_change(["merge_system_turn"])(row)
        if merged is not None and not unwritten_turns(merged, self._renderer):
            names = ", ".join(f'"{name}"' for name in [*self._dataset.fixes, "merge_system_turn"])
            hint = Message("tokens.cure-merge", fixes=names)
        said = Message("quality.turn-unwritten", turn=places[0] + 1, role=turn.role)
        self._note("unwritten_turns", row, said, hint)

    def _refused(self, row: Row, error: RenderError) -> None:
        from engine.tokens.examples import cure

        if error.code not in self._cures:
            self._cures[error.code] = cure(row, self._renderer, self._dataset.train_on, self._dataset.fixes)
        self._note("refused", row, error.reason, self._cures[error.code])

    def _length(self, row: Row, ids: Sequence[int], labels: Sequence[int], not_trained: int) -> None:
        limit = self._dataset.max_length
        if len(ids) <= limit:
            return
        is_cut = row.kind == "messages" and any(label != not_trained for label in labels[limit:])
        self._answer_cut[row.source] += is_cut
        if row.kind == "text" and self._dataset.too_long == "split":
            return
        code = "quality.answer-too-long" if is_cut else "quality.row-tokens"
        self._note("too_long", row, Message(code, tokens=len(ids)))

    def _language(self, row: Row) -> None:
        """Count how the row's own words are split, without the template around them."""
        text, tokenizer = whole_text(row), self._renderer.tokenizer
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        unknown, eos = tokenizer.unk_token_id, tokenizer.eos_token_id  # families without the one name the other
        pieces = 0 if unknown is None or unknown == eos else sum(token == unknown for token in ids)
        held = self._split[row.source, language_of(text[:1000])]
        for at, value in enumerate((1, len(text), len(ids), pieces)):
            held[at] += value
        if pieces:
            self._note("unknown_pieces", row, Message("quality.unknown-of", unknown=pieces, tokens=len(ids)))

    def _note(self, code: str, row: Row, seen: Message | str, hint: Message | None = None) -> None:
        self._counts[code, row.source] += 1
        if len(self._places[code, row.source]) < MOST_PLACES:
            self._places[code, row.source].append(Place(row.file, row.number, seen, hint))

    def report(self) -> Report:
        languages = tuple(
            LanguageTokens(source, language, *values)
            for (source, language), values in sorted(self._split.items(), key=lambda item: -item[1][0])
        )
        findings = [self._finding(code, source) for code, source in self._counts] + list(_costly(languages))
        return Report((), ordered(findings), (), self._all_lengths(), languages)

    def _finding(self, code: str, source: str) -> Finding:
        entry, count, of = CATALOGUE[code], self._counts[code, source], self._rows[source]
        made = Finding(
            code, entry.severity, source, count, of, entry.title, entry.why, places=tuple(self._places[code, source])
        )
        if code == "too_long":
            return replace(made, detail=self._what_is_cut(source), remedies=self._longer(source))
        if code == "stop_token":
            # One row that ends otherwise is a row; all of them are the template.
            return replace(made, of=self._dialogues[source], severity="fatal" if count == made.of else "warning")
        if code in ("refused", "no_supervised") and sum(self._counts[code, each] for each in self._rows) == sum(
            self._rows.values()
        ):
            return replace(made, severity="fatal")
        return made

    def _what_is_cut(self, source: str) -> Message | None:
        cut = self._answer_cut[source]
        code = {"drop": "quality.long-dropped", "truncate": "quality.long-cut", "split": "quality.long-split"}
        return Message(code[self._dataset.too_long], cut=cut) if cut else None

    def _longer(self, source: str) -> tuple[Remedy, ...]:
        """max_length for 99% of all rows, as far as the model has positions; splitting what is plain text only."""
        every = sorted(length for lengths in self._lengths.values() for length in lengths)
        wanted = -(-_needed(every, 99) // _ROUND_TO) * _ROUND_TO
        wanted = min(wanted, self._most) if self._most else wanted
        left = sum(length > wanted for length in self._lengths[source])
        count = self._counts["too_long", source]
        made = []
        if wanted > self._dataset.max_length and left < count:
            raised = Message("quality.raise-max-length", length=wanted, share=1 - left / self._rows[source])
            made.append(Remedy(raised, count, left, settings={"dataset.max_length": wanted}))
        if not self._dialogues[source] and self._dataset.too_long != "split":
            made.append(Remedy(Message("quality.split-text"), count, 0, settings={"dataset.too_long": "split"}))
        return tuple(made)

    def _all_lengths(self) -> Lengths | None:
        every = sorted(length for lengths in self._lengths.values() for length in lengths)
        if not every:
            return None
        return Lengths(
            self._dataset.max_length, len(every), sum(every), self._supervised / max(1, sum(every)),
            {str(share): _needed(every, share) for share in _NEEDED}, tuple(_bins(every)),
        )  # fmt: skip


def _needed(lengths: Sequence[int], percent: int) -> int:
    """The length within which ``percent`` of the ascending ``lengths`` lie."""
    return lengths[max(0, -(-len(lengths) * percent // 100) - 1)]


def _bins(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Counts of ascending ``lengths`` in up to 8 bins that double in width, the last ending at a power of two."""
    end = 1 << max(0, lengths[-1] - 1).bit_length()
    first = max(1, end >> (_BINS - 1))
    below = 0
    while first <= end:
        upto = sum(length <= first for length in lengths)
        yield first, upto - below
        below, first = upto, first * 2


def _costly(languages: Sequence[LanguageTokens]) -> Iterator[Finding]:
    for each in languages:
        limit = _FINE_IDEOGRAPHS if each.language in _IDEOGRAPHS else _FINE
        if each.language and each.rows >= _FEWEST_ROWS and each.tokens_per_character > limit:
            entry = CATALOGUE["costly_language"]
            detail = Message("quality.tokens-per-character", language=each.language, rate=each.tokens_per_character)
            yield Finding(
                "costly_language", entry.severity, each.source, each.rows, each.rows, entry.title, entry.why, detail
            )
