"""What a source is like as a whole: its languages, and its labels where the answers are labels."""

from __future__ import annotations

from collections import Counter

from engine.common.clean_text import shorten
from engine.data.batches import DROPPED, Rows
from engine.data.quality.catalogue import CATALOGUE
from engine.data.quality.findings import Finding, SourceFacts
from engine.data.rows.labels import LONGEST_LABEL, MOST_LABELS, are_labels
from engine.data.rows.messages import Row
from engine.data.similarity.compare import answer_of
from engine.data.similarity.language import languages
from engine.messages.message import Message

LANGUAGE_ROWS = 1000
_LANGUAGE_CHARACTERS = 600
_UNEVEN = 10
_FOREIGN = 0.1  # share from which another language is worth a word; less is within the error of telling


class SourceStats:
    """Collects as rows pass; the language of one in ``language_every`` is told, chosen by content."""

    def __init__(self, name: str, language_every: int = 1) -> None:
        self.name, self._language_every = name, language_every
        self.format = ""
        self.unused: list[str] = []
        self.rows = self.left_out = self.characters = self.characters_left_out = 0
        self._texts: list[str] = []
        self._answers: Counter[str] | None = Counter()

    def see(self, rows: Rows) -> None:
        if rows.detected is not None:
            self.format = self.format or rows.detected.format
        self.unused = list(dict.fromkeys((*self.unused, *rows.unused)))
        for text, why in zip(rows.texts, rows.why, strict=True):
            if why and why != DROPPED:
                self.left_out += 1
                self.characters_left_out += len(text)
        for row, text, (content, _) in zip(rows.used, rows.used_texts, rows.keys, strict=True):
            self._add(row, text)
            # Samples are drawn by content: every tenth row may be of one kind.
            if content % self._language_every == 0:
                self._texts.append(text[:_LANGUAGE_CHARACTERS])

    def _add(self, row: Row, text: str) -> None:
        self.rows += 1
        self.characters += len(text)
        if self._answers is not None:
            answer = answer_of(row)
            self._answers[answer] += 1
            if row.kind == "text" or len(answer) > LONGEST_LABEL or len(self._answers) > MOST_LABELS:
                self._answers = None

    def merge(self, other: SourceStats) -> None:
        self.format = self.format or other.format
        self.unused = list(dict.fromkeys((*self.unused, *other.unused)))
        self.rows += other.rows
        self.left_out += other.left_out
        self.characters_left_out += other.characters_left_out
        self.characters += other.characters
        self._texts += other._texts
        if self._answers is not None and other._answers is not None:
            self._answers += other._answers
        if other._answers is None or len(self._answers or ()) > MOST_LABELS:
            self._answers = None

    def facts(self) -> SourceFacts:
        labels = self._labels()
        return SourceFacts(
            self.name,
            self.format,
            self.rows,
            self.left_out,
            self.characters,
            languages(self._texts),
            dict(labels),
            tuple(self.unused),
        )

    def findings(self, facts: SourceFacts) -> list[Finding]:
        made = []
        shares = {code: share for code, share in facts.languages.items() if share >= _FOREIGN}
        if len(shares) > 1:
            count = round(self.rows * (1 - max(facts.languages.values())))
            made.append(self._finding("languages", count, Message.literal(_shares(shares))))
        if len(facts.labels) > 1:
            made += self._of_labels(Counter(facts.labels))
        return made

    def _of_labels(self, labels: Counter[str]) -> list[Finding]:
        made = []
        ranked = labels.most_common()
        (most, highest), (least, lowest) = ranked[0], ranked[-1]
        if highest >= _UNEVEN * lowest:
            detail = Message(
                "quality.label-counts", most=shorten(most, 20), highest=highest, least=shorten(least, 20), lowest=lowest
            )
            made.append(self._finding("label_balance", lowest, detail))
        spelt: dict[str, list[str]] = {}
        for label in labels:
            spelt.setdefault(" ".join(label.casefold().split()), []).append(label)
        twice = [each for each in spelt.values() if len(each) > 1]
        if twice:
            rarer = sum(sum(sorted(labels[label] for label in each)[:-1]) for each in twice)
            pairs = [
                Message("quality.labels-pair", labels=[repr(shorten(label, 20)) for label in each])
                for each in twice[:3]
            ]
            made.append(self._finding("label_typos", rarer, Message("quality.labels-alike", pairs=pairs)))
        return made

    def _labels(self) -> Counter[str]:
        answers = self._answers or Counter()
        return Counter(dict(answers.most_common())) if are_labels(len(answers), self.rows) else Counter()

    def _finding(self, code: str, count: int, detail: Message) -> Finding:
        entry = CATALOGUE[code]
        return Finding(code, entry.severity, self.name, count, self.rows, entry.title, entry.why, detail)


def _shares(shares: dict[str, float]) -> str:
    return ", ".join(f"{code} {share:.0%}" for code, share in shares.items())
