"""Token ids as readable text, and special tokens that a row's own words spell out."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from engine.data.rows.messages import Row, whole_text

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_BLANK = "\u2581"  # how SentencePiece writes a space


class TokenText:
    """Reads the tokens of one tokenizer. ``special`` are the ids of its special tokens."""

    def __init__(self, tokenizer: Any) -> None:
        added = tokenizer.added_tokens_decoder
        self.special = frozenset(number for number, token in added.items() if token.special)
        self._added = {number: token.content.encode("utf-8", "replace") for number, token in added.items()}
        self._own = _reader(tokenizer)

    def grouped(self, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
        """How many of the next ids belong together, and their text; all of ``ids`` in the end."""
        held: list[int] = []
        decoder = codecs.getincrementaldecoder("utf-8")()
        for token in ids:
            if token in self._added and held:
                yield from self._broken(held)
                held, decoder = [], codecs.getincrementaldecoder("utf-8")()
            held.append(token)
            try:
                decoder.decode(self.bytes_of(token))
            except UnicodeDecodeError:
                yield from self._broken(held)
                held, decoder = [], codecs.getincrementaldecoder("utf-8")()
                continue
            if not decoder.getstate()[0]:
                yield len(held), self.bytes_of(*held).decode("utf-8")
                held = []
        yield from self._broken(held)

    def bytes_of(self, *ids: int) -> bytes:
        """What the tokens stand for."""
        return b"".join(self._added[token] if token in self._added else self._own(token) for token in ids)

    def _broken(self, held: Sequence[int]) -> Iterator[tuple[int, str]]:
        for token in held:
            yield 1, self.bytes_of(token).decode("utf-8", "tunedeck.hex")


def _hex(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    return "".join(f"<0x{byte:02X}>" for byte in wrong), error.end


codecs.register_error("tunedeck.hex", _hex)


def _reader(tokenizer: Any) -> Callable[[int], bytes]:
    """How the tokens of ``tokenizer`` that were not added to it are read: by the kind of its decoder."""
    kinds = _decoders(tokenizer)
    if "ByteLevel" in kinds:
        letters = _byte_letters()

        def byte_level(token: int) -> bytes:
            name = str(tokenizer.convert_ids_to_tokens(token) or "")
            try:
                return bytes(letters[letter] for letter in name)
            except KeyError:
                return name.encode("utf-8", "replace")

        return byte_level
    if kinds & {"Metaspace", "ByteFallback", "Replace"}:

        def pieces(token: int) -> bytes:
            name = str(tokenizer.convert_ids_to_tokens(token) or "")
            found = _BYTE.fullmatch(name)
            if found and "ByteFallback" in kinds:
                return bytes.fromhex(found[1])
            return name.replace(_BLANK, " ").encode("utf-8", "replace")

        return pieces
    return lambda token: str(tokenizer.decode([token])).encode("utf-8", "replace")


def _decoders(tokenizer: Any) -> set[str]:
    """Names of the steps by which a fast tokenizer makes text of tokens; none where that can't be told."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = getattr(backend, "decoder", None)
    try:
        found = json.loads(decoder.__getstate__()) if decoder is not None else {}
    except (AttributeError, TypeError, ValueError):
        return set()
    return {str(step.get("type")) for step in (found, *found.get("decoders", []))}


def _byte_letters() -> dict[str, int]:
    """The letters that byte-level vocabularies write bytes with (GPT-2): printable ones as they are, others shifted."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {chr(byte): byte for byte in plain}
    shifted = (byte for byte in range(256) if chr(byte) not in letters)
    return letters | {chr(256 + at): byte for at, byte in enumerate(shifted)}


class WrittenSpecials:
    """Looks for the special tokens of one tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        names = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special and token.content}
        # Longest first: of names that begin alike the tokenizer takes the longer one.
        ordered = sorted(names, key=lambda name: (-len(name), name))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def within(self, row: Row) -> Counter[str]:
        """How often each is written in ``row``, its tools included."""
        if self._pattern is None:
            return Counter()
        return Counter(self._pattern.findall("\n".join((whole_text(row), *row.tools))))


def told(found: Counter[str]) -> str:
    """The most frequent three: ``<|im_end|> (2x), </s>``."""
    return ", ".join(f"{name} ({count:,}x)" if count > 1 else name for name, count in found.most_common(3))
