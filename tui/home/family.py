"""The family of models and adapters as a tree: what was made from what, and what differs between two of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui import keys, messages, words
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.choosers import Pick, PickList
from tui.widgets.whole import WholeScreen
from tui.world import world_of

if TYPE_CHECKING:
    from engine.app.compare.differences import Difference
    from engine.models.lineage import Line, Lineage, Node

KINDS = {"model": "home.base-model", "merged": "home.merged-model", "adapter": "home.adapter",
         "export": "home.export"}  # fmt: skip
TITLE_WIDTH = 44


class FamilyScreen(WholeScreen, Screen[None]):
    """Opened over home; ``about`` is the run under the cursor there. Enter opens a run, Esc goes back."""

    AUTO_FOCUS = "PickList"
    BINDINGS = keys.bindings(keys.FAMILY)
    HELP = "home.family-help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.FAMILY),)
    DEFAULT_CSS = """
    FamilyScreen {
        #family { height: 1fr; padding: 0 1; }
        PickList { max-height: 1fr; }
        #node { height: auto; max-height: 6; margin-top: 1; color: $muted; }
        #differences { height: auto; max-height: 50%; margin-top: 1; }
    }
    """

    class Read(Message):
        """The family was read from the runs."""

        def __init__(self, family: Lineage, lines: list[Line]) -> None:
            super().__init__()
            self.family, self.lines = family, lines

    class Compared(Message):
        """Two runs were compared: what differs, or why that can't be told."""

        def __init__(self, names: tuple[str, str], found: list[Difference], problem: str = "") -> None:
            super().__init__()
            self.names, self.found, self.problem = names, found, problem

    def __init__(self, about: str = "") -> None:
        super().__init__()
        self._about = about
        self._by_line: dict[str, Node] = {}
        self._marked: Node | None = None

    def compose(self) -> ComposeResult:
        yield TopLine(text("home.family"), text("home.reading-runs"))
        with Vertical(id="family"):
            yield PickList(title_width=TITLE_WIDTH, id="tree")
            yield Static(id="node", markup=False)
            with VerticalScroll(id="differences", can_focus=False):
                yield Static(id="table", markup=False)
        yield KeyBar(keys.in_bar(keys.FAMILY, keys.EVERYWHERE))

    def on_mount(self) -> None:
        self.query_one("#differences").display = False
        self._read()

    @work(thread=True, group="read")
    def _read(self) -> None:
        from engine.models.lineage import draw, read_lineage

        family = read_lineage(Path(world_of(self).root))
        self.post_message(self.Read(family, draw(family)))

    @on(Read)
    def _show(self, message: Read) -> None:
        unicode = world_of(self).terminal.unicode
        self._by_line = {str(place): line.node for place, line in enumerate(message.lines)}
        picks = [_pick(str(place), line, unicode) for place, line in enumerate(message.lines)]
        here = next((key for key, node in self._by_line.items() if node.run == self._about and self._about), "")
        tree = self.query_one(PickList)
        tree.set_picks(picks, chosen=here)
        adapters = [node.is_missing for node in message.family.nodes.values() if node.kind == "adapter"]
        there, gone = adapters.count(False), adapters.count(True)
        counts = text("home.adapters-missing", here=there, missing=gone) if gone else text("home.adapters", here=there)
        self.query_one(TopLine).show(right=counts if adapters else "")
        if not picks:
            self.query_one("#node", Static).update(text("home.family-empty"))
        self._describe()

    @property
    def _node(self) -> Node | None:
        pick = self.query_one(PickList).current
        return self._by_line.get(pick.id) if pick else None

    @on(PickList.Moved)
    def _describe(self) -> None:
        node = self._node
        if node is not None:
            self.query_one("#node", Static).update(Content("\n".join(about(node))))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        node = self._node if self.is_mounted and self._by_line else None
        if action in ("open", "mark"):
            return True if node and node.run else None
        if action == "differ":
            return True if node and node.run and self._marked and self._marked.run != node.run else None
        return True

    @on(PickList.Chosen)
    def _chosen(self) -> None:
        self.action_open()

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self._node.run,) if self._by_line and self._node and self._node.run else ()

    def copied(self) -> str:
        """Where the model or adapter under the cursor is."""
        return self._node.path if self._by_line and self._node else ""

    def action_open(self) -> None:
        from engine.runs.directory import RunDir

        node = self._node
        if node is None or not node.run:
            return
        run = RunDir(Path(world_of(self).root) / node.run)
        if not run.config.is_file():
            self.notify(text("home.run-deleted"), severity="warning", timeout=4)
            return
        self.dismiss()
        self.app.post_message(messages.RunOpened(run))

    def action_mark(self) -> None:
        """Mark the run under the cursor as the first of two to compare."""
        self._marked = self._node
        if self._marked is not None:
            self.query_one(PickList).mark(self.query_one(PickList).current.id)  # type: ignore[union-attr]
            self.query_one(TopLine).show(right=text("home.marked", run=self._marked.title))
        self.refresh_bindings()

    def action_differ(self) -> None:
        if self._marked is not None and self._node is not None:
            self._compare(self._marked, self._node)

    @work(thread=True, group="compare", exclusive=True)
    def _compare(self, first: Node, second: Node) -> None:
        from engine.app.compare.differences import differences
        from engine.runs.directory import RunDir

        root = Path(world_of(self).root)
        names = (first.title, second.title)
        try:
            found = differences(RunDir(root / first.run), RunDir(root / second.run))
        except TunedeckError as error:
            self.post_message(self.Compared(names, [], str(error)))
        else:
            self.post_message(self.Compared(names, found))

    @on(Compared)
    def _show_differences(self, message: Compared) -> None:
        box = self.query_one("#differences")
        box.display = True
        box.can_focus = len(message.found) > 8
        lines = table(message.names, message.found, self.size.width - 3)
        if message.problem:
            lines = [f"! {clean(message.problem, keep_newlines=False)}"]
        elif not message.found:
            lines = [text("home.no-differences")]
        self.query_one("#table", Static).update(Content("\n".join(lines)))

    def action_leave(self) -> None:
        self.dismiss()


def _pick(key: str, line: Line, unicode: bool) -> Pick:
    node = line.node
    how = (node.strategy if node.kind == "adapter" else "") or text(KINDS[node.kind])
    detail = text("home.see-above") if line.is_repeated else how
    return Pick(key, branch(line, unicode) + node.title, detail, tail=text(node.absence) if node.absence else "")


def branch(line: Line, unicode: bool) -> str:
    """The lines that lead to a node."""
    if not line.lasts:
        return ""
    trunk, fork, corner = ("│ ", "├ ", "└ ") if unicode else ("| ", "|-", "`-")
    return "".join("  " if last else trunk for last in line.lasts[:-1]) + (corner if line.lasts[-1] else fork)


def about(node: Node) -> list[str]:
    """What is known of a node, a line each."""
    lines = [", ".join([text(KINDS[node.kind]), *map(text, node.details)])]
    if node.data:
        lines.append(text("home.trained-on", data=[words.source_name(each) for each in node.data]))
    if node.path:
        lines.append(text("home.was-in" if node.is_missing else "home.is-in", path=node.path))
    return lines


def table(names: tuple[str, str], found: list[Difference], width: int) -> list[str]:
    """Three columns of equal right to room: field, first run, second run."""
    from engine.app.compare.differences import shown

    cells = [tuple(map(shown, (each.field, *each.values))) for each in found]
    field = min(34, max((cell_len(name) for name, _, _ in cells), default=0) + 2)
    each_value = max(8, (width - field) // 2)
    rows = [("", *names), *cells]
    return [
        f"{_cut(name, field)}{_cut(first, each_value)}{_cut(second, each_value)}".rstrip()
        for name, first, second in rows
    ]


def _cut(words: str, width: int) -> str:
    """``words`` in ``width`` columns; of longer ones the end, which tells paths apart."""
    words = clean(words, keep_newlines=False)
    if cell_len(words) >= width:
        while cell_len(words) > width - 4:
            words = words[1:]
        words = f"..{words} "
    return set_cell_size(words, width)
