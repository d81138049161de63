"""A monkey at keyboard and mouse: seeded random keys, clicks, texts and window sizes over the whole app.

By hand in any number: ``python -m tests.tui.monkey 30 2000`` walks 30 seeds of 2,000 keys each, which begin on every
screen in turn, and tells the seeds that broke something.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from textual import events
from textual.keys import _character_to_key
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen

import tui.app
from engine.app import chat
from engine.app.compare.targets import of_run
from engine.app.demo import demo_layers
from engine.app.mix import Plan
from engine.common.errors import RunError
from engine.config.presets import Layer, resolve
from engine.models.chat_request import ChatRequest
from engine.runs.directory import RunLock
from engine.runs.exports import Export
from tests.tui import fake_runs
from tests.tui.chat.streaming import stand_in
from tests.tui.looking import said, screen_text, until
from tests.tui.machines import FakeWatch, no_gpu, with_gpus
from tests.tui.machines import gpu as a_gpu
from tests.tui.mixing.test_mixing import parents_of
from tests.tui.test_snapshots import evaluated, with_adapter
from tests.tui.wizard.making import GOOD, make_child, make_rows
from tests.tui.wizard.old_adapters import RELATED, make_run, make_whole_model
from tui import keys, messages
from tui.app import TunedeckApp
from tui.chat.screen import ChatScreen
from tui.draft.draft import Draft
from tui.draft.from_run import draft_from
from tui.draft.services import Services
from tui.export.push import PushScreen
from tui.export.screen import ExportScreen
from tui.home.screen import HomeScreen
from tui.mixing.screen import MixScreen
from tui.terminal import Terminal
from tui.widgets.dialogs import ConfirmScreen
from tui.wizard.flow import WizardScreen
from tui.world import World

SIZES = ((80, 24), (80, 24), (120, 40), (60, 18), (200, 60), (81, 34), (61, 19))
TINY = ((59, 17), (10, 3), (1, 1))
STORM = (
    (20, 5), (240, 70), (61, 19), (60, 18), (59, 70), (240, 17), (109, 33), (110, 34), (111, 35), (80, 70), (240, 18),
    (60, 70), (171, 44), (170, 45), (81, 25), (20, 70), (240, 5), (100, 30), (79, 23),
)  # fmt: skip
"""Sizes of a window that somebody pulls at: the least and the most, and both sides of where the layout changes."""
OWN = (
    "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "tab", "shift+tab", "enter", "enter", "space",
    "escape", "backspace", "delete", "ctrl+n", "ctrl+n", "ctrl+n", "ctrl+k", "ctrl+x",
)  # fmt: skip
"""Keys of widgets and lists; those a walk gets on with stand here more than once."""
STROKES: tuple[tuple[type[events.MouseEvent], ...], ...] = (
    (events.MouseDown, events.MouseUp), (events.MouseDown, events.MouseUp, events.MouseDown, events.MouseUp),
    (events.MouseScrollDown,), (events.MouseScrollUp,), (events.MouseDown, events.MouseMove, events.MouseUp),
)  # fmt: skip
"""What a hand does with a mouse: a click, two at once, the wheel, a drag."""
STEERING = "\x1b]0;x\x07a\tb\r\n\x00\x9b31m\u202ec"
"""What may stand in text that is pasted, and would steer a terminal."""
LETTERS = "abcdefgiklmnopqrstuvwxyz0123456789+-./?,~ ü好"
TABLES = [table for table in vars(keys).values() if isinstance(table, tuple)]
PLACES = (
    "home", "new", "task", "model", "strategy", "strategy+", "data", "data+", "settings", "review", "review+",
    "finished", "failed", "crashed", "live", "evaluate", "strength", "judge", "export", "mixing", "compare", "chat",
    "themes", "history", "adapter", "palette", "quality", "columns", "xray", "data mix", "kind", "make fit", "relation",
    "options", "push",
)  # fmt: skip
"""Where a walk begins, by its seed: home, an empty wizard, a filled one at a step, the monitor of a run, a screen."""
WAYS = {
    "history": ("home", "f"), "adapter": ("home", "a"), "palette": ("home", "colon"), "themes": ("home", "T"),
    "quality": ("data", "f5"), "columns": ("data", "f2"), "xray": ("data", "f6"), "data mix": ("data+", "f8"),
    "kind": ("model", "f5"), "make fit": ("settings", "f7"), "relation": ("strategy+", "f9"),
    "options": ("mixing", "f4"), "push": ("export", "P"),
}  # fmt: skip
"""Screens that a key leads to, and where it is pressed."""
BOUND = sorted({part for table in TABLES for key in table if key.id != "quit" for part in key.key.split(",")})


class MonkeyApp(TunedeckApp):
    """The real app over made-up runs, model, rows and children; no run is started."""

    CSS_PATH = [Path(tui.app.__file__).parent / name for name in ("base.tcss", "home/home.tcss")]  # noqa: RUF012

    def __init__(self, folder: Path, seed: int) -> None:
        self.rows = make_rows(folder / "orders.jsonl")
        (folder / "odd.csv").write_text("id,Frage,Antwort\n7,Was ist 1+1?,Zwei.\n")
        root = folder / "home" / "runs"
        root.mkdir(parents=True)
        base = make_whole_model(folder / "home" / "models" / "tiny-chat")
        self.older = make_run(root, base, self.rows)
        live, self._writer = fake_runs.training_run(root, 120, "live")
        self._step = 120
        self.runs = (
            fake_runs.finished_run(root), fake_runs.failed_run(root), fake_runs.crashed_run(root), live
        )  # fmt: skip
        self.measured, other = evaluated(root), with_adapter(root)
        self.asked: dict[str, Message] = {
            "evaluate": messages.EvaluateAsked(self.measured), "strength": messages.StrengthAsked(self.measured),
            "judge": messages.JudgeAsked(self.measured), "export": messages.ExportAsked(self.measured),
            "mixing": messages.MixAsked([self.measured, other]), "chat": messages.ChatAsked(ChatRequest(target="x")),
            "compare": messages.ComparisonAsked((of_run(self.measured), of_run(other))),
        }  # fmt: skip
        self._lock = RunLock(live.lock)
        self._lock.acquire()
        child = {"inspect": [GOOD], "relation": [RELATED], "kind": [_KIND], "probe": [{"type": "result"}], "xray": []}
        commands: dict[str, Any] = {}
        for name, answers in child.items():
            (folder / name).mkdir()
            commands[f"{name}_command"] = make_child(folder / name, *answers)
        self.services = Services(**commands)
        self.base = base
        turn = seed + seed // len(PLACES)  # in its next round each place has another terminal and machine
        terminal = Terminal() if turn % 4 else Terminal(colours="16", unicode=False)
        machine = with_gpus(a_gpu(0), a_gpu(1)) if turn % 2 else no_gpu()
        world = World(
            root=root, spawn=lambda run, **_: 1, refresh_s=0.05, terminal=terminal, demo=self._demo,
            watch_machine=FakeWatch(machine),
        )  # fmt: skip
        runs = dict(zip(("finished", "failed", "crashed", "live"), self.runs, strict=True))
        self.place = place = PLACES[seed % len(PLACES)]
        self.before, self.way = WAYS.get(place, (place, ""))
        if place in runs:
            super().__init__(world, "monitor", runs[place])
        elif self.before == "home" or self.before in self.asked:
            super().__init__(world)
        else:
            super().__init__(world, "wizard", prefill=self._answers(self.before))

    def _answers(self, place: str) -> Draft | None:
        """Answers as far as the step called ``place``; those of a run that goes on where there is "+" behind it."""
        if place == "new":
            return None
        step, goes_on, _ = place.partition("+")
        draft = draft_from(self.older) if goes_on else Draft.from_resolved(self._demo())
        draft.set("data.1.path" if goes_on else "data.0.path", str(self.rows))
        draft.step = step
        return draft

    def _demo(self) -> Any:
        model = {"name_or_path": str(self.base)}
        return resolve([*demo_layers(), Layer("demo", {"model": model, "data": [{"path": str(self.rows)}]})])

    def _wizard_screen(self) -> Screen[Any]:
        return WizardScreen(self._prefill, self.services)

    async def action_quit(self) -> None:
        """`q` on home leaves, and then nothing more could be pressed."""

    async def begin(self, pilot: Pilot[None]) -> None:
        """Go to where the walk begins."""
        if self.before in self.asked:
            home = self.screen
            self.post_message(self.asked[self.before])
            await until(pilot, lambda: self.screen is not home)
        if self.way:
            await until(pilot, self._is_there)
            before = self.screen
            if isinstance(before, ExportScreen):
                self.push_screen(PushScreen(self._exported()))
            elif self.place == "make fit":
                before.action_make_fit()  # type: ignore[attr-defined]  # whether or not it is needed
            while self.screen is before:
                self.post_message(events.Key(self.way, None))
                with contextlib.suppress(AssertionError):  # what is asked first is shown when it is asked again
                    await until(pilot, lambda: self.screen is not before, 3)
        await pilot.pause()

    def _exported(self) -> Export:
        """The adapter of a run as a PEFT folder."""
        adapter = self.measured.adapter
        files = {each.name: each.stat().st_size for each in adapter.iterdir() if each.is_file()}
        return Export(
            target="adapter", path=str(adapter), adapter=str(adapter), adapter_sha256="", base=str(self.base),
            files=files,
        )  # fmt: skip

    def _is_there(self) -> bool:
        """Whether the screen before the one to begin on can take its key."""
        if isinstance(self.screen, HomeScreen):
            return self.screen.is_read
        if isinstance(self.screen, MixScreen):
            return isinstance(self.screen._plan, Plan)
        return isinstance(self.screen, ExportScreen) or (
            isinstance(self.screen, WizardScreen) and self.screen.step is not None
        )

    def go_on(self) -> None:
        """The running training takes another step."""
        self._step += 1
        fake_runs.train(self._writer, self._step, self._step, 900)

    def let_go(self) -> None:
        self._lock.release()


_KIND = {"type": "result", "kind": "chat", "files_say": "chat", "model_says": "chat", "marks": []}


@contextlib.contextmanager
def harmless() -> Iterator[None]:
    """What would load the training libraries fails at once; a chat talks to a child that only pretends."""

    def fail(*_: Any, **__: Any) -> None:
        raise RunError("evaluate.ended", code=9, said="")

    with contextlib.ExitStack() as stack:
        for name in ("evaluate.run_request", "export.export", "mix.candidate"):
            stack.enter_context(patch(f"engine.app.{name}", fail))
        stack.enter_context(patch("engine.app.mix.parents", parents_of))
        for name in ("command", "found_by", "room_for"):
            stack.enter_context(patch.object(chat, name, getattr(chat, name)))
        stand_in(chat, "{}")
        yield


async def walk(folder: Path, seed: int, count: int, seen: Counter[str] | None = None) -> None:
    """Press ``count`` keys in bursts without waiting between them; then Escape must lead home.

    Raises whatever the app raised, with the keys that led to it; AssertionError where one stays stuck.
    """
    random_ = random.Random(seed)
    app = MonkeyApp(folder, seed)
    pressed: list[str] = []
    try:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(harmless())
            pilot = await stack.enter_async_context(app.run_test(size=(80, 24)))
            await app.begin(pilot)
            while len(pressed) < count and app._exception is None:
                for _ in range(random_.choice((1, 1, 2, 3, 6))):
                    pressed.append(_one(app, random_))
                if seen is not None:
                    shown = type(app.screen)
                    seen[f"{shown.__module__}.{shown.__name__}{getattr(app.screen, 'step_name', '')}"] += 1
                await pilot.pause(random_.choice((None, None, 0.001, 0.02)))
            pressed.append("HOME")
            await lead_home(app, pilot)
    except BaseException as error:
        broke = app._exception or error  # what is raised while it shuts down says nothing
        broke.add_note(f"seed {seed}, the last of {len(pressed)} keys: {' '.join(pressed[-40:])}")
        raise broke from None
    finally:
        app.let_go()


async def storm(folder: Path, seed: int, count: int) -> None:
    """Pull at the window wherever a walk begins, to ``count`` sizes, while a run goes on; then as after a walk."""
    random_ = random.Random(seed)
    app = MonkeyApp(folder, seed)
    try:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(harmless())
            pilot = await stack.enter_async_context(app.run_test(size=(80, 24)))
            first = app.screen
            await app.begin(pilot)
            leads_on = app.before in app.asked or app.way != ""
            await until(pilot, lambda: (app.screen is not first) is leads_on)
            begun = type(app.screen)
            for at, size in enumerate(random_.sample(STORM, count)):
                app.post_message(_resized(*size))
                if at % 4 == 0:
                    app.go_on()
                await pilot.pause(random_.choice((None, 0.001, 0.02)))
            app.post_message(_resized(80, 24))
            await until(pilot, lambda: app.size == (80, 24) and type(app.screen) is begun)
            await lead_home(app, pilot)
    finally:
        app.let_go()


async def lead_home(app: MonkeyApp, pilot: Pilot[None]) -> None:
    """Escape, again and again, comes home from anywhere; where a dialogue would be lost, once that was agreed to."""
    app.post_message(_resized(80, 24))
    for _ in range(80):
        await pilot.pause(0.02)
        if isinstance(app.screen, HomeScreen):
            break
        leaves_chat = isinstance(app.screen, ConfirmScreen) and isinstance(app.screen_stack[-2], ChatScreen)
        app.post_message(events.Key("y", "y") if leaves_chat else events.Key("escape", None))
    assert isinstance(app.screen, HomeScreen), f"stuck in {app.screen}\n{screen_text(app)}"
    await until(pilot, lambda: said("keys.new") in screen_text(app))


def _one(app: MonkeyApp, random_: random.Random) -> str:
    """Send one key, a text or another window size; what was sent."""
    kind = random_.random()
    if kind < 0.04:
        sizes = [random_.choice(SIZES)]
        if kind < 0.01:  # too small for anything, and back
            sizes.insert(0, random_.choice(TINY))
        for size in sizes:
            app.post_message(_resized(*size))
        return " ".join(f"{width}x{height}" for width, height in sizes)
    if kind < 0.1:
        x, y, button = random_.randrange(80), random_.randrange(24), random_.choice((1, 1, 3))
        for event in random_.choice(STROKES):
            app.post_message(event(None, x, y, 0, 0, button, False, False, False, x, y))
            x = min(79, x + random_.randrange(9) * (event is events.MouseMove))
        return f"mouse:{x},{y}"
    if kind < 0.13:
        text = random_.choice((str(app.rows), str(app.rows.with_name("odd.csv")), str(app.base), "/nowhere", STEERING))
        app.post_message(events.Paste(text))
        return f"paste:{text[-12:]!r}"
    if kind < 0.5:
        key, character = random_.choice(BOUND), None
        if len(key) == 1:
            character = key
    elif kind < 0.8:
        key, character = random_.choice(OWN), None
    else:
        character = random_.choice(LETTERS)
        key = character if character.isalnum() else _character_to_key(character)
    app.post_message(events.Key(key, character))
    return key


def _resized(width: int, height: int) -> events.Resize:
    from textual.geometry import Size

    return events.Resize(Size(width, height), Size(width, height))


def main() -> None:
    first, seeds, count = 0, int(sys.argv[1]), int(sys.argv[2])
    if len(sys.argv) > 3:
        first = int(sys.argv[3])
    seen: Counter[str] = Counter()
    broken = []
    here = Path.cwd()
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory(prefix="monkey-") as folder:
            os.environ |= {"TUNEDECK_HOME": f"{folder}/home", "HF_HOME": f"{folder}/hub"}
            os.chdir(folder)
            try:
                asyncio.run(walk(Path(folder), seed, count, seen))
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                broken.append(seed)
                import traceback

                print(f"--- seed {seed}")
                print("".join(traceback.format_exception(error)[-12:])[-3500:], flush=True)
            finally:
                os.chdir(here)
    print(f"{seeds} seeds of {count} keys: {len(broken)} broken {broken}")
    print(dict(seen))
    print("never met:", [name for name in screens() if not any(each.startswith(name) for each in seen)])


def screens() -> list[str]:
    """Every screen of the product, by module and name."""
    waiting, found = [Screen], set()
    while waiting:
        below = [each for each in waiting.pop().__subclasses__() if each.__module__.startswith("tui.")]
        waiting += below
        found |= {f"{each.__module__}.{each.__name__}" for each in below if not each.__subclasses__()}
    return sorted(found)


if __name__ == "__main__":
    main()
