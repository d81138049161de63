"""What takes the memory, and the changes that make a run fit, line by line; both at any question of a new run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.messages.catalogue import part, text
from tui import fit_words
from tui.draft import changes
from tui.flow.option import Option
from tui.plain.lines import Back, Command, Question

if TYPE_CHECKING:
    from engine.memory.make_fit import Change
    from tui.plain.session import Session

_MOST_CHANGES = 9
_KEEP = ""
_NOTHING = {
    "fits": "plain.fits-already", "tight": "plain.nothing-saves", "too much": "settings.fit-nothing",
}  # fmt: skip
"""What is said where no change helps, by how it fits now."""


def tell_memory(session: Session) -> None:
    """The terms of the peak, the phases, and what the machine has; why nothing is known where that is so."""
    session.weigh()
    fit = session.facts.fit
    if fit is None:
        session.tell_consequence()
        session.lines.say(text("settings.fit-unknown"))
        return
    from engine.memory.report import estimate_text

    session.lines.say(estimate_text(fit.estimate, fit.budget.available_bytes, on_gpu=fit.budget.device == "cuda"))
    if held := fit_words.others(fit.budget, short=False):
        session.lines.say(held)


def make_fit(session: Session) -> None:
    """Changes that save memory, the best first, until it fits or a person keeps what there is."""
    lines, facts = session.lines, session.facts
    session.weigh()
    while (fit := facts.fit) is not None:
        lines.say(text("plain.consequence", parts=[fit_words.needs(fit), fit_words.verdict(fit)]))
        plan = fit.plan() if fit.verdict.level != "fits" else None
        offered = [*([plan.together] if plan.together else []), *plan.changes][:_MOST_CHANGES] if plan else []
        if not offered and not facts.remedies:
            lines.say(text(_NOTHING[fit.verdict.level]))
            return
        options = [Option(_KEEP, text("plain.keep-settings"))]
        options += [Option(str(number), *_of_change(each)) for number, each in enumerate(offered)]
        why = "\n".join(text("widgets.named", name=text(each.what), value=part(each.what, "why")) for each in offered)
        undo = {"u": text("plain.undo", what=facts.remedies[-1].what)} if facts.remedies else {}
        try:
            chosen = lines.ask(Question(text("settings.fit-title"), why=why, options=options, commands=undo))
        except Back:
            return
        if isinstance(chosen, Command):
            applied = facts.remedies.pop()
            changes.take_back(session.draft, applied)
            lines.say(text("plain.undone", what=applied.what))
        elif chosen == _KEEP:
            return
        else:
            change = offered[int(chosen)]
            facts.remedies.append(changes.apply(session.draft, change.what, change.settings))
            lines.say(text("plain.applied", what=change.what))
        session.save()
        session.weigh()
    lines.say(text("settings.fit-unknown"))


def _of_change(change: Change) -> tuple[str, str]:
    saves = text("plain.saves", bytes=-change.saved_bytes, slower=max(change.slow_down, 0.0))
    told = [saves, *([text("plain.then-fits")] if change.fits else [])]
    told += [] if change.same_result else [text("plain.other-result")]
    return text(change.what), text("plain.consequence", parts=told)
