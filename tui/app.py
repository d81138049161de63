"""The app: three places (home, wizard, monitor), the way between them, and the world they live in."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.app import App
from textual.geometry import Size
from textual.notifications import Notify
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.worker import get_current_worker

from engine.common import settings
from engine.common.clean_text import clean
from engine.common.errors import reason_of
from engine.messages.catalogue import text
from tui import keys, messages
from tui.clicks import Clicks
from tui.frames import ChangesDriver
from tui.machine import MachineFeed
from tui.theme import THEMES, PlainScrollBar, chosen
from tui.widgets.whole import LEAST_COLUMNS, LEAST_ROWS, WholeScreen
from tui.world import World

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from engine.runs.directory import RunDir
    from tui.draft.draft import Draft
    from tui.notices import TerminalNotices
    from tui.palette.offers import Offer
    from tui.session import Session
    from tui.wizard.flow import WizardScreen

_LONGEST_MOUNT_S = 5.0


class TunedeckApp(App[None]):
    """``route`` is the place to begin in: home, wizard or monitor (which needs ``run``).

    With ``judged``, an evaluation of ``run`` and a candidate, its pairs are judged first. Into ``session`` goes what
    is to come back at the next start; it says how the places looked before. One that ``only_watches`` shows ``run``
    and ends where it is left.
    """

    TITLE = "tunedeck"
    CSS_PATH = ["base.tcss", "home/home.tcss"]  # noqa: RUF012
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = "Input, Select"
    BINDINGS = keys.bindings(keys.EVERYWHERE)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012

    def __init__(
        self,
        world: World | None = None,
        route: str = "home",
        run: RunDir | None = None,
        prefill: Resolved | Draft | None = None,
        judged: tuple[str, str] | None = None,
        talk: messages.ChatAsked | None = None,
        session: Session | None = None,
        only_watches: bool = False,
    ) -> None:
        # App begins in this mode, so that no empty screen is built, styled and sent first.
        self.DEFAULT_MODE = route  # type: ignore[misc]
        world = world or World()
        # Without colours Textual would make greys of a theme's own, which is black on black: all go instead.
        super().__init__(ChangesDriver, ansi_color=True if world.terminal.colours == "none" else None)
        self.world = world
        self._clicks = Clicks(self)
        self.machine_feed = MachineFeed(self.world)
        self.watched: list[RunDir] = [run] if run else []
        self._run, self._prefill, self._judged, self._talk = run, prefill, judged, talk
        self._session, self._only_watches = session, only_watches
        self._looks: dict[str, dict[str, Any]] = session.looks if session is not None else {}
        self._notices: TerminalNotices | None = None
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = chosen(self.world.terminal).name
        self.set_class(not self.world.terminal.unicode, "-ascii")
        self.set_class(self.world.terminal.sixteen, "-sixteen")
        ScrollBar.renderer = ScrollBarRender if self.world.terminal.unicode else PlainScrollBar
        self.add_mode("home", self._home_screen)
        self.add_mode("wizard", self._wizard_screen)
        self.add_mode("monitor", self._monitor_screen)

    async def on_event(self, event: events.Event) -> None:
        """What is typed ahead waits until the screen it meets is there with all its children."""
        if isinstance(event, (events.InputEvent, events.Paste)) and not event.is_forwarded:
            if await self._clicks.holds(event):
                return
            if isinstance(event, events.Paste):  # from anywhere, a web page say
                event.text = clean(event.text)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.screen._mounted_event.wait(), _LONGEST_MOUNT_S)
        await super().on_event(event)

    def on_mount(self) -> None:
        self.mode_change_signal.subscribe(self, self._mode_changed)
        if self._judged is not None and self._run is not None:
            self.post_message(messages.JudgeAsked(self._run, *self._judged))
        if self._talk is not None:
            self.post_message(self._talk)
        if self._session is not None and self._session.over:
            self.run_worker(self._reopen(self._session.over))
        if (why := settings.trouble()) is not None:
            told = text("app.settings-unread", path=settings.file(), why=reason_of(why))
            self.notify(told, severity="warning", timeout=10, markup=False)
        if self._session is not None or not self.is_headless:
            # Else nothing would be kept, and the terminal left as it is while a screen is drawn on it.
            for number in (signal.SIGHUP, signal.SIGTERM):
                if signal.getsignal(number) is signal.SIG_DFL:
                    asyncio.get_running_loop().add_signal_handler(number, self.exit)

    def on_unmount(self) -> None:
        self.machine_feed.stop()

    @property
    def notices(self) -> TerminalNotices:
        """What tells the terminal of runs while it has no focus, made when it is first needed."""
        if self._notices is None:
            from tui.notices import TerminalNotices

            self._notices = TerminalNotices(self.send_to_terminal, lambda: not self.app_focus)
        return self._notices

    def send_to_terminal(self, made: str) -> None:
        """Write an escape sequence that draws nothing."""
        if made and self._driver is not None and not self.is_headless:
            self._driver.write(made)
            self._driver.flush()

    def on_resize(self, event: events.Resize) -> None:
        self._mind_size(event.size)  # self.size is still the old one here
        self._forget_frame()

    def _forget_frame(self) -> None:
        """The next frame is sent whole: what the terminal shows is not what was sent to it."""
        if isinstance(self._driver, ChangesDriver):
            self._driver.picture.forget()

    def _mode_changed(self, _: str) -> None:
        self._mind_size(self.size)

    def _mind_size(self, size: Size) -> None:
        """Cover whatever is shown while the window is too small for it."""
        is_covered, is_too_small = (
            self.screen.has_class("too-small"),
            size.width < LEAST_COLUMNS or size.height < LEAST_ROWS,
        )
        if is_too_small and not is_covered:
            from tui.widgets.dialogs import TooSmallScreen

            self.push_screen(TooSmallScreen())
        elif is_covered and not is_too_small:
            self.pop_screen()

    def action_help_quit(self) -> None:
        """Ctrl+C, pressed out of habit: it may be meant to copy, so it names the key that leaves."""
        self.notify(text("app.how-to-quit"))

    @on(Notify)
    def _make_room(self) -> None:
        """News on the rule above the keys gives way to what comes after it: only troubles pile up."""
        for earlier in list(self._notifications):
            if earlier.severity == "information":
                self._unnotify(earlier, refresh=False)

    def exit(self, *args: Any, **kwargs: Any) -> None:
        self._keep_session()
        super().exit(*args, **kwargs)

    def _keep_session(self) -> None:
        """Write down what is to come back at the next start."""
        if self._session is None or not self._screen_stacks.get(self.current_mode):
            return
        for place in self._screen_stacks:
            self._remember(place)
        self._session.place = self.current_mode
        over = (each for each in self._screen_stacks[self.current_mode][1:] if each.is_mounted)
        self._session.over = [kept for each in over if hasattr(each, "remembered") and (kept := each.remembered())]
        self._session.run = str(self._run.path) if self._run is not None and self.current_mode == "monitor" else ""
        self._session.save()

    def _remember(self, place: str) -> None:
        """How the screen of ``place`` looks now, as plain JSON, for the next one there."""
        stack = self._screen_stacks.get(place)
        if stack and stack[0].is_mounted and hasattr(stack[0], "remembered"):
            self._looks[place] = stack[0].remembered()

    def _as_it_was(self, place: str, screen: Screen[Any]) -> Screen[Any]:
        """Before it is mounted it gets what one of the same place remembered, maybe another version's or of another
        run: what makes no sense is passed over."""
        if place in self._looks and hasattr(screen, "recall"):
            screen.recall(self._looks[place])
        return screen

    async def _reopen(self, over: list[dict[str, Any]]) -> None:
        """Show again what lay over the place that was left, once that place is there."""
        from tui.reopening import screen_of

        for kept in over:
            screen = await asyncio.to_thread(screen_of, kept, self.world.root)
            if screen is not None:
                await self.push_screen(screen)

    def _home_screen(self) -> Screen[Any]:
        from tui.home.screen import HomeScreen

        return self._as_it_was("home", HomeScreen())

    def _wizard_screen(self) -> Screen[Any]:
        from tui.wizard.flow import WizardScreen

        return WizardScreen(self._prefill)

    def _monitor_screen(self) -> Screen[Any]:
        from tui.monitor.screen import MonitorScreen

        assert self._run is not None
        return self._as_it_was("monitor", MonitorScreen(self._run, self._only_watches))

    @on(messages.WizardAsked)
    async def _open_wizard(self, message: messages.WizardAsked) -> None:
        if self._only_watches:  # from there the way leads home, which steers
            self.notify(text("viewers.refused"), markup=False)
            return
        open_now = self._wizard()
        if message.prefill is not None or (open_now is not None and open_now.hides_drafts):
            await self._forget("wizard")
            self._prefill, open_now = message.prefill, None
        self.clear_notifications()
        self.switch_mode("wizard")
        if open_now is not None and open_now.draft.is_begun:
            open_now.ask_whether_to_continue()

    def _wizard(self) -> WizardScreen | None:
        """The wizard with the answers of this session, where there is one."""
        if "wizard" not in self._screen_stacks:
            return None
        from tui.wizard.flow import WizardScreen

        return next((each for each in self._screen_stacks["wizard"] if isinstance(each, WizardScreen)), None)

    async def action_quit(self) -> None:
        """Leave; what stands in the wizard's fields is kept, and where that can't be, a person is asked first."""
        wizard = self._wizard()
        if wizard is None or wizard.keep():
            self.exit()
            return
        from tui.widgets.dialogs import ConfirmScreen

        question = ConfirmScreen(
            text("app.unsaved"), text("app.unsaved-about"), (), text("keys.quit"), text("app.stay")
        )
        self.push_screen(question, lambda leaves: self.exit() if leaves else None)

    @on(messages.AdapterAsked)
    def _show_adapter(self, asked: messages.AdapterAsked) -> None:
        from tui.home.adapter import AdapterScreen

        self.push_screen(AdapterScreen(asked.named, asked.base, asked.base_named, asked.pickles))

    @on(messages.HistoryAsked)
    def _show_history(self, asked: messages.HistoryAsked) -> None:
        from tui.home.family import FamilyScreen

        self.push_screen(FamilyScreen(asked.run))

    @on(messages.EvaluateAsked)
    def _evaluate(self, asked: messages.EvaluateAsked) -> None:
        from tui.evaluation.screen import EvaluateScreen
        from tui.evaluation.strength import StrengthScreen

        is_strength = isinstance(asked, messages.StrengthAsked)
        self.push_screen(StrengthScreen(asked.run_dir) if is_strength else EvaluateScreen(asked.run_dir))

    @on(messages.ExportAsked)
    def _export(self, asked: messages.ExportAsked) -> None:
        from tui.export.screen import ExportScreen

        self.push_screen(ExportScreen(asked.run_dir))

    @on(messages.MixAsked)
    def _mix(self, asked: messages.MixAsked) -> None:
        from tui.mixing.screen import MixScreen

        self.push_screen(MixScreen(asked.runs, asked.made))

    @on(messages.JudgeAsked)
    def _judge(self, asked: messages.JudgeAsked) -> None:
        from tui.judge.screen import JudgeScreen

        self.push_screen(JudgeScreen(asked.run_dir, asked.name, asked.against))

    @on(messages.ThemesAsked)
    def _choose_theme(self) -> None:
        from tui.themes.screen import ThemesScreen

        self.push_screen(ThemesScreen())

    @on(messages.ComparisonAsked)
    def _show_comparison(self, asked: messages.ComparisonAsked) -> None:
        from tui.compare.screen import CompareScreen

        self.push_screen(CompareScreen(asked.targets))

    @on(messages.ChatAsked)
    def _chat(self, asked: messages.ChatAsked) -> None:
        from tui.chat.screen import ChatScreen

        self.push_screen(ChatScreen(asked.request, asked.manner))

    @on(messages.WizardLeft)
    def _leave_wizard(self) -> None:
        self.switch_mode("home")

    @on(messages.ThemeChosen)
    async def _recolour(self) -> None:
        """Lines of home and of the monitor hold the colours that they were drawn with."""
        if self.current_mode == "home":
            await self._speak_it()
        elif self.current_mode == "monitor" and self._run is not None:
            await self._watch(self._run)

    @on(messages.LanguageChosen)
    async def _speak_it(self) -> None:
        """Draw home anew; other places are made when they are opened next, the wizard with its answers."""
        if (wizard := self._wizard()) is not None:
            wizard.keep()
            self._prefill = wizard.draft if wizard.draft.is_begun else None
            await self._forget("wizard")
        self.add_mode("between", Screen)
        with self.batch_update():
            await self.switch_mode("between")
            await self._forget("home")
            await self.switch_mode("home")
        await self.remove_mode("between")

    @on(messages.RunOpened)
    async def _open_run(self, message: messages.RunOpened) -> None:
        await self._watch(message.run_dir)

    @on(messages.RunLaunched)
    async def _run_launched(self, message: messages.RunLaunched) -> None:
        await self._watch(message.run_dir)
        if message.runs > 1:
            self.notify(text("app.group-launched", runs=message.runs), timeout=8)
        self._prefill = None
        await self._forget("wizard")

    @on(messages.MonitorLeft)
    async def _leave_monitor(self, message: messages.MonitorLeft) -> None:
        if self._only_watches:  # home would steer
            self.exit()
            return
        self.switch_mode("home")
        await self._forget("monitor")
        if message.running:
            self.notify(text("app.keeps-running"), timeout=6)

    async def _watch(self, run: RunDir) -> None:
        if self.current_mode == "monitor":
            self.switch_mode("home")
        await self._forget("monitor")
        self._run = run
        self.watched.append(run)
        self.clear_notifications()
        self.switch_mode("monitor")

    async def _forget(self, mode: str) -> None:
        """Close the screens of ``mode``, so that its next visit begins anew."""
        if mode not in self._screen_stacks:
            return
        self._remember(mode)
        factory = self._modes[mode]
        if self.current_mode == mode:
            self.switch_mode("home")
        await self.remove_mode(mode)
        self.add_mode(mode, factory)

    async def push_screen_wait(self, screen: Screen[Any] | str, *, mode: str | None = None) -> Any:
        """Textual's own first waits, in the worker, for screens that are being closed. Where one of them is that of the
        worker, it is cancelled, and with it what it waits for: nothing would ever move again."""
        node = get_current_worker().node
        if isinstance(node, Screen) and node is not self.screen:
            raise asyncio.CancelledError  # the screen that asks was left, or asks something already
        return await asyncio.shield(self.push_screen(screen, wait_for_dismiss=True, mode=mode))

    def action_palette(self) -> None:
        """Everything that can be done or opened from here, by name."""
        from tui.palette.screen import PaletteScreen

        async def chosen(offer: Offer | None) -> None:
            done = offer.act() if offer is not None else None
            if isawaitable(done):
                await done

        self.push_screen(PaletteScreen(self.screen), chosen)

    def action_copy(self) -> None:
        """Copy what is under the cursor: each screen tells it by ``copied``."""
        from tui.clipboard import copy

        copied = self.screen.copied() if isinstance(self.screen, WholeScreen) else ""
        copy(self, copied, self.send_to_terminal)

    def action_picture(self) -> None:
        """A picture of the screen, into the folder of the run that it shows, else into the home."""
        from tui import clipboard, screenshot

        over = (getattr(each, "run_dir", None) for each in reversed(self.screen_stack))  # a dialog lies over its screen
        run: RunDir | None = next(filter(None, over), None)
        try:
            path = screenshot.save(self, run.path if run else None)
        except OSError as error:
            self.notify(text("clipboard.no-picture", reason=reason_of(error)), severity="warning", markup=False)
        else:
            self.notify(text("clipboard.picture", path=clipboard.short(path)), timeout=8, markup=False)

    def action_redraw(self) -> None:
        """Whatever another program wrote over the screen goes."""
        self._forget_frame()
        self.screen.refresh()

    def action_help(self) -> None:
        from tui.widgets.help import HelpScreen

        self.push_screen(HelpScreen.of(self.screen))
