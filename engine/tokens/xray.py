"""Looks at single rows as the training does, and says of each what is right and what is not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise

from engine.common.clean_text import shorten
from engine.config.schema import DatasetSection
from engine.data.rows.messages import Message, Row
from engine.data.token_view.form import MOST_TOKENS, Part, Piece, State, Verdict, Xray
from engine.data.token_view.form import Fate as Becomes
from engine.memory.job import padded_length
from engine.messages.message import Message as Said
from engine.tokens.examples import Fate, Rendered, rendered
from engine.tokens.render import NOT_TRAINED, Renderer, RenderError
from engine.tokens.token_text import TokenText, WrittenSpecials, told
from engine.tokens.unwritten import unwritten_turns

SIDES: dict[str, tuple[Becomes, str]] = {
    "train": ("trained", "xray.is-trained"), "heldout": ("heldout", "xray.is-heldout"),
    "test": ("test", "xray.is-test"),
    "repeated": ("left-out", "xray.dropped-repeated"), "": ("used", "xray.is-used"),
}  # fmt: skip
"""What becomes of a row that can be used, by the side of the split, and the sentence that says so."""
_WHY_LEFT_OUT = {
    Fate.TOO_LONG: "xray.left-out-long", Fate.ANSWER_CUT: "xray.left-out-cut",
    Fate.NOT_TRAINED: "xray.left-out-untrained", Fate.WEIGHTLESS: "xray.left-out-weightless",
    Fate.REPEATED: "xray.left-out-repeated",
}  # fmt: skip
_MOST_WORDS = 20_000
_SPACE = re.compile(r"\s+")


class Looker:
    """Looks at rows with one renderer. ``pad_id`` fills micro-batches up; sources have weights by their names."""

    def __init__(
        self,
        renderer: Renderer,
        pad_id: int,
        dataset: DatasetSection,
        source_weights: Mapping[str, float] | None = None,
    ) -> None:
        self._renderer, self._pad, self._dataset = renderer, pad_id, dataset
        self._source_weights = dict(source_weights or {})
        self._text = TokenText(renderer.tokenizer)
        self._specials = WrittenSpecials(renderer.tokenizer)

    def look(self, row: Row, side: str = "train", most_tokens: int = MOST_TOKENS) -> Xray:
        """``row`` as the training takes it, if it is used: for ``side``, a key of SIDES."""
        made = rendered(row, self._renderer, self._dataset)
        try:
            ids, labels = self._all_of(row, made)
        except RenderError as error:
            return unused(row, Said("xray.left-out", reason=error.reason), self._written(row))
        fate, why = SIDES[side]
        if made.fate is not Fate.USED:
            fate, why = "left-out", _WHY_LEFT_OUT[made.fate]
        if made.fate is Fate.TOO_LONG and row.kind == "text":
            why = "xray.left-out-long-text"
        counts = row.weight * self._source_weights.get(row.source, 1.0)
        verdicts = (
            self._begin(row, ids),
            self._stop(row, labels),
            self._whole(row, labels, made),
            self._tokens(labels, made),
            *self._turns(row, ids, labels),
            *self._written(row),
            Verdict("fate", made.fate is Fate.USED, Said(why)),
            *((Verdict("weight", True, Said("xray.weight", weight=counts)),) if counts not in (0.0, 1.0) else ()),
        )
        parts = tuple(self._parts(ids, labels, made, most_tokens))
        return Xray(row.file, row.number, row.source, fate, verdicts, parts)

    def _all_of(self, row: Row, made: Rendered) -> tuple[list[int], list[int]]:
        """Ids and labels before anything of the row was cut or left out."""
        if len(made.pieces) == 1 and len(made.pieces[0][0]) == made.length:
            return made.pieces[0][0].tolist(), made.pieces[0][1].tolist()
        return self._renderer.render(row, self._dataset.train_on)

    # What is shown

    def _parts(self, ids: list[int], labels: list[int], made: Rendered, most_tokens: int) -> Iterator[Part]:
        if not made.pieces:
            yield self._part(ids, labels, min(self._dataset.max_length, len(ids)), 0, most_tokens)
        for taken, marked in made.pieces:
            whole = taken.tolist() + ids[len(taken) :] if len(made.pieces) == 1 else taken.tolist()
            yield self._part(whole, marked.tolist(), len(taken), padded_length(len(taken)), most_tokens)
            most_tokens = max(0, most_tokens - len(taken))

    def _part(self, ids: list[int], labels: list[int], taken: int, padded: int, most_tokens: int) -> Part:
        """A part with the first ``taken`` of ``ids``; those behind are cut off."""
        states: list[State] = ["trained" if at and labels[at] != NOT_TRAINED else "context" for at in range(taken)]
        trained = states.count("trained")
        states += ["cut"] * (len(ids) - taken)
        filled = [self._pad] * max(0, padded - taken)
        every, states = [*ids[:most_tokens], *filled], states[:most_tokens]
        states += ["padding"] * len(filled)
        pieces: list[Piece] = []
        start = 0
        for state, run in groupby(states):
            stop = start + len(list(run))
            if state == "padding":
                pieces.append(Piece(tuple(filled), self._text.bytes_of(self._pad).decode("utf-8", "replace"), state))
            else:
                pieces += self._pieces(every[start:stop], state)
            start = stop
        return Part(tuple(pieces), len(ids), trained, padded, max(0, len(ids) - most_tokens))

    def _pieces(self, ids: list[int], state: State) -> Iterator[Piece]:
        at = 0
        for count, text in self._text.grouped(ids):
            yield Piece(tuple(ids[at : at + count]), text, state, ids[at] in self._text.special)
            at += count

    # What is said

    def _begin(self, row: Row, ids: list[int]) -> Verdict:
        bos, name = self._renderer.tokenizer.bos_token_id, self._renderer.tokenizer.bos_token
        if bos is None:
            return Verdict("begin", True, Said("xray.begin-none"))
        if any(a == b == bos for a, b in pairwise(ids)):
            return Verdict("begin", False, Said("xray.begin-twice", token=name))
        count = ids.count(bos)
        if not count:
            code = "xray.begin-not-in-template" if row.kind == "messages" else "xray.begin-not-by-tokenizer"
            return Verdict("begin", True, Said(code, token=name))
        if ids[0] != bos:
            return Verdict("begin", False, Said("xray.begin-late", token=name))
        if count == 1:
            return Verdict("begin", True, Said("xray.begin-once", token=name))
        return Verdict("begin", True, Said("xray.begin-often", token=name, count=count))

    def _stop(self, row: Row, labels: list[int]) -> Verdict:
        trained = [label for label in labels if label != NOT_TRAINED]
        if not trained:
            return Verdict("stop", False, Said("xray.stop-none"))
        name = str(self._renderer.tokenizer.convert_ids_to_tokens(trained[-1]))
        if trained[-1] in self._renderer.stops:
            return Verdict("stop", True, Said("xray.stop-trained", token=name))
        if row.kind == "messages" and self._dataset.train_on == "all":
            return Verdict("stop", True, Said("xray.stop-passed"))
        return Verdict("stop", False, Said("xray.stop-other", token=name))

    def _whole(self, row: Row, labels: list[int], made: Rendered) -> Verdict:
        limit, length = self._dataset.max_length, len(labels)
        if length <= limit:
            return Verdict("whole", True, Said("xray.whole", tokens=length, limit=limit))
        if len(made.pieces) > 1:
            said = Said("xray.whole-in-pieces", tokens=length, pieces=len(made.pieces), limit=limit)
            return Verdict("whole", True, said)
        last = max((at for at, label in enumerate(labels) if label != NOT_TRAINED), default=0)
        if not made.pieces:
            code = "xray.answer-too-long" if row.kind == "messages" else "xray.text-too-long"
            return Verdict("whole", False, Said(code, token=last + 1, limit=limit))
        kept = len(made.pieces[0][0])
        if last < kept:
            return Verdict("whole", True, Said("xray.whole-answers", cut=length - kept))
        return Verdict("whole", False, Said("xray.cut-after", kept=kept, tokens=length))

    def _tokens(self, labels: list[int], made: Rendered) -> Verdict:
        taken = [marked.tolist() for _, marked in made.pieces] or [labels]
        count = sum(map(len, taken))
        trained = sum(label != NOT_TRAINED for piece in taken for label in piece[1:])
        code = "xray.tokens-trained" if made.pieces else "xray.tokens-would-be"
        return Verdict("tokens", bool(trained), Said(code, trained=trained, tokens=count, share=trained / count))

    def _turns(self, row: Row, ids: list[int], labels: list[int]) -> Iterator[Verdict]:
        """Whether what is trained says what the assistant's turns say, by reading it back."""
        if row.kind == "text":
            return
        train_on = self._dataset.train_on
        marked = [
            (at, each.untrained)
            for at, each in enumerate(row.messages)
            if each.untrained and _may_train(each, train_on)
        ]
        for at, mark in marked:
            yield Verdict("marked", True, Said("xray.turn-marked", turn=at + 1, mark=shorten(mark, 40)))
        if train_on == "all":
            if marked:
                return
            all_of_it = NOT_TRAINED not in labels
            yield Verdict("turns", all_of_it, Said("xray.all-trained" if all_of_it else "xray.not-all-trained"))
            return
        turns = [at for at, message in enumerate(row.messages) if message.role == "assistant" and at > 0]
        turns = [at for at in (turns[-1:] if train_on == "last" else turns) if not row.messages[at].untrained]
        said = self._renderer.tokenizer.decode(
            [i for i, label in zip(ids, labels, strict=True) if label != NOT_TRAINED]
        )
        text, position = _bare(said), 0
        for at in turns:
            ends = []
            for part in _parts_of(row.messages[at]):
                found = text.find(_bare(part), position)
                if found < 0:
                    yield Verdict("turns", False, Said("xray.turn-changed", turn=at + 1, lost=shorten(part, 30)))
                    return
                ends.append(found + len(_bare(part)))
            position = max(ends)
        if not turns:
            return
        if train_on == "last":
            yield Verdict("turns", True, Said("xray.last-answer-whole"))
        elif len(turns) == 1:
            yield Verdict("turns", True, Said("xray.other-answer-whole" if marked else "xray.answer-whole"))
        else:
            code = "xray.other-answers-whole" if marked else "xray.answers-whole"
            yield Verdict("turns", True, Said(code, answers=len(turns)))

    def _written(self, row: Row) -> tuple[Verdict, ...]:
        found = self._specials.within(row)
        said = [Said("xray.specials-written", tokens=told(found))] if found else []
        for at in unwritten_turns(row, self._renderer):
            said.append(Said("xray.turn-unwritten", turn=at + 1, role=row.messages[at].role))
        return tuple(Verdict("written", False, each) for each in said)


def unused(row: Row, why: Said, verdicts: Sequence[Verdict] = ()) -> Xray:
    """A row that has no tokens in the training, with its own words instead."""
    words = "\n".join(f"{message.role}: {message.text}" for message in row.messages) or row.text
    made = (*verdicts, Verdict("fate", False, why))
    return Xray(row.file, row.number, row.source, "left-out", made, (), words[:_MOST_WORDS])


def _may_train(message: Message, train_on: str) -> bool:
    return train_on == "all" or message.role == "assistant"


def _parts_of(message: Message) -> tuple[str, ...]:
    return (message.reasoning, message.content, *(call.name for call in message.calls))


def _bare(text: str) -> str:
    """``text`` without blank space and in one form of its letters: templates trim, tokenizers normalise."""
    return _SPACE.sub("", unicodedata.normalize("NFKC", text))


def unreadable(file: str, number: int, source: str, why: Said) -> Xray:
    """A row that is none: what stands there can't be read."""
    return Xray(file, number, source, "unreadable", (Verdict("fate", False, why),))
