"""A framed area of a screen, with its title, and the key that leads to it, in the border."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget


class Panel(Vertical):
    """Holds ``children`` under ``title``; ``key`` is what a person presses to come to it, ``note`` stands at the foot.

    The panel with the focus has the accent's colour. In a short window a rule with the title is all there is of the
    frame, so that no row is lost to its foot; in ASCII it is drawn with ``+-|``.
    """

    def __init__(
        self, title: str, *children: Widget, key: str = "", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(*children, id=id, classes=classes)
        self._key, self._title, self._note, self._is_framed = key, "", "", True
        self.rename(title)

    @property
    def title(self) -> str:
        """What the border says, without the key."""
        return self._title

    def rename(self, title: str) -> None:
        """Another title; nothing is drawn when it is the same. Markup in it is plain text."""
        if title != self._title:
            self._title = title
            self._draw_title()

    def on_mount(self) -> None:
        self._mind_frame()  # before it is drawn for the first time

    def on_resize(self) -> None:
        self._mind_frame()

    def _mind_frame(self) -> None:
        """A rule alone leaves its title no room at the sides: it brings its own."""
        if self._is_framed is not (is_framed := self.styles.border_left[0] not in ("", "none")):
            self._is_framed = is_framed
            self._draw_title()

    def _draw_title(self) -> None:
        key: list[tuple[str, str]] = [(f"{self._key} ", "bold $accent")] if self._key else []
        blank = "" if self._is_framed else " "
        self.border_title = Content.assemble(blank, *key, self._title, blank)

    def note(self, words: str) -> None:
        """``words`` at the right end of the foot, where there is one."""
        if words != self._note:
            self._note = words
            self.border_subtitle = Content(words)
