"""What of an answer counts, and how it is cut into words: also in Chinese, where a character is taken for a word."""

from __future__ import annotations

import re
import unicodedata

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
)
"""Thai, Lao, Burmese, Khmer, kana and Chinese characters: written without spaces between words."""
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA_OR_MORE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_AROUND = " \t\r\n.,;:!?\"'`*_()[]{}。，、；：！？“”‘’「」『』（）《》【】…"
"""Marks that close or enclose a word. Signs are no such marks: >50K is not <=50K, -1 not 1, A- not A, C# not C."""
_BULLET = re.compile(r"[-–—•]\s+")


def said(text: str) -> str:
    """What an answer says: without what was thought in ``<think>`` tags before it, and without blanks around it.

    "" for an answer that never came to an end of its thoughts. Texts that look alike are alike: an accent may be a
    character of its own, and a line may end as on Windows.
    """
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n")
    if "</think>" in text:
        text = text.rpartition("</think>")[2]
    elif text.lstrip().startswith("<think>"):
        return ""
    return text.strip()


def label(text: str) -> str:
    """A class as it is compared: "- Billing. " is "billing". Case, width, a bullet, marks around it do not count."""
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    bullet = _BULLET.match(plain)
    plain = plain[bullet.end() :] if bullet else plain
    return " ".join((plain.strip(_AROUND) or plain).split())


def words(text: str) -> list[str]:
    """Lower-case words of a text, without punctuation; a character each where a script has no spaces."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def squad_words(text: str) -> list[str]:
    """Words as SQuAD's scorer compares them: lower case, no punctuation, no a, an or the.

    As there "it's" is one word: marks are removed, not taken for blanks.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    bare = "".join(char for char in plain if not unicodedata.category(char).startswith(("P", "S")))
    return _TOKEN.findall(_ARTICLES.sub(" ", bare))


def is_unspaced(text: str) -> bool:
    """Whether more than half of a text's words are characters of a script without spaces."""
    found = words(text)
    return 2 * sum(bool(_HAN.match(word) or _KANA_OR_MORE.match(word)) for word in found) > len(found)


def is_chinese(text: str) -> bool:
    """Whether an unspaced text is Chinese, not Japanese or another: Chinese has no kana."""
    return is_unspaced(text) and not _KANA_OR_MORE.search(text)
