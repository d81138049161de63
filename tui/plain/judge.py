"""Judging by hand line by line: two answers without their names, a number each; choices are kept as they are made."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine.common.errors import TunedeckError
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from tui import words
from tui.flow.option import Option
from tui.plain.lines import Back, Command, Lines, Question

if TYPE_CHECKING:
    from engine.app.judge import Bench
    from engine.runs.choices import Pair
    from engine.runs.directory import RunDir

_SIDES = {"1": 0, "2": 1, "3": None}
_CHOICES = {"1": "plain.judge-first", "2": "plain.judge-second", "3": "judge.key-tie"}
_shown = partial(words.begun, most=4000)


def judge(lines: Lines, run: RunDir, evaluation: str = "", against: str = "") -> None:
    """The pairs that are left, then what the choices say. Raises Left and Ended."""
    from engine.app.judge import open_bench

    try:
        bench = open_bench(run, evaluation, against)
        while (pair := bench.current) is not None:
            try:
                _ask(lines, bench, pair)
            except Back:
                if not bench.undo():
                    return
        _tell_verdict(lines, bench)
    except TunedeckError as error:
        lines.say(str(error))


def _ask(lines: Lines, bench: Bench, pair: Pair) -> None:
    """One pair; ``b`` takes the last choice back."""
    pace = bench.seconds_a_pair
    left = text("judge.left", left=pace * len(bench.left)) if pace else ""
    from engine.app.judge import dialogue

    said = "\n\n".join(_shown(text(turn)) for turn in dialogue(pair))
    told = [text("plain.detail", label=text("judge.question"), words=said)]
    if pair.reference.strip():
        told.append(f"{words.label('judge.wanted')}{_shown(pair.reference)}")
    for number, answer in enumerate(pair.sides, 1):
        label = text("judge.answer", letter=str(number))
        told.append(text("plain.detail", label=label, words=_shown(answer) or text("judge.empty")))
    question = Question(
        f"{text('judge.progress', done=bench.done, total=bench.total)}{left}",
        "\n".join(told),
        part(Message("judge.help"), "about"),
        [Option(id, text(code)) for id, code in _CHOICES.items()],
        commands={"v": text("judge.key-verdict")} if bench.chosen else {},
        with_default=False,
    )
    bench.look()
    typed = lines.ask(question)
    if isinstance(typed, Command):
        _tell_verdict(lines, bench)
    else:
        bench.choose(_SIDES[typed])


def _tell_verdict(lines: Lines, bench: Bench) -> None:
    from engine.app.judge import conclude, lines_of

    for each in lines_of(conclude(bench)):
        lines.say(words.said(each))
