"""One table of keys: it feeds the bindings, the bar at the foot of a screen, and the help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from engine.messages.catalogue import part, text
from engine.messages.message import Message


@dataclass(frozen=True)
class Key:
    """``id`` is the action's name, ``key`` Textual's (several by comma), ``label`` what people read for it.

    ``code`` has the word in the bar, and as ``.help`` the sentence in the help. Only keys with ``bar`` appear at the
    foot of the screen; all are in the help. One that ``yields`` is left out of the bar where there is no room for all:
    first those that can't be used now, then the last.
    ``of_step``: the step on screen carries it out, by a method named ``id``. ``first``: it comes before the keys of
    whatever has the focus, and works over dialogs too. ``twin`` is the action of the first of two keys in ``label``,
    this one's being that of the second: of a mouse, each is clicked.
    """

    id: str
    key: str
    code: str
    label: str = ""
    bar: bool = True
    yields: bool = False
    of_step: bool = False
    first: bool = False
    twin: str = ""

    @property
    def shown(self) -> str:
        return self.label or self.key.split(",")[0]

    @property
    def text(self) -> str:
        return text(self.code)

    @property
    def tooltip(self) -> str:
        return part(Message(self.code), "help")


def _of_step(id: str, key: str, code: str, *, bar: bool = True, yields: bool = True) -> Key:
    label = key.upper() if key.startswith("f") else key
    return Key(id, key, code, label, bar, yields, of_step=True)


EVERYWHERE = (
    Key("palette", "ctrl+p,colon", "keys.palette", ":", bar=False),
    Key("copy", "y", "keys.copy", bar=False),
    Key("picture", "f12", "keys.screenshot", "F12", bar=False, first=True),
    Key("redraw", "ctrl+l", "keys.redraw", bar=False, first=True),
    Key("help", "question_mark,f1", "keys.help", "?"),
    Key("quit", "ctrl+q", "keys.quit", bar=False),
)

PALETTE = (
    Key("copy", "ctrl+y,f6", "keys.copy", bar=False),
    Key("leave", "escape,ctrl+p", "keys.cancel-leave", "Esc", bar=False),
)

HELP_BY_F1 = Key("help", "f1", "keys.help", "F1")
"""In the bar of screens where a question mark is text."""

# What is done with the adapter of a run stands beside the run, not in the bar.
HOME = (
    Key("new", "n", "keys.new"),
    Key("open", "enter", "keys.open", "Enter"),
    Key("resume", "r", "keys.resume", yields=True),
    Key("stop", "x", "keys.stop", yields=True),
    Key("talk", "t", "keys.talk-run", bar=False),
    Key("evaluate", "e", "keys.evaluate-run", bar=False),
    Key("export", "u", "keys.export-run", bar=False),
    Key("strength", "m", "keys.strength-run", bar=False),
    Key("mark", "space", "keys.mark-run", "Space", yields=True),
    Key("compare", "c", "keys.compare-runs", yields=True),
    Key("mix", "b", "keys.mix-runs", yields=True),
    Key("filter", "slash", "keys.filter", "/", yields=True),
    Key("delete", "delete,backspace", "keys.delete", "Del", yields=True),
    Key("sort", "s", "keys.sort", yields=True),
    Key("attend", "exclamation_mark", "keys.attend", "!", bar=False),
    Key("demo", "d", "keys.demo", bar=False),
    Key("family", "f", "keys.family", bar=False),
    Key("go_on", "g", "keys.continue", bar=False),
    Key("adapter", "a", "keys.adapter", bar=False),
    Key("report", "o", "keys.report", bar=False),
    Key("language", "l", "keys.language", bar=False),
    Key("themes", "T", "themes.key-themes", bar=False),
    Key("leave", "q", "keys.quit"),
)

FAMILY = (
    Key("open", "enter", "keys.family-open", "Enter"),
    Key("mark", "space", "keys.family-mark", "Space"),
    Key("differ", "c", "keys.family-differ"),
    Key("filter", "slash", "keys.filter-list", "/", yields=True),
    Key("leave", "escape,q", "keys.back", "Esc"),
)

ADAPTER = (Key("leave", "escape,q,f10,a", "keys.back", "Esc"),)

THEMES = (
    Key("keep", "enter", "themes.key-keep", "Enter"),
    Key("filter", "slash", "keys.filter-list", "/", bar=False),
    Key("leave", "escape,q,T", "themes.key-leave", "Esc"),
)

COMPARE = (
    Key("curve", "v", "keys.compare-curve"),
    Key("axis", "i", "keys.compare-axis"),
    Key("cycle", "c", "keys.compare-cycle"),
    Key("log_y", "l", "keys.log-y", bar=False),
    Key("scroll(8)", "pagedown", "keys.scroll-down", "PgDn", bar=False),
    Key("scroll(-8)", "pageup", "keys.scroll-up", "PgUp", bar=False),
    Key("leave", "escape,q", "keys.back", "Esc"),
)

WIZARD = (
    Key("next", "ctrl+n", "keys.next"),
    Key("back", "ctrl+k", "keys.previous"),
    _of_step("depth", "f2", "keys.depth"),
    Key("reset", "delete,backspace", "keys.reset-field", "Del", yields=True, of_step=True),
    Key("take_out", "delete,backspace", "keys.remove-source", "Del", bar=False, of_step=True),
    _of_step("columns", "f2", "keys.columns"),
    _of_step("browse", "f3", "keys.browse"),
    Key("breakdown", "f4", "keys.breakdown", "F4", yields=True),
    _of_step("check", "f5", "keys.check", yields=False),
    _of_step("save_file", "f6", "keys.save-file"),
    _of_step("xray", "f6", "keys.xray"),
    Key("make_fit", "f7", "keys.make-fit", "F7"),
    _of_step("measure", "f8", "keys.measure", bar=False),
    _of_step("replay", "f8", "keys.replay"),
    _of_step("mix", "f8", "keys.mix"),
    _of_step("compare", "f9", "keys.compare"),
    _of_step("inspect", "f10", "keys.inspect"),
    Key("filter", "slash", "keys.filter-list", "/", yields=True, of_step=True),
    _of_step("cancel", "ctrl+x", "keys.cancel", yields=False),
    Key("why", "f1,question_mark", "keys.why", "F1"),
    Key("leave", "escape", "keys.leave-wizard", "Esc"),
)

DOCTOR = (
    Key("xray", "enter", "keys.quality-xray", "Enter"),
    Key("facts", "f", "keys.quality-facts"),
    Key("mend", "m", "keys.quality-mend"),
    Key("undo", "u", "keys.undo"),
    Key("again", "e", "keys.again", yields=True),
    Key("cancel", "ctrl+x", "keys.quality-cancel"),
    Key("filter", "slash", "keys.filter-list", "/", yields=True),
    Key("leave", "escape,q,f5", "keys.quality-leave", "Esc"),
)

COLUMNS = (
    Key("keep", "enter", "keys.columns-keep", "Enter"),
    Key("turn_back", "left", "keys.columns-before", "Left", bar=False),
    Key("turn_on", "right", "keys.columns-after", "Left Right", twin="turn_back"),
    Key("row_on", "pagedown", "keys.row-after", "PgDn"),
    Key("row_back", "pageup", "keys.row-before", "PgUp", bar=False),
    Key("filter", "slash", "keys.filter-list", "/", bar=False),
    Key("leave", "escape,f2", "keys.cancel-leave", "Esc"),
)

XRAY = (
    Key("next_hit", "n", "keys.xray-next"),
    Key("previous_hit", "N", "keys.xray-previous", yields=True),
    Key("next_row", "right", "keys.row-after", "Right", bar=False),
    Key("previous_row", "left", "keys.row-before", "Left", bar=False),
    Key("next_bad", "b", "keys.xray-next-bad"),
    Key("previous_bad", "B", "keys.xray-previous-bad", bar=False),
    Key("search", "slash", "keys.search", "/"),
    Key("go_to", "g", "keys.go-to"),
    Key("detail", "t,i", "keys.detail"),
    Key("verdicts", "v", "keys.verdicts", yields=True),
    Key("leave", "escape,q,f6", "keys.back", "Esc"),
)

MONITOR = (
    Key("pause", "p", "keys.pause"),
    Key("save", "S", "keys.save", bar=False),
    Key("sample", "g", "keys.sample"),
    Key("stop", "x", "keys.stop-run"),
    Key("resume", "r", "keys.resume-run"),
    Key("more_replay", "w", "forgetting.key-replay", bar=False),
    Key("stop_at_best", "X", "forgetting.key-best", bar=False),
    Key("spike", "exclamation_mark", "steering.key-spike", "!", bar=False),
    Key("skip_rows", "K", "steering.key-skip", bar=False),
    Key("lower_rate", "h", "steering.key-lower", bar=False),
    Key("roll_back", "z", "steering.key-back", bar=False),
    Key("overlay", "c", "keys.overlay", yields=True),
    Key("report", "o", "keys.report", yields=True),
    Key("search", "slash", "keys.search-log", "/", bar=False),
    Key("next_hit", "n", "keys.next-match", bar=False),
    Key("previous_hit", "N", "keys.previous-match", bar=False),
    Key("leave", "q,escape", "keys.leave-run", "q"),
    Key("curve", "v", "keys.curve", bar=False),
    Key("log_y", "l", "keys.log-y", bar=False),
    Key("evaluate", "e", "keys.evaluate-run", bar=False),
    Key("strength", "m", "keys.strength-run", bar=False),
    Key("export", "u", "keys.export-run", bar=False),
    Key("talk", "t", "keys.talk-run", bar=False),
    Key("scroll(10)", "pagedown", "keys.scroll-down", "PgDn", bar=False),
    Key("scroll(-10)", "pageup", "keys.scroll-up", "PgUp", bar=False),
    Key("go_on", "G", "keys.continue", bar=False),
    Key("duplicate", "D", "keys.duplicate", bar=False),
    Key("pane(1)", "1", "keys.pane-1", bar=False),
    Key("pane(2)", "2", "keys.pane-2", bar=False),
    Key("pane(3)", "3", "keys.pane-3", bar=False),
    Key("pane(4)", "4", "keys.pane-4", bar=False),
    Key("pane(5)", "5", "keys.pane-5", bar=False),
    Key("pane(6)", "6", "keys.pane-6", bar=False),
)

EVALUATE = (
    Key("start", "ctrl+n", "evaluate.key-start"),
    Key("again", "e", "evaluate.key-again"),
    Key("judge", "j", "evaluate.key-judge"),
    Key("filter", "slash", "keys.filter-list", "/", bar=False),
    Key("leave", "escape", "keys.back", "Esc"),
)

STRENGTH = (
    Key("measure", "e", "strength.key-measure"),
    Key("losses", "E", "strength.key-losses"),
    Key("keep", "enter,k", "strength.key-keep", "Enter"),
    Key("filter", "slash", "keys.filter-list", "/", bar=False),
    Key("leave", "escape,q,m", "keys.back", "Esc"),
)

EXPORT = (
    Key("start", "enter", "exporting.key-start", "Enter"),
    Key("next_type", "right", "exporting.key-type", "Left/Right", twin="previous_type"),
    Key("previous_type", "left", "exporting.key-type-back", "Left", bar=False),
    Key("switch", "tab", "exporting.key-switch", "Tab", yields=True),
    Key("push", "P", "exporting.key-push", yields=True),
    Key("throw_away", "delete", "hub.key-dismiss", "Del", yields=True),
    Key("filter", "slash", "keys.filter-list", "/", bar=False),
    Key("leave", "escape,q,u", "keys.back", "Esc"),
)

MIXING = (
    Key("start", "enter", "mixes.key-start", "Enter"),
    Key("more", "right", "mixes.key-weight", "Left/Right", twin="less"),
    Key("less", "left", "mixes.key-less", "Left", bar=False),
    Key("switch", "tab", "mixes.key-switch", "Tab"),
    Key("density", "d", "mixes.key-density", yields=True),
    Key("options", "f4", "mixes.key-options", "F4", yields=True),
    Key("keep", "k", "mixes.key-keep"),
    Key("throw_away", "delete", "mixes.key-throw", "Del"),
    Key("filter", "slash", "keys.filter-list", "/", bar=False),
    Key("leave", "escape,q", "keys.back", "Esc"),
)

CHAT = (
    Key("manner", "f2", "chat.key-manner", "F2"),
    Key("base", "f3", "chat.key-base", "F3", yields=True),
    Key("again", "f5", "chat.key-again", "F5"),
    Key("edit", "f4", "chat.key-edit", "F4"),
    Key("copy", "f6", "chat.key-copy", "F6"),
    Key("keep", "f7", "chat.key-keep", "F7"),
    Key("clear", "f8", "chat.key-clear", "F8", yields=True),
    Key("scroll(10)", "pagedown", "keys.scroll-down", "PgDn", bar=False),
    Key("scroll(-10)", "pageup", "keys.scroll-up", "PgUp", bar=False),
    Key("leave", "escape", "chat.key-leave", "Esc"),
)

CHAT_DIALOG = (
    Key("accept", "ctrl+n", "chat.key-accept", bar=False),
    Key("cancel", "escape", "keys.cancel-leave", "Esc", bar=False),
)

JUDGE = (
    Key("choose_left", "left,a", "judge.key-left", "Left"),
    Key("choose_right", "right,b", "judge.key-right", "Right"),
    Key("choose_tie", "down,space", "judge.key-tie", "Down"),
    Key("undo", "u", "judge.key-undo"),
    Key("verdict", "v", "judge.key-verdict"),
    Key("scroll(5)", "pagedown", "keys.scroll-down", "PgDn", bar=False),
    Key("scroll(-5)", "pageup", "keys.scroll-up", "PgUp", bar=False),
    Key("leave", "escape,q", "keys.back", "Esc"),
)

CHART = (
    Key("left", "left", "keys.chart-left", "Left", bar=False),
    Key("right", "right", "keys.chart-right", "Right", bar=False),
    Key("zoom_in", "plus,equals_sign,up", "keys.zoom-in", "+", bar=False),
    Key("zoom_out", "minus,down", "keys.zoom-out", "-", bar=False),
    Key("crosshair", "space", "keys.crosshair", "Space", bar=False),
    Key("reset", "0,home", "keys.reset", "0", bar=False),
    Key("follow", "end", "keys.follow", "End", bar=False),
)

MIX = (
    Key("keep", "enter", "keys.mix-keep", "Enter"),
    Key("leave", "escape,f8", "keys.cancel-leave", "Esc"),
    Key("more", "right", "keys.mix-more", "Left/Right", twin="less"),
    Key("less", "left", "keys.mix-less", bar=False),
    Key("move(10)", "shift+right,pageup", "keys.mix-more-ten", "PgUp", bar=False),
    Key("move(-10)", "shift+left,pagedown", "keys.mix-less-ten", "PgDn", bar=False),
    Key("type_share", "equals_sign", "keys.mix-type", "="),
    Key("role", "r", "keys.mix-role"),
    Key("old_rows", "o", "keys.mix-replay"),
    Key("all", "minus,delete,backspace", "keys.mix-all", "-", yields=True),
    Key("undo", "u", "keys.undo", yields=True),
    Key("unit", "t", "keys.mix-unit", yields=True),
    Key("cap", "c", "keys.mix-cap", yields=True),
    Key("type_weight", "w", "keys.mix-weight", yields=True),
    Key("go(-1)", "up", "keys.mix-up", bar=False),
    Key("go(1)", "down", "keys.mix-down", bar=False),
    Key("preset(1)", "1", "keys.mix-preset-1", bar=False),
    Key("preset(2)", "2", "keys.mix-preset-2", bar=False),
    Key("preset(3)", "3", "keys.mix-preset-3", bar=False),
    Key("preset(4)", "4", "keys.mix-preset-4", bar=False),
)


def bindings(*tables: Iterable[Key]) -> list[BindingType]:
    """Textual's bindings for ``tables``; each key runs the action named by its id. The bar and the help are our own."""
    return [
        Binding(key.key, key.id, key_display=key.shown, show=key.bar, priority=key.first)
        for table in tables
        for key in table
    ]


def over_dialog(*names: str) -> list[BindingType]:
    """The keys of EVERYWHERE with these ids, for a dialog: Textual lets none of the app's own through to it."""
    return [Binding(key.key, f"app.{key.id}", show=False) for key in EVERYWHERE if key.id in names]


def in_bar(*tables: Sequence[Key]) -> tuple[Key, ...]:
    return tuple(key for table in tables for key in table if key.bar)
