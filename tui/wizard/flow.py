"""The wizard: six steps over one draft, from nothing to a run that was started."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import replace
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import Screen

from engine.common.errors import ConfigError, TunedeckError
from engine.messages.catalogue import text
from engine.runs.directory import RunDir
from tui import keys, messages, shell
from tui.draft import draft as drafts
from tui.draft.draft import Draft, task_of
from tui.draft.facts import Facts
from tui.draft.findings import known_of
from tui.draft.services import Services
from tui.flow.chosen import chosen
from tui.flow.start import launch
from tui.flow.steps import QUESTIONS, is_skipped, place, step_title, why
from tui.flow.welcome import KEPT, NEW, contents, take
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.dialogs import ConfirmScreen
from tui.widgets.form import FormButton, FormField
from tui.widgets.line import Leads
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen
from tui.wizard.breakdown import BreakdownScreen, Terms
from tui.wizard.data.beside import RowsBeside
from tui.wizard.data.step import DataStep
from tui.wizard.footer import Foot
from tui.wizard.model.step import ModelStep
from tui.wizard.rail import Rail
from tui.wizard.review.step import ReviewStep
from tui.wizard.settings.make_fit import MakeFitScreen, helps
from tui.wizard.settings.step import SettingsStep
from tui.wizard.step import Step
from tui.wizard.strategy.step import StrategyStep
from tui.wizard.task.step import TaskStep
from tui.wizard.welcome import WelcomeStep
from tui.world import world_of

if TYPE_CHECKING:
    from engine.app.check import Known
    from engine.config.presets import Resolved


def _bindings() -> list[BindingType]:
    """The wizard's keys. Those with ctrl come before a text field's own (ctrl+k would empty it, ctrl+x cut)."""
    made = [Binding(*key) if isinstance(key, tuple) else key for key in keys.bindings(keys.WIZARD)]
    remedies: list[BindingType] = [
        Binding(str(number), f"fix({number})", f"Remedy {number}", show=False) for number in range(1, 10)
    ]
    return remedies + [replace(key, priority=True) if key.key.startswith("ctrl+") else key for key in made]


_KINDS: tuple[type[Step], ...] = (TaskStep, ModelStep, StrategyStep, DataStep, SettingsStep, ReviewStep)
STEPS = tuple(sorted(_KINDS, key=lambda kind: place(kind.NAME)))
OF_STEP = frozenset(key.id for key in keys.WIZARD if key.of_step)
WELCOME = -1
HUGE = (170, 44)
"""Columns and lines of a window in which the memory by term and the first rows stand beside the step."""


class WizardScreen(WholeScreen, Screen[None]):
    """Posts RunLaunched when the run was started, WizardLeft when one leaves; the draft is kept on every commit.

    ``prefill`` is a finished config, or a draft that is opened at its own step; one kept already is set aside then.
    """

    CSS_PATH = "wizard.tcss"
    AUTO_FOCUS = ""
    BINDINGS = _bindings()
    KEY_TABLES: ClassVar = (("widgets.keys", keys.WIZARD),)

    class Launched(Message):
        """The runner was started, or ``error`` says why it was not."""

        def __init__(self, run: RunDir | None, error: TunedeckError | None) -> None:
            super().__init__()
            self.run, self.error = run, error

    def __init__(self, prefill: Resolved | Draft | None = None, services: Services | None = None) -> None:
        super().__init__()
        self._services = services or Services()
        kept = drafts.newest()
        self._keeps, self._kept = True, ""
        begun = prefill if isinstance(prefill, Draft) else Draft.from_resolved(prefill) if prefill else None
        self.draft = begun or kept or Draft()
        if begun:
            self.draft.task = task_of(self.draft)
        self._displaces = kept is not None and begun is not None and kept.values != begun.values
        self.facts = Facts()
        self.index = WELCOME if begun is None and kept is not None else place(begun.step) if begun else 0
        self._reached = 0
        self._step: Step | None = None
        self._launching = False

    @property
    def step(self) -> Step | None:
        """The step on screen with all its fields; None for a moment while one gives way to another."""
        return self._step if self._step is not None and self._step.is_whole else None

    @property
    def step_name(self) -> str:
        return WelcomeStep.NAME if self.index == WELCOME else STEPS[self.index].NAME

    @property
    def hides_drafts(self) -> bool:
        """Whether nothing was answered here while there are drafts to be offered."""
        return not self.draft.is_begun and bool(drafts.load() or drafts.set_aside())

    def compose(self) -> ComposeResult:
        unicode = world_of(self).terminal.unicode
        yield TopLine(text("wizard.title"))
        with Horizontal(id="wizard-body"):
            yield Rail([step_title(kind.NAME) for kind in STEPS], "✓" if unicode else "ok")
            with Panel("", id="wizard-main"):
                yield Container(id="step-host")
                with Horizontal(id="wizard-buttons"):
                    yield FormButton(text("wizard.back"), id="go-back")
                    yield FormButton(text("wizard.next"), id="go-next")
            with VerticalScroll(id="side", can_focus=False):
                with Vertical(id="side-words"):
                    yield Panel(text("wizard.why"), Leads(), id="why")
                    yield RowsBeside(self._services.preview, id="side-rows")
                yield Panel(text("breakdown.title"), Terms(), id="side-memory")
        yield Foot(self._typed, self.facts, self._services)
        yield KeyBar(keys.in_bar(keys.WIZARD))

    async def on_mount(self) -> None:
        await self._show(self.index)
        if self.index != WELCOME:
            self._save()  # answers that came with it are kept even if one leaves at once

    def on_screen_resume(self) -> None:
        self.query_one(Foot).look(True)

    def on_screen_suspend(self) -> None:
        if self not in self.app.screen_stack:  # else something lies over it
            self.query_one(Foot).look(False)

    # Going from step to step

    def can_open(self, step: str) -> bool:
        """Whether the way from the first step has come to the one of that name, so that all before it is answered."""
        return self.index != WELCOME and self._reached >= place(step)

    async def open_setting(self, dotted: str) -> None:
        """Show all settings with the one called ``dotted`` to be edited."""
        self.facts.depth = 2
        await self._go_to("settings")
        if isinstance(self.step, SettingsStep):
            await self.step.edit(dotted)

    async def add_data(self, path: str) -> None:
        """Show the data with the file ``path`` added."""
        await self._go_to("data")
        if isinstance(self.step, DataStep):
            self.step.add(path)

    async def _go_to(self, step: str) -> None:
        if self.step is not None and not self._launching:
            self.step.commit()
            await self._show(place(step))

    async def _show(self, index: int) -> None:
        self.index = index
        self._reached = max(self._reached, index)
        kind = WelcomeStep if index == WELCOME else STEPS[index]
        host = self.query_one("#step-host", Container)
        self._step = None
        await host.remove_children()
        step = kind(self.draft, self.facts, self._services)
        await host.mount(step)
        self._step = step
        self.query_one("#go-back", FormButton).disabled = index <= 0
        self._name_button()
        self.query_one(KeyBar).rename("check", text(kind.CHECKS))
        self.query_one("#wizard-main", Panel).rename(text(QUESTIONS[kind.NAME]))
        self._tell_rail()
        self._tell_why()
        self._tell_terms()
        self._weigh()
        step.focus_first()
        if self._is_last:
            self.query_one("#go-next").focus()
        self.refresh_bindings()

    def _tell_rail(self) -> None:
        answers = [chosen(self.draft, kind.NAME) if at < self._reached else "" for at, kind in enumerate(STEPS)]
        skipped = place(StrategyStep.NAME) if self.facts.skipped else None
        self.query_one(Rail).show(self.index, self._reached, answers, skipped)

    @property
    def _is_last(self) -> bool:
        return self.index == len(STEPS) - 1

    def _name_button(self) -> None:
        """On the last step the button starts the run, or so many."""
        said = text("wizard.next")
        if self._is_last:
            seeds = self.draft.seeds
            said = text("wizard.start-group", runs=seeds) if seeds > 1 else text("wizard.start")
        self.query_one("#go-next", FormButton).set_label(said)

    @on(Step.Done)
    async def _done(self, message: Step.Done) -> None:
        if message.step is self.step:
            await self.action_next()

    @on(FormButton.Pressed)
    async def _pressed(self, message: FormButton.Pressed) -> None:
        await (self.action_next() if message.button.id == "go-next" else self.action_back())

    async def action_next(self) -> None:
        step = self.step
        if step is None or self._launching:
            return
        if isinstance(step, WelcomeStep):
            await self._begin(step.chosen)
            return
        if step.hold():
            return
        step.commit()
        findings = step.findings()
        await step.show_findings(findings)
        if findings or self._is_last:
            self._save()
        if findings:
            return
        if self._is_last:
            self._start()
        else:
            await self._go_on(self._following())

    async def _go_on(self, index: int) -> None:
        """Show another step; it is kept with the answers to this one, in one go."""
        self.draft.step = STEPS[index].NAME
        self._save()
        await self._show(index)

    def _following(self) -> int:
        """The step after this one. The strategy is passed over where there is no adapter to build on."""
        following = STEPS[self.index + 1].NAME
        if following != StrategyStep.NAME:
            return self.index + 1
        has_adapters = self._services.has_adapters(Path(world_of(self).root))
        self.facts.skipped = is_skipped(following, self.draft, has_adapters)
        return self.index + 1 + self.facts.skipped

    async def action_back(self) -> None:
        if self.index > 0:
            await self._return_to(self.index - 1)

    async def _return_to(self, index: int) -> None:
        """Show a step that was answered before, as this one stands now."""
        if self.step is not None and not self._launching:
            self.step.commit()
            await self._go_on(index)

    @on(Rail.Asked)
    async def _asked(self, message: Rail.Asked) -> None:
        """A click leads back to any step, and on as far as one has been, or one further; each on the way is checked."""
        if self.index == WELCOME or message.index > max(self._reached, self.index + 1):
            return
        if message.index < self.index:
            await self._return_to(message.index)
        while self.index < message.index and not self._is_last:
            before = self.index
            await self.action_next()
            if self.index == before:
                return
        if self.index > message.index:  # a step passed over on the way, that was asked for
            await self._return_to(message.index)

    async def _begin(self, chosen: str) -> None:
        """After the welcome: the kept draft at the step it was left, one set aside before, or an empty one."""
        if chosen != KEPT:
            self.draft = take(chosen, self.draft)
            self.facts.forget()
        self._reached = 0
        await self._show(place(self.draft.step))

    def ask_whether_to_continue(self) -> None:
        """A new fine-tuning is wanted, and here are answers of this session: go on with them, or begin anew."""

        async def answered(anew: bool | None) -> None:
            if anew:
                self.keep()
                await self._begin(NEW)

        if self.index != WELCOME:
            question = ConfirmScreen(
                text("wizard.continue-answers"), text("wizard.continue-answers-about", step=step_title(self.step_name)),
                contents(self.draft), text("wizard.start-new"), text("wizard.continue"),
            )  # fmt: skip
            self.app.push_screen(question, answered)

    async def action_leave(self) -> None:
        step = self.step
        if step is not None and await step.close():
            return
        if self.keep() and self.draft.is_begun:
            self.notify(text("wizard.answers-kept"), timeout=6, markup=False)
        self.post_message(messages.WizardLeft())

    def keep(self) -> bool:
        """What stands in the fields into the draft, and the draft onto the disk; whether nothing of it is lost now."""
        if self.step is not None and not isinstance(self.step, WelcomeStep):
            self.step.commit()
            self._save()
        return self._keeps or not self.draft.is_begun

    # The keys of single steps

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in OF_STEP:
            return bool(self.step and self.step.can(action))
        if action == "make_fit":
            return helps(self.facts)
        if action == "back":
            return None if self.index <= 0 else True
        return not self._is_last if action == "next" else True

    def why_not(self, action: str) -> str:
        """The key that goes on starts nothing: pressed once too often it would begin hours of work."""
        return text("wizard.start-by-enter") if action == "next" else ""

    def shell_of(self, action: str) -> str:
        """What looks at the same rows or the same adapter without a screen."""
        if action == "inspect":
            return shell.command(action, *filter(None, [str(self.draft.get("strategy.adapter") or "")]))
        if self.step_name != DataStep.NAME or action not in ("check", "xray"):
            return ""
        model = str(self.draft.get("model.name_or_path") or "")
        made = shell.command(action, *(each["path"] for each in self._data))
        return " ".join((made, "--model", shlex.quote(model))) if made and model else made

    @property
    def _data(self) -> list[dict[str, Any]]:
        return [each for each in self.draft.data_sources() if each.get("path")]

    def copied(self) -> str:
        """What the step gives where the focus is on none of its fields."""
        return super().copied() or (self.step.copied() if self.step is not None else "")

    def action_fix(self, number: int) -> None:
        if isinstance(self.step, ReviewStep):
            self.step.fix(number)

    def action_why(self) -> None:
        from tui.widgets.glossary import words_on
        from tui.widgets.help import HelpScreen

        checks = STEPS[max(0, self.index)].CHECKS
        known = [replace(key, code=checks) if key.id == "check" else key for key in keys.WIZARD]
        here = [key for key in known if self.check_action(key.id, ()) is not False]
        tables = (("widgets.keys", here), ("widgets.everywhere", keys.EVERYWHERE))
        title = text("wizard.why-step", step=step_title(self.step_name))
        self.app.push_screen(HelpScreen(title, why(self.step_name), tables, words_on(self)))

    @on(FormField.Entered)
    def _field_entered(self, message: FormField.Entered) -> None:
        self._tell_why(message.field)

    @on(FormField.Left)
    def _field_left(self, message: FormField.Left) -> None:
        if not message.field.control.has_focus:
            self._tell_why()

    def _tell_why(self, field: FormField | None = None) -> None:
        """What the step's choice means; above it the terms of the field that has the focus."""
        from tui.widgets.glossary import terms_in

        terms = terms_in(field.words) if field is not None else []
        self.query_one(Leads).say([*((term.name, term.says) for term in terms), *why(self.step_name)])

    # The consequence and the draft

    @on(Step.Touched)
    @on(ReviewStep.Fixed)
    def _touched(self) -> None:
        self._weigh()
        self._save()
        self._tell_rail()

    @on(FormField.Changed)
    def _weigh(self) -> None:
        """On every key; the draft takes what is typed when the focus leaves the field."""
        self.query_one(Foot).weigh()

    def _typed(self) -> Draft:
        return self.step.typed() if self.step is not None else self.draft

    @on(Foot.Weighed)
    def _weighed(self) -> None:
        self._tell_terms()
        if self.step is not None:
            self.step.weighed()
            self.refresh_bindings()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= HUGE[0] and event.size.height >= HUGE[1], "-huge")
        self._tell_terms()

    def _tell_terms(self) -> None:
        """The memory by term and the first rows, where there is room for them beside the step."""
        if self.has_class("-huge"):
            self.query_one(Terms).show(self.facts.fit)
            self.query_one(RowsBeside).show(self.draft, self.step_name)

    def action_breakdown(self) -> None:
        self.app.push_screen(BreakdownScreen(self.facts))

    def action_make_fit(self) -> None:
        if self.step is not None:
            self.step.commit()
            self.app.push_screen(MakeFitScreen(self.draft, self.facts, self._changed))

    async def _changed(self) -> None:
        """The draft was changed over the step: let the step show it before anything is read from its fields."""
        if self.step is not None:
            await self.step.reread()
        self._touched()

    def _save(self) -> None:
        if not self._keeps or not self.draft.is_begun:
            return
        try:
            if self._displaces:
                drafts.put_aside()
            self._displaces = False
            if (now := repr(self.draft)) != self._kept:  # it is asked for at every commit, and most change nothing
                drafts.save(self.draft)
            self._kept = now
        except TunedeckError as error:
            self.query_one(TopLine).show(right=text("wizard.draft-not-saved"))
            self.notify(str(error), severity="warning", markup=False)
            self._keeps = False
            return
        self.query_one(TopLine).show(right=text("wizard.draft-saved", at=world_of(self).clock()))

    # The start

    def _start(self) -> None:
        try:
            resolved = self.draft.resolve()
        except ConfigError as error:
            self._refuse(error)
            return
        self._launching = True
        if isinstance(self.step, ReviewStep):
            self.step.say(text("wizard.starting"))
        self._launch(resolved, known_of(self.draft, self.facts))

    @work(thread=True, group="launch", exclusive=True)
    def _launch(self, resolved: Resolved, known: Known) -> None:
        try:
            draft, machine = self.draft, self.facts.machine
            run = launch(resolved, draft.seeds, machine, known, world_of(self), draft.duplicated_from)
        except TunedeckError as error:
            self.post_message(self.Launched(None, error))
            return
        self.post_message(self.Launched(run, None))

    @on(Launched)
    def _launched(self, message: Launched) -> None:
        self._launching = False
        if message.run is None:
            self._refuse(message.error or TunedeckError("wizard.not-started"))
            return
        if self._keeps:
            with contextlib.suppress(OSError):
                drafts.discard()
        self.post_message(messages.RunLaunched(message.run, self.draft.seeds))

    def _refuse(self, error: TunedeckError) -> None:
        if isinstance(self.step, ReviewStep):
            self.step.say(error.said, wrong=True)


def _of_step(name: str) -> Callable[[WizardScreen], Awaitable[None]]:
    async def action(self: WizardScreen) -> None:
        step = self.step
        if step is not None and step.can(name):
            done = getattr(step, name)()
            if isawaitable(done):
                await done

    return action


for _name in OF_STEP:
    setattr(WizardScreen, f"action_{_name}", _of_step(_name))
