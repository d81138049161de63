"""One table of keys: it feeds the bindings, the bar at the foot of a screen, and the help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Key:
    """``id`` is the action's name, ``key`` Textual's (several by comma), ``label`` what people read for it.

    Only keys with ``bar`` appear at the foot of the screen; all are in the help. One that ``yields`` is left out
    of the bar where there is no room for all. ``of_step``: the step on screen carries it out, by a method named ``id``.
    """

    id: str
    key: str
    text: str
    tooltip: str
    label: str = ""
    bar: bool = True
    yields: bool = False
    of_step: bool = False

    @property
    def shown(self) -> str:
        return self.label or self.key.split(",")[0]


def _of_step(id: str, key: str, text: str, tooltip: str, *, bar: bool = True, yields: bool = True) -> Key:
    label = key.upper() if key.startswith("f") else key
    return Key(id, key, text, tooltip, label, bar, yields, of_step=True)


EVERYWHERE = (
    Key("help", "question_mark,f1", "Help", "What this screen is for, and every key it has", "?"),
    Key("quit", "ctrl+q", "Quit", "Leave tunedeck; a running training goes on", bar=False),
)

HOME = (
    Key("new", "n", "New", "A new fine-tuning: a few questions, each explained"),
    Key("open", "enter", "Open", "Watch the selected run: its curves, samples and result", "Enter"),
    Key("resume", "r", "Resume", "Go on from the selected run's last checkpoint"),
    Key("stop", "x", "Stop", "Stop the selected run; it saves a checkpoint first"),
    Key("delete", "delete,backspace", "Delete", "Remove what tunedeck made for the selected run", "Del"),
    Key("demo", "d", "Demo", "A small model learns to write JSON, in three minutes", bar=False),
    Key("family", "f", "Family tree", "Which adapter was made from which; compare two", bar=False),
    Key("go_on", "g", "Go on from this", "Continue the selected run's adapter, or merge it", bar=False),
    Key("adapter", "a", "Its adapter", "What it is, whether it is sound, its family", bar=False),
    Key("language", "l", "Language", "English, Chinese: the other one from now on", bar=False),
)

FAMILY = (
    Key("open", "enter", "Open", "Watch the run under the cursor", "Enter"),
    Key("mark", "space", "Mark", "Mark this run as the first of two to compare", "Space"),
    Key("differ", "d", "Differences", "What differs between the marked run and this one"),
    Key("leave", "escape,q", "Back", "Go back home", "Esc"),
)

ADAPTER = (Key("leave", "escape,q,f10,a", "Back", "Close this", "Esc"),)

WIZARD = (
    Key("next", "ctrl+n", "Next", "Check this step and go on"),
    Key("back", "ctrl+k", "Back", "Go one step back; nothing is checked"),
    _of_step("depth", "f2", "Fields", "Settings: preset only, the common fields, or every field there is"),
    _of_step("columns", "f2", "Columns", "Data: say which column is what, and see the rows change"),
    _of_step("browse", "f3", "Browse", "Data: pick a file from a list"),
    Key("breakdown", "f4", "Memory", "What takes the memory, and what the GPUs have", "F4", yields=True),
    _of_step("check", "f5", "Check rows", "Examine the rows: what is wrong with them, and what helps", yields=False),
    _of_step("save_file", "f6", "Save file", "Write the config to a file for `tunedeck run`"),
    _of_step("xray", "f6", "X-ray", "Data: the rows token by token, and which tokens are trained"),
    Key("make_fit", "f7", "Make fit", "What to change so that the run fits, ranked; one key applies one", "F7"),
    _of_step("measure", "f8", "Measure", "Review: train three steps and keep nothing but their pace", bar=False),
    _of_step("replay", "f8", "Old rows", "Strategy: mix a tenth of the old rows in, or take them out again"),
    _of_step("mix", "f8", "Mix", "Data: how much of each source, in tokens"),
    _of_step(
        "compare", "f9", "Compare", "Strategy, data, review: compare the new rows with what the old adapter has learnt"
    ),
    _of_step("inspect", "f10", "Adapter", "Strategy: everything about the old adapter, and what it was made from"),
    _of_step("cancel", "ctrl+x", "Stop this", "Stop what is being fetched or checked", yields=False),
    Key("why", "f1,question_mark", "Why?", "What this step's choice means, and every key", "F1"),
    Key("leave", "escape", "Leave", "Go home; your answers are kept", "Esc"),
)

DOCTOR = (
    Key("xray", "enter,x", "X-ray", "The row under the cursor, token by token", "Enter"),
    Key("facts", "f", "Facts", "What the rows are like: lengths, languages, labels; and back to the findings"),
    Key("undo", "u", "Undo", "Take the remedy that was applied last back"),
    Key("again", "r", "Again", "Examine the rows anew, as when their files have changed", yields=True),
    Key("cancel", "ctrl+x", "Stop", "Stop the examination"),
    Key("leave", "escape,q,f5", "Back", "Go back to the wizard; an examination under way goes on there", "Esc"),
)

COLUMNS = (
    Key("keep", "enter", "Keep", "Keep the mapping: the rows are read so from now on", "Enter"),
    Key("turn_back", "left", "Previous", "The column before, for the field under the cursor", "Left", bar=False),
    Key("turn_on", "right", "Other column", "The next column for the field under the cursor", "Left Right"),
    Key("row_on", "pagedown", "Next row", "Show the next row of the file as it comes out", "PgDn"),
    Key("row_back", "pageup", "Previous row", "Show the row before", "PgUp", bar=False),
    Key("leave", "escape,f2", "As it was", "Go back and change nothing", "Esc"),
)

XRAY = (
    Key("next_row", "n,right", "Next", "The next row"),
    Key("previous_row", "p,left", "Previous", "The row before", yields=True),
    Key("next_bad", "b", "Next bad", "The next row that something is wrong with"),
    Key("previous_bad", "B", "Previous bad", "The one before", bar=False),
    Key("search", "slash", "Search", "Look for text in the rows from here on", "/"),
    Key("search_on", "s", "Search on", "The next row that says what was searched for", bar=False),
    Key("go_to", "g", "Go to", "A row by its number in its file"),
    Key("detail", "t,i", "Tokens", "Show flowing text, the bounds of tokens, or their ids"),
    Key("verdicts", "v", "Verdicts", "All that is said of a row, or only what is wrong", yields=True),
    Key("leave", "escape,q,f6", "Back", "Close this", "Esc"),
)

MONITOR = (
    Key("pause", "p", "Pause", "Hold the training, or go on with it"),
    Key("save", "s", "Save", "Write a checkpoint now", bar=False),
    Key("sample", "g", "Sample", "Let the model answer the sample prompts now"),
    Key("stop", "x", "Stop", "Stop the training; it saves a checkpoint first"),
    Key("resume", "r", "Resume", "Go on from the last checkpoint"),
    Key("cycle", "c", "Result", "Show the next view: curves, result with answers side by side, the whole log"),
    Key("leave", "q,escape", "Leave", "Go home; the training keeps running", "q"),
    Key(
        "curve",
        "v",
        "Curve",
        "Plot the next quantity: loss, memory over time, learning rate, gradient, speed, loss by source",
        bar=False,
    ),
    Key("log_y", "l", "Log y", "Logarithmic or linear y axis", bar=False),
    Key("scroll(10)", "pagedown", "Down", "Read on in a long result or log", "PgDn", bar=False),
    Key("scroll(-10)", "pageup", "Up", "Read back in a long result or log", "PgUp", bar=False),
    *(
        Key(f"remedy({number})", str(number), f"Remedy {number}", text, bar=False)
        for number, text in (
            (1, "After memory ran out: apply the first remedy and start again"),
            (2, "The second"),
            (3, "The third"),
        )
    ),
)

CHART = (
    Key("left", "left", "Back in time", "Move the crosshair, or the view where there is none", bar=False),
    Key("right", "right", "On in time", "Move the crosshair, or the view where there is none", bar=False),
    Key("zoom_in", "plus,equals_sign,up", "Zoom in", "Fewer steps, larger", "+", bar=False),
    Key("zoom_out", "minus,down", "Zoom out", "More steps, smaller", "-", bar=False),
    Key("crosshair", "space", "Read out", "Read step and values under a crosshair", "Space", bar=False),
    Key("reset", "0,home", "Whole run", "Show the whole run again", "0", bar=False),
    Key("follow", "f,end", "Follow", "Stay on the newest steps", "f", bar=False),
)

MIX = (
    Key("keep", "enter", "Keep", "Take this mix", "Enter"),
    Key("leave", "escape,f8", "Cancel", "Leave the mix as it was", "Esc"),
    Key("more", "right", "1%", "Right: one more in a hundred for this source; Left: one less", "Left/Right"),
    Key("less", "left", "1% less", "One less in a hundred for the source under the cursor", bar=False),
    Key("move(10)", "shift+right,pageup", "10% more", "Ten more in a hundred", "PgUp", bar=False),
    Key("move(-10)", "shift+left,pagedown", "10% less", "Ten less in a hundred", "PgDn", bar=False),
    Key("type_share", "s,equals_sign", "Type", "Type a share, in percent", "s"),
    Key("role", "r", "Role", "New, replay (old rows, not to be forgotten), or general", "r"),
    Key("old_rows", "o", "Old rows", "Mix in a tenth of what the old adapter has learnt", "o"),
    Key("all", "minus,delete,backspace", "All once", "No share: all of its rows once a pass", "-", yields=True),
    Key("undo", "u", "Undo", "Take the last change back", "u", yields=True),
    Key("unit", "t", "Unit", "Count shares in tokens or in rows", "t", yields=True),
    Key("cap", "c", "Cap", "At most four passes over any one source, or as many as its share takes", "c", yields=True),
    Key("type_weight", "w", "Weight", "What each of its tokens counts for in the loss", "w", yields=True),
    Key("go(-1)", "up", "Up", "The source before", bar=False),
    Key("go(1)", "down", "Down", "The next source", bar=False),
    *(
        Key(f"preset({number})", str(number), title, text, bar=False)
        for number, title, text in (
            (1, "All", "All as they are: every row once a pass"),
            (2, "Balanced", "The same share for each source"),
            (3, "Mostly new", "A tenth for replay, all of the others"),
            (4, "Temperature", "Between the sizes and balanced; again: another temperature"),
        )
    ),
)


def bindings(*tables: Iterable[Key]) -> list[BindingType]:
    """Textual's bindings for ``tables``; each key runs the action named by its id."""
    return [
        Binding(key.key, key.id, key.text, show=key.bar, key_display=key.shown, tooltip=key.tooltip)
        for table in tables
        for key in table
    ]


def in_bar(*tables: Sequence[Key]) -> tuple[Key, ...]:
    return tuple(key for table in tables for key in table if key.bar)
