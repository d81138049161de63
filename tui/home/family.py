"""The family of models and adapters as a tree: what was made from what, how good it is, and what differs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui import keys, messages, words
from tui.home import curve
from tui.home.columns import VERDICTS
from tui.widgets.bars import KeyBar, TopLine, fit
from tui.widgets.choosers import Pick, PickList
from tui.widgets.line import Line as TextLine
from tui.widgets.line import cut_cells, wrap, wrap_paths
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen
from tui.world import world_of

if TYPE_CHECKING:
    from engine.app.compare.differences import Difference
    from engine.models.lineage import Line, Lineage, Node
    from engine.runs.summary import Score
    from tui.home.curve import Story

KINDS = {"model": "home.base-model", "merged": "home.merged-model", "adapter": "home.adapter",
         "export": "home.export"}  # fmt: skip
_HOW_CELLS, _ROWS_CELLS, _RESULT_CELLS = 14, 8, 14
_FIRST_EVENTS = 40
"""Of a log: how many rows a training has is told at its start."""


@dataclass(frozen=True)
class Measured:
    """What a run trained on, in ``rows``, and its score; None where its log tells neither."""

    rows: int | None = None
    score: Score | None = None


class FamilyScreen(WholeScreen, Screen[None]):
    """Opened over home; ``about`` is the run under the cursor there. Enter opens a run, Esc goes back."""

    AUTO_FOCUS = "PickList"
    BINDINGS = keys.bindings(keys.FAMILY)
    HELP = "home.family-help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.FAMILY),)
    CSS = """
    FamilyScreen {
        #family { height: 1fr; }
        #tree-panel { height: 1fr; width: 1fr; }
        #heads { height: 1; color: $muted; }
        PickList { max-height: 1fr; }
        #below { height: auto; }
        #node-panel { height: auto; width: 1fr; }
        #node { height: auto; }
        #differences-panel { height: auto; max-height: 50%; width: 1fr; }
        #differences { height: auto; }
        #course { display: none; height: 1fr; max-height: 20; }
        &.-tall.-wide #family { layout: horizontal; }
        &.-tall.-wide #below { width: 40%; height: 100%; }
        &.-tall.-wide #course.-known { display: block; }
    }
    """

    class Read(Message):
        """The family was read from the runs; ``measured`` is by the key of a node."""

        def __init__(self, family: Lineage, lines: list[Line], measured: dict[str, Measured]) -> None:
            super().__init__()
            self.family, self.lines, self.measured = family, lines, measured

    class StoryRead(Message):
        """What the log of the run ``about`` tells."""

        def __init__(self, about: str, story: Story) -> None:
            super().__init__()
            self.about, self.story = about, story

    class Compared(Message):
        """Two runs were compared: what differs, or why that can't be told."""

        def __init__(self, names: tuple[str, str], found: list[Difference], problem: str = "") -> None:
            super().__init__()
            self.names, self.found, self.problem = names, found, problem

    def __init__(self, about: str = "") -> None:
        super().__init__()
        self._about = about
        self._by_line: dict[str, Node] = {}
        self._lines: list[Line] = []
        self._measured: dict[str, Measured] = {}
        self._marked: Node | None = None
        self._curve_of = ""
        self._resting: Timer | None = None
        self._is_read = False

    def compose(self) -> ComposeResult:
        yield TopLine(text("home.family"), text("home.reading-runs"))
        with Container(id="family"):
            yield Panel(text("home.adapters-head"), TextLine("", id="heads"), PickList(id="tree"), id="tree-panel")
            with Container(id="below"):
                yield Panel("", Static(id="node", markup=False), id="node-panel")
                yield Panel(text("home.curve"), curve.Curve(world_of(self).terminal.unicode), id="course")
                table = VerticalScroll(Static(id="table", markup=False), id="differences", can_focus=False)
                yield Panel(text("home.differences"), table, id="differences-panel")
        yield KeyBar(keys.in_bar(keys.FAMILY, keys.EVERYWHERE))

    def on_mount(self) -> None:
        self.query_one("#differences-panel").display = False
        self._read()

    @work(thread=True, group="read")
    def _read(self) -> None:
        from engine.models.lineage import draw, read_lineage

        root = Path(world_of(self).root)
        family = read_lineage(root)
        measured = {
            node.key: measure(root / node.run)
            for node in family.nodes.values()
            if node.kind == "adapter" and node.is_here
        }
        self.post_message(self.Read(family, draw(family), measured))

    @on(Read)
    def _show(self, message: Read) -> None:
        self._is_read = True
        self._by_line = {str(place): line.node for place, line in enumerate(message.lines)}
        self._lines, self._measured = message.lines, message.measured
        here = [key for key, node in self._by_line.items() if node.run == self._about and self._about]
        here += [key for key, node in self._by_line.items() if node.run and not node.is_missing]
        self._draw_tree(here[0] if here else "")
        adapters = [node.is_missing for node in message.family.nodes.values() if node.kind == "adapter"]
        there, gone = adapters.count(False), adapters.count(True)
        counts = text("home.adapters-missing", here=there, missing=gone) if gone else text("home.adapters", here=there)
        self.query_one(TopLine).show(right=counts if adapters else "")
        self._describe()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_tree)

    def _draw_tree(self, here: str = "") -> None:
        """The lines of the tree with their columns, as wide as there is room."""
        tree, unicode = self.query_one(PickList), world_of(self).terminal.unicode
        width = tree.content_size.width or self.app.size.width - 4
        tree.title_width = max(16, width - _HOW_CELLS - _ROWS_CELLS - _RESULT_CELLS - 7)
        picks = [
            _pick(str(at), line, self._measured.get(line.node.key), unicode) for at, line in enumerate(self._lines)
        ]
        tree.set_picks(picks, chosen=here or None)
        self.query_one("#below").display = tree.display = bool(self._lines) or not self._is_read
        if not self._lines:
            self.query_one("#heads", TextLine).show(text("home.family-empty") if self._is_read else "")
            return
        heads = _columns(text("home.column-made"), text("home.column-rows"), text("home.column-result"))
        self.query_one("#heads", TextLine).show(f"  {fit(text('home.column-name'), tree.title_width)} {heads}")
        self._describe()

    @property
    def _node(self) -> Node | None:
        pick = self.query_one(PickList).current
        return self._by_line.get(pick.id) if pick else None

    @on(PickList.Moved)
    def _describe(self) -> None:
        node = self._node
        if node is not None:
            box = self.query_one("#node", Static)
            width = box.content_size.width or self.app.size.width - 4
            self.query_one("#node-panel", Panel).rename(cut_cells(clean(node.title, keep_newlines=False), width - 4))
            told = about(node, self._measured.get(node.key))
            *said, where = told if node.path else [*told, ""]
            lines = [line for each in said for line in wrap(clean(each), width)]
            box.update(Content("\n".join([*lines, *(wrap_paths(clean(where), width) if where else ())])))
            self._look_for_curve(node)
        self.refresh_bindings()

    def _look_for_curve(self, node: Node) -> None:
        """The losses of the node's run, once the cursor rests there."""
        run = node.run if node.kind == "adapter" and node.is_here else ""
        if run == self._curve_of:
            return
        self._curve_of = run
        self.query_one("#course").remove_class("-known")
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(curve.REST_S, lambda: self._read_curve(run)) if run else None

    @work(thread=True, group="curve", exclusive=True)
    def _read_curve(self, run: str) -> None:
        from engine.runs.directory import RunDir
        from engine.runs.summary import summarise

        self.post_message(self.StoryRead(run, curve.read(summarise(RunDir(Path(world_of(self).root) / run)))))

    @on(StoryRead)
    def _show_story(self, message: StoryRead) -> None:
        if message.about == self._curve_of and any(course.x for course in message.story.courses):
            self.query_one("#course").add_class("-known")
            self.query_one(curve.Curve).show(message.story)

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
        panel = self.query_one("#differences-panel")
        panel.display = True
        box.can_focus = len(message.found) > 8
        lines = table(message.names, message.found, self.query_one("#below").size.width - 5)
        if message.problem:
            lines = [f"! {clean(message.problem, keep_newlines=False)}"]
        elif not message.found:
            lines = [text("home.no-differences")]
        self.query_one("#table", Static).update(Content("\n".join(lines)))

    def action_leave(self) -> None:
        self.dismiss()


def measure(path: Path) -> Measured:
    """Rows and score of the run in ``path``; meant for a thread."""
    from engine.runs import events as ev
    from engine.runs.directory import RunDir
    from engine.runs.follow import Tail
    from engine.runs.summary import summarise

    run = RunDir(path)
    started = [each for each in Tail(run.events).read(_FIRST_EVENTS) if isinstance(each, ev.RunStarted)]
    return Measured(started[0].train_rows if started else None, summarise(run).score)


def _pick(key: str, line: Line, measured: Measured | None, unicode: bool) -> Pick:
    node = line.node
    how = (node.strategy if node.kind == "adapter" else "") or text(KINDS[node.kind])
    title = branch(line, unicode) + node.title
    if line.is_repeated:
        return Pick(key, title, text("home.see-above"))
    if node.absence:
        return Pick(key, title, f"{fit(how, _HOW_CELLS)} {text(node.absence)}")
    known = measured or Measured()
    rows = f"{known.rows:,}" if known.rows else ""
    return Pick(key, title, _columns(how, rows, _result(known.score, unicode)))


def _columns(how: str, rows: str, result: str) -> str:
    blank = " " * (_ROWS_CELLS - cell_len(rows))
    return f"{fit(cut_cells(how, _HOW_CELLS), _HOW_CELLS)} {blank}{rows}  {fit(result, _RESULT_CELLS)}"


def _result(score: Score | None, unicode: bool) -> str:
    from engine.metrics import words as metric_words

    if score is None:
        return ""
    sign = VERDICTS[score.verdict][0 if unicode else 1] if score.verdict else ""
    return f"{metric_words.value(score.metric, score.value)} {sign}".rstrip()


def branch(line: Line, unicode: bool) -> str:
    """The lines that lead to a node."""
    if not line.lasts:
        return ""
    trunk, fork, corner = ("│ ", "├ ", "└ ") if unicode else ("| ", "|-", "`-")
    return "".join("  " if last else trunk for last in line.lasts[:-1]) + (corner if line.lasts[-1] else fork)


def about(node: Node, measured: Measured | None = None) -> list[str]:
    """What is known of a node, a line each."""
    from engine.metrics import words as metric_words

    lines = [words.commas([text(KINDS[node.kind]), *map(text, node.details)])]
    if measured is not None and (score := measured.score) is not None:
        metric = words.said(metric_words.metric(score.metric))
        value = metric_words.value(score.metric, score.value)
        lines.append(text("home.scored", metric=metric, value=value, rows=score.n))
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
