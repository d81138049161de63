"""What happened, as messages that travel up to the screen or the app; handlers alone touch widgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from engine.app.compare.targets import Target
    from engine.app.post_mortem import PostMortem
    from engine.config.presets import Resolved
    from engine.machine.snapshot import Machine
    from engine.models.card import ModelCard
    from engine.models.chat_request import ChatRequest
    from engine.runs.directory import RunDir
    from engine.runs.group_summary import Line
    from engine.runs.state import RunState
    from engine.runs.viewers import Viewer
    from tui.draft.draft import Draft
    from tui.draft.manner import Manner


class WizardAsked(Message):
    """A person wants a new run; ``prefill`` holds the answers to start from, a whole config's or some."""

    def __init__(self, prefill: Resolved | Draft | None = None) -> None:
        super().__init__()
        self.prefill = prefill


class WizardLeft(Message):
    """The wizard was left without a run; its draft is kept."""


class AdapterAsked(Message):
    """A person wants to see everything about an adapter (a run's or a folder's) on ``base``, None for its own."""

    def __init__(self, named: str, base: ModelCard | None = None, base_named: str = "", pickles: bool = False) -> None:
        super().__init__()
        self.named, self.base, self.base_named, self.pickles = named, base, base_named, pickles


class HistoryAsked(Message):
    """A person wants to see what was made from what, with the cursor on the run of this id."""

    def __init__(self, run: str = "") -> None:
        super().__init__()
        self.run = run


class _OfRun(Message):
    def __init__(self, run_dir: RunDir) -> None:
        super().__init__()
        self.run_dir = run_dir


class EvaluateAsked(_OfRun):
    """A person wants to evaluate a run that has an adapter."""


class StrengthAsked(EvaluateAsked):
    """A person wants to see how strong a run's adapter acts, or to keep another strength."""


class ExportAsked(_OfRun):
    """A person wants to take a run's model to another program."""


class MixAsked(Message):
    """A person wants to mix the adapters of runs into one, or to keep or throw away the mix ``made`` of them."""

    def __init__(self, runs: Sequence[RunDir], made: RunDir | None = None) -> None:
        super().__init__()
        self.runs, self.made = tuple(runs), made


class JudgeAsked(Message):
    """A person wants to judge pairs of answers of a run's evaluation ``name``, "" for that of its training."""

    def __init__(self, run_dir: RunDir, name: str = "", against: str = "") -> None:
        super().__init__()
        self.run_dir, self.name, self.against = run_dir, name, against


class ComparisonAsked(Message):
    """A person wants to see runs side by side."""

    def __init__(self, targets: Sequence[Target]) -> None:
        super().__init__()
        self.targets = tuple(targets)


class ChatAsked(Message):
    """A person wants to talk to a model; ``manner`` says how it is to answer, None for the usual way."""

    def __init__(self, request: ChatRequest, manner: Manner | None = None) -> None:
        super().__init__()
        self.request, self.manner = request, manner


class LanguageChosen(Message):
    """Everything is to be shown in another language."""


class RunLaunched(Message):
    """A run directory was created and its runner started; of ``runs`` in a group it is the first."""

    def __init__(self, run_dir: RunDir, runs: int = 1) -> None:
        super().__init__()
        self.run_dir, self.runs = run_dir, runs


class RunOpened(_OfRun):
    """A person wants to watch a run."""


class MonitorLeft(Message):
    """The monitor was left; whatever it showed goes on."""

    def __init__(self, run_dir: RunDir, running: bool) -> None:
        super().__init__()
        self.run_dir = run_dir
        self.running = running


class ThemesAsked(Message):
    """A person wants other colours."""


class ThemeChosen(Message):
    """The colours are others from now on."""


class RunAdvanced(Message):
    """The newest state of a followed run; an older unread one may be dropped."""

    def __init__(self, run_dir: RunDir, state: RunState, caught_up: bool) -> None:
        super().__init__()
        self.run_dir = run_dir
        self.state = state
        self.caught_up = caught_up

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunAdvanced) and message.run_dir == self.run_dir


class ViewersChanged(Message):
    """Who has the watched run open, this screen too; empty where that can't be told."""

    def __init__(self, viewers: tuple[Viewer, ...]) -> None:
        super().__init__()
        self.viewers = viewers


class PostMortemFound(Message):
    """Why memory ended the watched run, and what would help; None when it can't be told after all."""

    def __init__(self, found: PostMortem | None) -> None:
        super().__init__()
        self.found = found


class RunsSummarised(Message):
    """The list of runs as it is now, newest first, those of a group in one line; and the mixes that are not kept."""

    def __init__(self, runs: tuple[Line, ...], mixes: Sequence[RunDir] = ()) -> None:
        super().__init__()
        self.runs, self.mixes = runs, tuple(mixes)


class MachineRead(Message, bubble=False):
    """The machine as it is now; an older unread reading may be dropped."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, MachineRead)
