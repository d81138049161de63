"""What rows are drawn by when some are held out: their content and the seed, never their place."""

from __future__ import annotations

import hashlib
import zlib
from json.encoder import encode_basestring

from engine.config.schema import RunConfig
from engine.data.files.sources import source_names
from engine.data.rows.labels import could_be_label
from engine.data.rows.messages import Row


def replayed(config: RunConfig) -> frozenset[str]:
    """Names of the sources of ``config`` that replay what was learnt before."""
    names = source_names(config.data)
    return frozenset(name for name, source in zip(names, config.data, strict=True) if source.role == "replay")


def content_hash(row: Row, seed: int) -> bytes:
    """16 bytes from seed and content alone: the same row has the same hash in any file."""
    # The text is that of json.dumps([seed, content, *tools], ensure_ascii=False), written in a fifth of the time.
    if row.messages:
        turns = [f'["{each.role}", {_quoted(each.text)}]' for each in row.messages]
        content = f"[{', '.join(turns)}]"
    else:
        content = _quoted(row.text)
    text = f"[{', '.join([str(seed), content, *map(_quoted, row.tools)])}]"
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def _quoted(text: str) -> str:
    """``text`` as JSON: by hand where it holds none of the rarer characters that need an escape."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{plain}"' if plain.isprintable() else encode_basestring(text)


def stratum_of(row: Row) -> int:
    """32 bits from the one answer of ``row`` where it could be a label; 0 where not."""
    answers = [message for message in row.messages if message.role == "assistant"]
    if len(answers) != 1 or answers[0] is not row.messages[-1]:
        return 0
    answer = answers[0].text.strip()
    return (zlib.crc32(answer.encode("utf-8", "replace")) or 1) if could_be_label(answer) else 0


def group_of(row: Row, seed: int) -> int:
    """64 bits from seed and group; 0 for a row by itself."""
    if not row.group:
        return 0
    text = f"{seed} {row.group}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) or 1
