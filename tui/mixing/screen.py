"""Mix the marked runs: weights, method, what that takes; then what the mix does to their tasks, to keep it or not."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message

from engine.common.errors import TunedeckError
from engine.messages import formats
from engine.messages.catalogue import text
from tui import keys, messages, shell
from tui.mixing import job
from tui.mixing.options import Options, OptionsScreen
from tui.theme import colours_of
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.beside import JobScreen, panels
from tui.widgets.choosers import Pick, PickList
from tui.widgets.evaluated import mix_parts
from tui.widgets.line import Line, Prose
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from engine.app.mix import Parents, Plan
    from engine.runs.directory import RunDir

PARTS = (("verdict", "evaluate.verdict"), ("figures", "evaluate.figures"), ("made", "mixes.made"))
"""Of a result: the parts, each with its title."""
_STEP, _DENSITIES = 0.1, (0.2, 0.5, 0.8)


class MixScreen(JobScreen):
    """Opened over home for two or more runs with adapters, or for the mix ``made`` of them that waits for a word.

    Nothing is kept before a person says so.
    """

    AUTO_FOCUS = "#methods"
    BINDINGS = keys.bindings(keys.MIXING)
    HELP = "mixes.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.MIXING),)
    ENDED = job.Ended
    VIEWS: ClassVar = {"choose": "#methods", "running": "", "result": "#result"}
    DEFAULT_CSS = """
    MixScreen {
        #choose { height: 1fr; overflow-y: auto; scrollbar-size-vertical: 1; }
        #parents { height: auto; max-height: 6; }
        #methods { height: auto; max-height: 4; }
        .purpose { height: auto; padding: 0 1; }
        &.-tall .purpose { margin: 1 0; }
        .about { height: auto; color: $muted; }
        #running Line { height: auto; }
        #result { height: 1fr; scrollbar-size-vertical: 1; }
        #result Block { height: auto; }
    }
    """

    class Read(Message):
        """The adapters that can be mixed, or why they can't."""

        def __init__(self, found: Parents | TunedeckError) -> None:
            super().__init__()
            self.found = found

    class Settled(Message):
        """A mix was kept as ``run``, or thrown away (None), or neither because of ``problem``."""

        def __init__(self, run: RunDir | None, problem: TunedeckError | None = None) -> None:
            super().__init__()
            self.run, self.problem = run, problem

    def __init__(self, runs: Sequence[RunDir], made: RunDir | None = None) -> None:
        super().__init__()
        self._runs, self._made = tuple(runs), made
        self._parents: Parents | None = None
        self._weights = [1 / len(runs)] * len(runs)
        self._density = _DENSITIES[1]
        self._options = Options()
        self._plan: Plan | TunedeckError | None = None
        self._ended: job.Ended | None = None
        self.view = "choose"

    def compose(self) -> ComposeResult:
        yield TopLine(text("mixes.title"), text("home.reading"))
        with Vertical(id="choose"):
            yield Prose(text("mixes.purpose"), classes="purpose")
            yield Panel(text("mixes.weights-head"), PickList(title_width=8, id="parents"))
            yield Panel(text("mixes.methods-head"), PickList(title_width=14, id="methods"))
            yield Panel(text("exporting.what-happens"), Prose("", classes="about"))
        with Panel(text("mixes.under-way"), id="running"):
            yield Line("", id="progress")
            yield Line(text("mixes.how-to-stop"), id="how-to-stop", classes="muted")
        with VerticalScroll(id="result"):
            yield from panels(PARTS)
        yield KeyBar(keys.in_bar(keys.MIXING, keys.EVERYWHERE))

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(run.id for run in self._runs)

    def copied(self) -> str:
        """The command that makes the same mix."""
        weights = ",".join(map(formats.weight, self._weights))
        more = ["--method", self._method, "--weights", weights]
        more += ["--density", f"{self._density:g}"] if self._trims else []
        more += ["--name", self._options.name] if self._options.name else []
        more += ["--rows", str(self._options.rows)] if self._options.rows is not None else []
        return f"{shell.command('mix', *self.subjects)} {shlex.join(more)}"

    def on_mount(self) -> None:
        from engine.app.mix import about
        from engine.models.adapter.mix import METHODS

        self.query_one("#methods", PickList).set_picks([Pick(name, name, text(about(name))) for name in METHODS])
        self._show_parents()
        self.show_view("choose")
        if self._made is not None:
            from engine.runs import mixes

            self.post_message(job.Ended(self._made, mixes.read(self._made)))
        self._read()

    @work(thread=True, group="read", exclusive=True)
    def _read(self) -> None:
        from engine.app import mix as mixing

        try:
            self.post_message(self.Read(mixing.parents([str(run.path) for run in self._runs])))
        except TunedeckError as error:
            self.post_message(self.Read(error))

    @on(Read)
    def _show_read(self, message: Read) -> None:
        self.query_one(TopLine).show(right="")
        if isinstance(message.found, TunedeckError):
            self._plan = message.found
        else:
            self._parents = message.found
        self._show_parents()
        self._replan()

    def _show_parents(self) -> None:
        picks = []
        for at, run in enumerate(self._runs):
            picks.append(Pick(str(at), formats.weight(self._weights[at]), run.name, tail=self._shape(at)))
        self.query_one("#parents", PickList).set_picks(picks)

    def _shape(self, at: int) -> str:
        from engine.app.old_adapter import shape

        adapter = self._parents.found[at].adapter if self._parents else None
        return text(shape(adapter)) if adapter else ""

    @on(PickList.Moved, "#methods")
    def _replan(self) -> None:
        """What the settings of now give, or what speaks against them."""
        if self._parents is not None:
            try:
                self._plan = self._parents.plan(self._method, self._weights, self._density, rows=self._options.rows)
            except TunedeckError as error:
                self._plan = error
        self.query_one("#methods", PickList).mark(self._method)
        self.query_one(".about", Prose).say(self._about())
        self.refresh_bindings()

    @property
    def _method(self) -> str:
        pick = self.query_one("#methods", PickList).current
        return pick.id if pick else "linear"

    @property
    def _trims(self) -> bool:
        from engine.models.adapter.mix import TRIMS

        return self._method in TRIMS

    def _about(self) -> str:
        from engine.app.mix import default_name, estimate

        if self._plan is None:
            return ""
        if isinstance(self._plan, TunedeckError):
            return self._plan.said
        rows = self._options.rows
        code = "mixes.called-own" if rows is None else "mixes.called-rows" if rows else "mixes.called-all"
        said = [
            text(code, name=self._options.name or default_name(self._plan), rows=rows or 0),
            text(estimate(self._plan)),
        ]
        if self._trims:
            said.append(text("mixes.at-density", share=self._density))
        return "\n".join([*said, *map(text, self._plan.notes)])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("start", "more", "less", "switch", "density", "options"):
            if self.view != "choose":
                return False
            if action == "density" and not self._trims:
                return False
            can = self._plan is not None and not isinstance(self._plan, TunedeckError)
            return True if can or (action != "start" and self._parents is not None) else None
        if action in ("keep", "throw_away"):
            return self.view == "result"
        return True

    def action_more(self) -> None:
        self._weigh(1)

    def action_less(self) -> None:
        self._weigh(-1)

    def _weigh(self, by: int) -> None:
        """More or less of the adapter under the cursor; a weight of 0 is passed over, below it is taken away."""
        parents = self.query_one("#parents", PickList)
        parents.focus()  # its cursor says whose weight it is
        at = int(parents.current.id)  # type: ignore[union-attr]
        weight = round(self._weights[at] + by * _STEP, 2)
        self._weights[at] = weight or round(by * _STEP, 2)
        self._show_parents()
        self._replan()

    def action_density(self) -> None:
        """The next share that ties and dare keep of each update."""
        self._density = _DENSITIES[(_DENSITIES.index(self._density) + 1) % len(_DENSITIES)]
        self._replan()

    @work
    async def action_options(self) -> None:
        """Another name, or other rows to be asked."""
        from engine.app.mix import default_name

        plan = self._plan
        if plan is None or isinstance(plan, TunedeckError):
            return
        chosen = await self.app.push_screen_wait(OptionsScreen(self._options, default_name(plan)))
        if chosen is not None:
            self._options = chosen
            self._replan()

    def action_switch(self) -> None:
        parents, methods = self.query_one("#parents"), self.query_one("#methods")
        (methods if parents.has_focus else parents).focus()

    @on(PickList.Chosen)
    def _chosen(self) -> None:
        self.action_start()

    def action_start(self) -> None:
        plan = self._plan
        if self._worker is not None or plan is None or isinstance(plan, TunedeckError):
            return
        self.query_one("#progress", Line).show(text("evaluate.starting"))
        self.show_view("running")
        self.begin(lambda: job.carry_out(plan, self, *self._options), "mix")

    @on(job.Ended)
    def _over(self, message: job.Ended) -> None:
        self._worker = None
        if message.mix is not None:
            self._ended = message
            self.show_view("result")
            self._draw()
            return
        self.show_view("choose")
        if message.problem is not None:
            self.trouble(message.problem)
        else:
            self.notify(text("mixes.stopped-on-screen", kept=message.kept), timeout=6)

    def on_resize(self) -> None:
        if self.is_whole:
            self._draw()

    def _draw(self) -> None:
        if self._ended is None or self._ended.mix is None or self._ended.run is None:
            return
        width = self.size.width - 6
        drawn = mix_parts(self._ended.run, self._ended.mix, width, colours_of(self.app))
        self.draw_parts(drawn, (id(self._ended), width, self.app.theme))

    def action_keep(self) -> None:
        self._settle(keeps=True)

    @work
    async def action_throw_away(self) -> None:
        from tui.widgets.dialogs import ConfirmScreen

        question = ConfirmScreen(
            text("mixes.throw-title"), text("mixes.throw-about"), (), text("mixes.key-throw"), text("app.not-now")
        )  # fmt: skip
        if await self.app.push_screen_wait(question):
            self._settle(keeps=False)

    @work(thread=True, group="settle", exclusive=True)
    def _settle(self, keeps: bool) -> None:
        from engine.app import mix as mixing

        run = self._ended.run if self._ended else None
        if run is None:
            return
        try:
            if keeps:
                self.post_message(self.Settled(mixing.keep(run)))
            else:
                mixing.throw_away(run)
                self.post_message(self.Settled(None))
        except TunedeckError as error:
            self.post_message(self.Settled(None, error))

    @on(Settled)
    def _settled(self, message: Settled) -> None:
        if message.problem is not None:
            self.trouble(message.problem)
            return
        self._ended = None
        if message.run is None:
            self.show_view("choose")
            self.notify(text("mixes.thrown-away"), timeout=6)
            return
        self.dismiss()
        self.app.post_message(messages.RunOpened(message.run))

    @work
    async def action_leave(self) -> None:
        """Back one layer: from a result, which waits, to the settings; from a running job to its stop; else away."""
        if self._worker is None or self.is_stopping:
            if self.view == "result":
                self.show_view("choose")
                self.notify(text("mixes.waits"), timeout=8)
            else:
                self.dismiss()
            return
        await self.ask_to_stop("mixes.stop-title", "mixes.stop-about")
