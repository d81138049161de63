"""What the command palette offers: what the present screen can do now, and what is found by name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.actions import parse
from textual.app import App
from textual.dom import DOMNode
from textual.fuzzy import FuzzySearch
from textual.screen import Screen

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui import keys, messages, shell, words
from tui.clipboard import short
from tui.widgets.bars import KeyBar
from tui.widgets.whole import WholeScreen
from tui.world import world_of

if TYPE_CHECKING:
    from engine.runs.directory import RunDir
    from tui.keys import Key

_MOVES = {"palette", "scroll", "left", "right", "go", "move", "more", "less", "turn_on", "turn_back", "mark"}
"""Actions by which a hand moves: nobody looks them up by name."""
_MOST_RUNS, _MOST_FILES = 2000, 200
_MOST_WAYS = 5000
"""Ways to find the letters of a word in a text, beyond which only the word itself counts."""


@dataclass(frozen=True)
class Offer:
    """A line of the palette: ``act`` does it, ``shell`` is what does or names the same in a shell.

    ``words`` are others by which it is found.
    """

    title: str
    about: str
    act: Callable[[], Awaitable[object] | object]
    key: str = ""
    shell: str = ""
    words: str = ""


def actions(screen: Screen[Any]) -> Iterator[Offer]:
    """What can be done now on ``screen``, in the order of its tables of keys, then what can be done everywhere."""
    renamed = {name: words for bar in screen.query(KeyBar) for name, words in bar.renamed.items()}
    seen: set[str] = set()
    titles: set[str] = set()
    for table in (*(table for _, table in getattr(screen, "KEY_TABLES", ())), keys.EVERYWHERE):
        for key in table:
            _, name, parameters = parse(key.id)
            node = screen.whose(name) if isinstance(screen, WholeScreen) else None
            if key.id in seen or name in _MOVES or node is None or node.check_action(name, parameters) is not True:
                continue
            if name == "copy" and not (isinstance(screen, WholeScreen) and screen.copied()):
                continue
            title = renamed.get(key.id, key.text)
            if table is keys.EVERYWHERE and title in titles:  # the screen has a key of its own for it
                continue
            seen.add(key.id)
            titles.add(title)
            resumes = name == "pause" and getattr(screen, "is_held", False)  # one key does both
            made = screen.shell_of("resume" if resumes else name) if isinstance(screen, WholeScreen) else ""
            yield Offer(title, key.tooltip, _runs(screen, key, node), key.shown, made, name.replace("_", " "))


def _runs(screen: Screen[Any], key: Key, node: DOMNode) -> Callable[[], Awaitable[object]]:
    return partial(screen.app.run_action, key.id, node)


def places(app: App[Any], screen: Screen[Any]) -> Iterator[Offer]:
    """What home's keys lead to, from the wizard and the monitor: a new run, the demo, the history, the colors."""
    if app.screen_stack != [screen] or app.current_mode not in ("wizard", "monitor"):
        return
    if getattr(screen, "only_watches", False):
        return

    async def demo() -> None:
        try:
            prefill = await asyncio.to_thread(world_of(app).demo)
        except TunedeckError as error:
            app.notify(clean(str(error)), severity="error", markup=False)
        else:
            app.post_message(messages.WizardAsked(prefill))

    run = getattr(screen, "run_dir", None)
    ways: dict[str, Callable[[], Awaitable[object] | object]] = {
        "new": lambda: app.post_message(messages.WizardAsked()), "demo": demo,
        "family": lambda: app.post_message(messages.HistoryAsked(run.id if run is not None else "")),
        "themes": lambda: app.post_message(messages.ThemesAsked()),
    }  # fmt: skip
    if app.current_mode == "wizard":
        del ways["new"]
    for key in keys.HOME:
        if key.id in ways:
            yield Offer(key.text, key.tooltip, ways[key.id], shell=shell.command(key.id))


def settings(screen: Screen[Any]) -> Iterator[Offer]:
    """The fields of the wizard, once its step of settings was reached."""
    opens = getattr(screen, "open_setting", None)
    if opens is None or not screen.can_open("settings"):  # type: ignore[attr-defined]
        return
    from tui.draft import fields
    from tui.flow.settings import all_fields

    draft = screen.draft  # type: ignore[attr-defined]
    for name in all_fields(draft):
        value = draft.get(name)
        shown = fields.show(value) or text("settings.empty")
        label = fields.spec_of(name).label
        yield Offer(name, text("palette.setting", label=label, value=shown), partial(opens, name),
                    shell=fields.assignment(name, value), words=label)  # fmt: skip


def fields(app: App[Any], run: RunDir | None) -> Iterator[Offer]:
    """Every field of a config with its value in ``run``, else its default: chosen, it is copied. For a thread."""
    from tui.clipboard import copy
    from tui.draft import fields as known
    from tui.draft.draft import Draft
    from tui.draft.from_run import copy_of
    from tui.flow.settings import all_fields

    try:
        draft = copy_of(run) if run is not None else Draft()
    except TunedeckError:  # its config can't be read
        return
    code = "palette.field" if run is None else "palette.field-of-run"
    send = getattr(app, "send_to_terminal")  # noqa: B009 - of our app, which lies above
    for name in all_fields(draft):
        value = draft.get(name)
        made, label = known.assignment(name, value), known.spec_of(name).label
        about = text(code, label=label, value=known.show(value) or text("settings.empty"))
        yield Offer(name, about, partial(copy, app, made, send), shell=made, words=label)


def runs(app: App[Any], root: Path) -> Iterator[Offer]:
    """The runs in ``root``, the newest first, and the adapters they made. For a thread."""
    from engine.runs.directory import list_runs

    for run in list_runs(root)[:_MOST_RUNS]:
        name = words.run_name(run)
        yield Offer(name, text("palette.run", run=run.id), partial(app.post_message, messages.RunOpened(run)),
                    shell=shell.command("open", run.id), words=run.id)  # fmt: skip
        if run.has_adapter:
            asked = messages.AdapterAsked(str(run.path))
            yield Offer(name, text("palette.adapter", run=run.id), partial(app.post_message, asked),
                        shell=shell.command("adapter", run.id), words=run.id)  # fmt: skip


def models(app: App[Any]) -> Iterator[Offer]:
    """The models on this machine, to fine-tune them. For a thread."""
    from engine.models.local import find_models
    from tui.draft.draft import Draft

    def begin(path: str) -> None:
        draft = Draft()
        draft.set("model.name_or_path", path)
        app.post_message(messages.WizardAsked(draft))

    for card in find_models():
        path = str(card.path)
        name = clean(card.name, keep_newlines=False)
        yield Offer(name, text("palette.model", path=short(card.path)), partial(begin, path), shell=path)


def files(app: App[Any], screen: Screen[Any], folder: Path) -> Iterator[Offer]:
    """The data files in ``folder``: to add one to the wizard's data, or to begin with it. For a thread."""
    from engine.data.files.sources import READERS
    from tui.draft.draft import Draft

    adds = getattr(screen, "add_data", None) if getattr(screen, "can_open", lambda _: False)("data") else None

    def begin(path: str) -> None:
        draft = Draft()
        draft.set_data([{"path": path}])
        app.post_message(messages.WizardAsked(draft))

    act = adds or begin
    try:
        found = sorted(each for each in folder.iterdir() if each.name.endswith(tuple(READERS)) and each.is_file())
    except OSError:
        return
    for path in found[:_MOST_FILES]:
        about = text("palette.add-file" if adds else "palette.file", path=short(path.parent))
        yield Offer(clean(path.name, keep_newlines=False), about, partial(act, str(path)), shell=str(path))


def matching(offers: Sequence[Offer], wanted: str) -> list[Offer]:
    """Those in which each word of ``wanted`` is found, letters between left out; the best first, ties as they came."""
    typed = wanted.split()
    if not typed:
        return list(offers)
    search = FuzzySearch()
    scored = [(_score(search, typed, offer), offer) for offer in offers]
    return [offer for score, offer in sorted(scored, key=lambda pair: -pair[0]) if score > 0]


def _score(search: FuzzySearch, typed: Sequence[str], offer: Offer) -> float:
    """0 where a word is missing. In the title letters may be left out, elsewhere the word stands whole."""
    total, others = 0.0, f"{offer.words} {offer.about} {offer.shell}".lower()
    for word in (each.lower() for each in typed):
        title = offer.title.lower()
        is_cheap = prod(title.count(letter) or 1 for letter in word) <= _MOST_WAYS
        score = 2 * search.match(word, title)[0] if is_cheap or word in title else 0.0
        total += score or (0.5 if word in others else 0.0)
        if not score and word not in others:
            return 0.0
    return total
