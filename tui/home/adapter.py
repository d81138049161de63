"""An adapter on a screen: the table of `tunedeck adapter inspect`, its match with the base, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.worker import get_current_worker

from engine.app.old_adapter import OldAdapter, look_at
from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui import keys, shell, words
from tui.home.family import branch
from tui.widgets.bars import KeyBar, TopLine, fit
from tui.widgets.beside import Advanced, Cancelled
from tui.widgets.line import Drawn, wrap
from tui.widgets.panel import Panel
from tui.widgets.pieces import Tone, toned
from tui.widgets.whole import WholeScreen
from tui.world import world_of

if TYPE_CHECKING:
    from engine.models.adapter.tensors import AdaptedModule
    from engine.models.card import ModelCard
    from engine.models.lineage import Line

Row = tuple[str, str, Tone]
"""A label, what is so, and the tone of the label."""
Section = tuple[str, list[Row]]
LABEL_WIDTH, _LEAST_WIDTH = 20, 26
TONES: dict[str, Tone] = {"ok": "good", "unsure": "look", "refused": "lost"}
"""Of a reason of a match, by its level."""
_NEXT = ("talk", "evaluate", "strength", "export")
"""Keys of home whose commands say what can be done with an adapter."""


class AdapterScreen(WholeScreen, Screen[None]):
    """``named`` is a run or a folder; ``base`` the model it is to go on, None for the one it names itself."""

    AUTO_FOCUS = "VerticalScroll"
    BINDINGS = keys.bindings(keys.ADAPTER)
    HELP = "home.adapter-help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.ADAPTER),)
    CSS = """
    AdapterScreen {
        #adapter { height: 1fr; scrollbar-size-vertical: 1; }
        #columns, #left, #right { height: auto; }
        #adapter Panel { display: none; }
        &.-wide #columns { layout: horizontal; }
        &.-wide #left { width: 3fr; }
        &.-wide #right { width: 2fr; }
    }
    """

    class Read(Message):
        """Everything about it was read: it is called ``name``, and ``lines`` are its part of the family."""

        def __init__(self, old: OldAdapter, name: str, lines: list[Line]) -> None:
            super().__init__()
            self.old, self.name, self.lines = old, name, lines

    def __init__(self, named: str, base: ModelCard | None = None, base_named: str = "", pickles: bool = False) -> None:
        super().__init__()
        self._named, self._base, self._base_named, self._pickles = named, base, base_named, pickles
        self._path = named

    def compose(self) -> ComposeResult:
        yield TopLine(text("home.adapter-help"), text("home.reading"))
        with VerticalScroll(id="adapter"), Container(id="columns"):
            with Container(id="left"):
                yield Panel("", Drawn(), id="details")
                yield Panel("", Drawn(), id="next")
            with Container(id="right"):
                yield Panel("", Drawn(), id="match")
                yield Panel("", Drawn(), id="layers")
                yield Panel("", Drawn(), id="line")
        yield KeyBar(keys.in_bar(keys.ADAPTER, keys.EVERYWHERE))

    def on_mount(self) -> None:
        self._read()

    @work(thread=True, group="read", exclusive=True)
    def _read(self) -> None:
        worker = get_current_worker()

        def progress(done: int, total: int) -> None:
            if worker.is_cancelled:
                raise Cancelled
            self.post_message(Advanced(text("home.hashing", done=done, total=total)))

        old = look_at(self._named, self._pickles, None, "")
        lines: list[Line] = []
        try:
            if old.card is not None:
                base, named = (self._base, self._base_named) if self._base else _own_base(old)
                old = look_at(self._named, self._pickles, base, named, progress)
                lines = _family(old, Path(world_of(self).root))
        except Cancelled:
            return
        self.post_message(self.Read(old, _name(old, Path(world_of(self).root)), lines))

    @on(Advanced)
    def _advanced(self, message: Advanced) -> None:
        self.query_one(TopLine).show(right=message.said)

    @on(Read)
    def _show(self, message: Read) -> None:
        card = message.old.card
        self._path = str(card.path) if card else self._named
        name = message.name or text("home.adapter-help")
        self.query_one(TopLine).show(left=name, right="")
        unicode = world_of(self).terminal.unicode
        for name, (title, rows) in sections(message.old, message.lines, unicode).items():
            panel = self.query_one(f"#{name}", Panel)
            panel.rename(title)
            panel.display = True
            panel.query_one(Drawn).draw(partial(_drawn, rows))

    def copied(self) -> str:
        """Where the adapter is."""
        return self._path

    def action_leave(self) -> None:
        self.workers.cancel_group(self, "read")
        self.dismiss()


def sections(old: OldAdapter, lines: list[Line], unicode: bool) -> dict[str, Section]:
    """Headings with their rows of label and text, by the panel they stand in."""
    from engine.models.adapter.facts import LEVELS, facts

    if old.error is not None or old.card is None:
        error = old.error or TunedeckError("home.adapter-unreadable")
        return {"details": (error.title, [("", error.message, ""), ("", error.hint, "")])}
    reasons = old.match.reasons if old.match else ()
    fits: list[Row] = [(text(LEVELS[each.level]), text(each.message), TONES[each.level]) for each in reasons]
    fits = fits or [(text("home.unknown"), text("home.no-base"), "look")]
    replay: list[Row] = [(text("home.its-data"), text(old.replay.message), "muted")] if old.replay else []
    gone = {line.node.key: f" ({text(line.node.absence)})" for line in lines if line.node.absence}
    tree: list[Row] = [
        ("", branch(line, unicode) + line.node.title + gone.get(line.node.key, ""), "") for line in lines
    ]
    what: list[Row] = [(text(name), text(value), "muted") for name, value in facts(old.card, old.soundness)]
    found: dict[str, Section] = {
        "details": (text("home.details"), [*what, *replay]),
        "next": (text("home.use-it"), _commands(old.card.run)),
        "match": (text("home.on-base"), fits),
        "layers": (text("home.layers"), _layers(old.card.contents.modules)),
        "line": (text("home.family"), tree),
    }
    return {name: section for name, section in found.items() if section[1]}


def _layers(modules: Sequence[AdaptedModule]) -> list[Row]:
    """The layers with an update, those of one kind in a row: how many, how wide, of which rank."""
    kinds: dict[tuple[str, int, int, int], int] = {}
    for each in modules:
        kind = (each.name.rpartition(".")[2], each.inputs, each.outputs, each.rank)
        kinds[kind] = kinds.get(kind, 0) + 1
    return [
        (name, text("home.layers-of-a-kind", layers=count, inputs=inputs, outputs=outputs, rank=rank), "muted")
        for (name, inputs, outputs, rank), count in sorted(kinds.items())
    ]


def _commands(run: str) -> list[Row]:
    """What can be done with the adapter of ``run``, as it is typed; none where no run is known."""
    return [(key.text, shell.command(key.id, run), "muted") for key in keys.HOME if run and key.id in _NEXT]


def _drawn(rows: Sequence[Row], width: int) -> list[Content]:
    """The rows behind labels as wide as the longest one."""
    lines: list[Content] = []
    width = max(_LEAST_WIDTH, width)
    indent = min(LABEL_WIDTH, max((cell_len(label) + 2 for label, _, _ in rows if label), default=0))
    for label, value, tone in rows:
        first, *rest = wrap(clean(value), width - indent) or [""]
        lines.append(toned(fit(label, indent), tone) + first)
        lines += [Content(" " * indent + line) for line in rest]
    return lines


def _name(old: OldAdapter, root: Path) -> str:
    """That of the run that made it, before any id; "" where nothing can be read."""
    from engine.runs.directory import RunDir

    if old.card is None:
        return ""
    run = RunDir(root / old.card.run) if old.card.run else None
    return words.run_name(run) if run is not None else clean(old.card.name, keep_newlines=False)


def _own_base(old: OldAdapter) -> tuple[ModelCard | None, str]:
    """The model the adapter names, if it is on this machine."""
    from engine.models.local import resolve

    if old.card is None or not old.card.base:
        return None, ""
    try:
        return resolve(old.card.base, old.card.settings.revision or "main").card, old.card.base
    except TunedeckError:
        return None, ""


def _family(old: OldAdapter, root: Path) -> list[Line]:
    from engine.models.lineage import draw, key_of, read_lineage
    from engine.runs.directory import RunDir

    if old.card is None or not old.card.run:
        return []
    return draw(read_lineage(root).around(key_of(RunDir(root / old.card.run))))
