"""Judging by hand: two answers side by side without their names, one key a pair, about a second each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.screen import Screen

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui import keys, words
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.line import Prose
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen
from tui.world import world_of

if TYPE_CHECKING:
    from engine.app.judge import Bench
    from engine.runs.directory import RunDir
    from engine.runs.evaluations import Evaluation

_shown = partial(words.begun, most=20_000)
_SIDES = ("#side-a", "#side-b")


class JudgeScreen(WholeScreen, Screen[None]):
    """The pairs of a run's evaluation ``name`` ("": that of its training). Choices are kept as they are made."""

    AUTO_FOCUS = ""
    BINDINGS = keys.bindings(keys.JUDGE)
    HELP = "judge.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.JUDGE),)
    CSS_PATH = "judge.tcss"

    class Opened(Message):
        """The pairs were read, or why there are none."""

        def __init__(self, bench: Bench | None, problem: TunedeckError | None = None) -> None:
            super().__init__()
            self.bench, self.problem = bench, problem

    class Concluded(Message):
        """What the choices say."""

        def __init__(self, found: Evaluation | None, problem: TunedeckError | None = None) -> None:
            super().__init__()
            self.found, self.problem = found, problem

    def __init__(self, run: RunDir, name: str = "", against: str = "") -> None:
        super().__init__()
        self.run_dir, self._evaluation, self._against = run, name, against
        self._bench: Bench | None = None
        self._verdict_asked = False

    def compose(self) -> ComposeResult:
        yield TopLine(text("judge.title"), text("home.reading"))
        with Panel(text("judge.question"), id="question"), VerticalScroll(id="asked", can_focus=False):
            yield Prose("")
        with Horizontal(id="sides"):
            arrows = ("←", "→") if world_of(self).terminal.unicode else ("<", ">")
            for letter, place, key in zip("AB", _SIDES, arrows, strict=True):
                with (
                    Panel(text("judge.answer", letter=letter), key=key, classes="side"),
                    VerticalScroll(id=place[1:], can_focus=False),
                ):
                    yield Prose("")
        with Panel(text("judge.key-verdict"), id="done"), VerticalScroll(id="verdict", can_focus=False):
            yield Prose("")
        yield KeyBar(keys.in_bar(keys.JUDGE, keys.EVERYWHERE))

    def remembered(self) -> dict[str, Any]:
        named = {"name": self._evaluation, "against": self._against}
        return {"screen": "judge", "run": str(self.run_dir.path), **named}

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.run_dir.id,)

    def copied(self) -> str:
        """The pair that is asked about; once there is none, what the choices say."""
        if self.has_class("-done"):
            return self.query_one("#verdict").query_one(Prose).words
        pair = self._bench.current if self._bench is not None else None
        if pair is None:
            return ""
        return "\n\n".join(
            [pair.prompt, *(f"{letter}:\n{said}" for letter, said in zip("AB", pair.sides, strict=True))]
        )

    def on_mount(self) -> None:
        self._read()

    @work(thread=True, group="read")
    def _read(self) -> None:
        from engine.app.judge import open_bench

        try:
            self.post_message(self.Opened(open_bench(self.run_dir, self._evaluation, self._against)))
        except TunedeckError as error:
            self.post_message(self.Opened(None, error))

    @on(Opened)
    def _opened(self, message: Opened) -> None:
        self._bench = message.bench
        if message.problem is not None:
            error = message.problem
            said = "\n\n".join(each for each in (error.title, error.message, error.hint) if each)
            self._say(said)
            self.query_one(TopLine).show(right="")
        self._show()

    def _show(self) -> None:
        """The current pair, or after the last one what the choices say."""
        bench = self._bench
        if bench is None:
            return
        self.query_one(TopLine).show(f"{text('judge.title')}  {words.run_name(self.run_dir)}", self._state(bench))
        pair = None if self._verdict_asked else bench.current
        self.refresh_bindings()
        if pair is None:
            self._conclude()
            return
        self.set_class(False, "-done")
        wanted = f"\n\n{words.label('judge.wanted')}{_shown(pair.reference)}" if pair.reference.strip() else ""
        from engine.app.judge import dialogue

        said = "\n\n".join(_shown(text(turn)) for turn in dialogue(pair))
        self._fill("#asked", f"{said}{wanted}")
        if pair.earlier or pair.tools:  # the request is what both answered, and stands last
            self.query_one("#asked", VerticalScroll).scroll_end(animate=False)
        for place, answer in zip(_SIDES, pair.sides, strict=True):
            self._fill(place, _shown(answer) or text("judge.empty"))
        bench.look()

    def _fill(self, place: str, said: str) -> None:
        box = self.query_one(place, VerticalScroll)
        prose = box.query_one(Prose)
        prose.words = said
        prose.refresh(layout=True)
        box.scroll_home(animate=False)

    def _state(self, bench: Bench) -> str:
        pace = bench.seconds_a_pair
        left = text("judge.left", left=pace * len(bench.left)) if pace and bench.left else ""
        return f"{text('judge.progress', done=bench.done, total=bench.total)}{left}"

    def _say(self, said: str) -> None:
        self.set_class(True, "-done")
        self._fill("#verdict", said)

    @work(thread=True, group="conclude", exclusive=True)
    def _conclude(self) -> None:
        from engine.app.judge import conclude

        bench = self._bench
        assert bench is not None
        try:
            self.post_message(self.Concluded(conclude(bench)))
        except TunedeckError as error:
            self.post_message(self.Concluded(None, error))

    @on(Concluded)
    def _concluded(self, message: Concluded) -> None:
        if self._is_asking:  # a person went on to the pairs meanwhile: keys would choose what is not to be seen
            return
        if message.problem is not None:
            self._say(message.problem.said)
        elif message.found is not None:
            from engine.app.judge import lines_of

            self._say("\n\n".join(map(words.said, lines_of(message.found))))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        bench = self._bench
        if action.startswith("choose"):
            return True if self._is_asking else None
        if action == "verdict":
            return True if bench is not None and bench.chosen else None
        if action == "undo":
            return True if bench is not None and bench.chosen else None
        return True

    @property
    def _is_asking(self) -> bool:
        return self._bench is not None and self._bench.current is not None and not self._verdict_asked

    def action_choose_left(self) -> None:
        self._choose(0)

    def action_choose_right(self) -> None:
        self._choose(1)

    def action_choose_tie(self) -> None:
        self._choose(None)

    def _choose(self, side: int | None) -> None:
        if self._bench is not None and self._is_asking:
            bench = self._bench
            self._kept(lambda: bench.choose(side))

    def action_undo(self) -> None:
        if self._bench is not None:
            self._verdict_asked = False
            self._kept(self._bench.undo)

    def _kept(self, act: object) -> None:
        """Do ``act``, which writes a choice; a disk that refuses is told and nothing moves on."""
        try:
            act()  # type: ignore[operator]
        except TunedeckError as error:
            self.notify(clean(error.said), severity="error", timeout=6, markup=False)
        self._show()

    def action_verdict(self) -> None:
        """What the choices say so far; again: on with the pairs."""
        self._verdict_asked = not self._verdict_asked
        self._show()

    def action_scroll(self, lines: int) -> None:
        for place in ("#asked", *_SIDES, "#verdict"):
            self.query_one(place).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        self.dismiss()
