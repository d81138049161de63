"""Text on the screen: cut and wrapped by terminal cells, and pieces that are redrawn only when they changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import RenderableType
from rich.text import Text
from textual.content import Content
from textual.geometry import Size
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Static

from engine.common.clean_text import at_word_end, clean

DOTS = "..."
"""What stands for what is cut: the one-cell ellipsis is not ASCII."""


def cut_cells(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells; a cut is at a word's end where there is one, marked by three dots."""
    if cell_len(text) <= width:
        return text
    kept = set_cell_size(text, max(0, width - len(DOTS))).rstrip(" ")
    return at_word_end(kept, text[len(kept) :]) + DOTS if width >= len(DOTS) else ""


def cut_path(path: str, width: int) -> str:
    """``path`` in at most ``width`` cells: its end, which tells more than its beginning, from a slash on if it can."""
    if cell_len(path) <= width:
        return path
    if width < len(DOTS):
        return ""
    kept = path
    while cell_len(kept) > width - len(DOTS):
        kept = kept[1:]
    at = kept.find("/")
    return DOTS + (kept[at:] if 0 <= at < len(kept) - 1 else kept)


def to_right(text: str, width: int) -> str:
    """``text`` at the right end of ``width`` cells."""
    return " " * (width - cell_len(text)) + text


_LATIN, _CLOSING = r"[^\s\u2e80-\u9fff\uff10-\uff5a]", "[，。、；：？！）》”’…]*"
_NUMBER = r"\d (?:(?:[TGMk]?B|GiB|s|min|h|days?)(?![A-Za-z])|秒|分钟?|小时|天)|\bn = \d"
_PIECE = re.compile(
    rf" *(?:[“‘（《]*[\u2e80-\u9fff\uff10-\uff5a]|{_LATIN}*(?:{_NUMBER}){_LATIN}*|{_LATIN}+){_CLOSING}|[ ]+"
)
"""What is not broken: a word, a number with its unit or name, or a Chinese character with the marks that may not begin
or end a line."""
_UP_TO_SLASH = re.compile("[^/]*/|[^/]+")


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken at spaces or between Chinese characters; indents stay.

    Of a path that is longer than a line, the names stay whole.
    """
    lines: list[str] = []
    width = max(1, width)  # while a window is made smaller, a column may have no cell left
    for paragraph in text.expandtabs(4).split("\n"):
        words = paragraph.lstrip(" ")
        line = " " * min(len(paragraph) - len(words), width // 2)
        for piece in _pieces(words, width):
            if cell_len(line + piece) <= width:
                line += piece
                continue
            if line.strip():
                lines.append(line.rstrip(" "))
            *full, line = chop_cells(piece.lstrip(" "), width) or [""]
            lines += full
        lines.append(line.rstrip(" ") if line.strip() else line)
    return lines


def _pieces(words: str, width: int) -> Iterator[str]:
    for piece in _PIECE.findall(words):
        yield from _UP_TO_SLASH.findall(piece) if cell_len(piece.lstrip(" ")) > width else (piece,)


def wrap_paths(text: str, width: int) -> list[str]:
    """``text`` with paths or commands in lines of at most ``width`` cells: what is a file's name stays whole.

    It is broken at spaces, and words longer than a line behind a slash.
    """
    lines = [""]
    for word in text.split(" "):
        pieces = [word] if cell_len(word) <= width else _UP_TO_SLASH.findall(word)
        for at, piece in enumerate(pieces):
            space = " " if lines[-1] and not at else ""
            if cell_len(lines[-1] + space + piece) <= width:
                lines[-1] += space + piece
            else:
                lines += chop_cells(piece, width)
    return lines[1:] if not lines[0] else lines


class Prose(Static):
    """Sentences that fill the width they are given, in any language."""

    def __init__(self, words: str = "", id: str | None = None, classes: str | None = None) -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self.words = words

    def say(self, words: str) -> None:
        """Other sentences in their place, cleaned; nothing is sent when they are the same."""
        if words != self.words:
            self.words = clean(words)
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(wrap(self.words, width))

    def render(self) -> Content:
        return Content("\n".join(wrap(self.words, self.content_size.width or 60)))


class Drawn(Widget):
    """Lines made for the width that there is, and as high as they are many."""

    DEFAULT_CSS = "Drawn { height: auto; width: 1fr; }"

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Callable[[int], Sequence[str | Content]] = lambda width: ()

    def draw(self, lines: Callable[[int], Sequence[str | Content]]) -> None:
        """Other lines in their place: what ``lines`` gives for a width."""
        self._lines = lines
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.content_size.width or 60))


class Leads(Drawn):
    """Paragraphs, each below a bold lead of its own."""

    def __init__(self, parts: Sequence[tuple[str, str]] = (), classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._parts: list[tuple[str, str]] = []
        self.say(parts)

    @property
    def words(self) -> str:
        return "\n".join(f"{lead}\n{said}" for lead, said in self._parts)

    def say(self, parts: Sequence[tuple[str, str]]) -> None:
        """Other leads and paragraphs in their place; nothing is sent when they are the same."""
        if list(parts) != self._parts:
            self._parts = list(parts)
            self.draw(self._paragraphs)

    def _paragraphs(self, width: int) -> list[Content]:
        lines: list[Content] = []
        for lead, said in self._parts:
            lines += [Content("")] * bool(lines)
            lines += [Content.styled(lead, "bold"), *map(Content, wrap(clean(said), width))]
        return lines


def component_style(widget: Widget, component: str) -> Style:
    """The style of one of the widget's component classes. (``get_visual_style`` forgets "reverse".)"""
    return Style.from_styles(widget.get_component_styles(component))


class Line(Static):
    """One or more lines at a fixed place; ``show`` sends nothing when the text is the same."""

    def __init__(self, text: str | Text = "", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(text, id=id, classes=classes, markup=False)
        self._shown: str | Text = text

    @property
    def text(self) -> str:
        """What is shown, without styles."""
        return self._shown if isinstance(self._shown, str) else self._shown.plain

    def show(self, text: str | Text) -> None:
        if text != self._shown or (
            isinstance(text, Text) and isinstance(self._shown, Text) and text.spans != self._shown.spans
        ):
            self._shown = text
            self.update(text, layout=False)


def cut(text: Text, width: int) -> None:
    """Shorten ``text`` to ``width`` cells, three dots for what is gone: the one-cell ellipsis is not ASCII."""
    if cell_len(text.plain) > width:
        text.right_crop(len(text.plain) - len(cut_cells(text.plain, width).removesuffix(DOTS)))
        text.append(DOTS if width >= len(DOTS) else "")


class Block(Static):
    """Any renderable whose height may change; laid out again only when ``show`` brings something new."""

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._key: object = None

    def show(self, key: object, renderable: RenderableType) -> None:
        """``key`` says what the content depends on."""
        if key != self._key:
            self._key = key
            self.update(renderable)
