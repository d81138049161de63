"""Which rows the split keeps together: those of one group, and through equal rows those of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_Word = tuple[int, int]


def unit_words(words: np.ndarray, groups: np.ndarray, learnt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What rows with the hashes ``words`` (n, 2) are drawn by, equal for all of a unit, and which may be held out (n,).

    A group is drawn by its own number, groups that share an equal row by the lowest of theirs. Units with one of the
    groups ``learnt`` (m,) may not be held out.
    """
    import numpy as np

    own = words.copy()
    grouped = groups > 0
    own[grouped, 0], own[grouped, 1] = groups[grouped], 0
    order = np.lexsort((words[:, 1], words[:, 0]))
    equal = (words[order][1:] == words[order][:-1]).all(axis=1)
    parted = (own[order][1:] != own[order][:-1]).any(axis=1)
    at = np.flatnonzero(equal & parted)
    roots = _joined(own[order[at]].tolist(), own[order[at + 1]].tolist())
    if roots:
        heads = np.array([head for head, _ in roots], np.uint64)
        for row in np.flatnonzero(np.isin(own[:, 0], heads)).tolist():
            word = (int(own[row, 0]), int(own[row, 1]))
            own[row] = _root(roots, word)
    known = {int(group) for group in np.unique(learnt) if group}
    stuck = np.array([_root(roots, (group, 0))[0] for group in known], np.uint64)
    return own, ~(np.isin(own[:, 0], stuck) & (own[:, 1] == 0))


def _joined(first: list[list[int]], second: list[list[int]]) -> dict[_Word, _Word]:
    """The way from each word that is joined with another to the one that stands for both."""
    roots: dict[_Word, _Word] = {}
    for one, other in zip(first, second, strict=True):
        low, high = sorted(
            (_root(roots, (one[0], one[1])), _root(roots, (other[0], other[1]))), key=lambda word: (word[1] > 0, word)
        )
        if low != high:
            roots[high] = low
    return roots


def _root(roots: dict[_Word, _Word], word: _Word) -> _Word:
    while word in roots:
        word = roots[word]
    return word
