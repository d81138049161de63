"""What a chat template puts around each turn, found by rendering, and the same template in Ollama's language.

Ollama reads Go templates, the hub's models bring Jinja ones. Most chat templates do nothing but put fixed texts around
the turns: those texts are found here by rendering dialogues of marks, and what they make is compared with what the
template makes, byte for byte. A template that does more (dates, trimming, counters) is refused, never approximated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Turn = tuple[str, str]
"""Role and content."""
Render = Callable[[Sequence[Turn]], str]
_SYSTEM, _ASKED, _SAID, _AGAIN = "Ssystemmark", "Uaskedmark", "Asaidmark", "Uagainmark"
_PROBES: tuple[tuple[Turn, ...], ...] = (
    (("user", "Hello"),),
    (("system", "Be short."), ("user", "Hello")),
    (("user", "One\ntwo"), ("assistant", '{"a": 1}'), ("user", "And <b>three</b>?")),
    (("system", "Two.\nLines."), ("user", "1"), ("assistant", "2"), ("user", "3"), ("assistant", "4"), ("user", "5")),
)  # fmt: skip


@dataclass(frozen=True)
class TurnParts:
    """Fixed texts. ``start``: before the first question where there is no system prompt; ``system`` and
    ``after_system``: around one; ``after_question``: up to where an answer stands; ``to_answer``: the same where the
    answer is still to come; ``after_answer``: up to the next question. ``takes_system``: whether the template has a
    place for a system prompt.
    """

    start: str
    system: str
    after_system: str
    after_question: str
    to_answer: str
    after_answer: str
    takes_system: bool

    def render(self, turns: Sequence[Turn]) -> str:
        """The prompt up to where the next answer begins."""
        text = ""
        for number, (role, content) in enumerate(turns):
            if role == "system":
                text += self.system + content + self.after_system
            elif role == "user":
                text += (self.start if number == 0 else "") + content
                text += self.to_answer if number == len(turns) - 1 else self.after_question
            else:
                text += content + self.after_answer
        return text

    def in_go(self) -> str:
        """The same as a template of Ollama."""
        system = (
            f'{{{{ if eq (index .Messages 0).Role "system" }}}}{_go(self.system)}{{{{ (index .Messages 0).Content }}}}'
            f"{_go(self.after_system)}{{{{ else }}}}{_go(self.start)}{{{{ end }}}}"
        )
        question = _go(self.after_question)
        if self.to_answer != self.after_question:
            last = "{{ if eq (len (slice $.Messages $i)) 1 }}"
            question = f"{last}{_go(self.to_answer)}{{{{ else }}}}{question}{{{{ end }}}}"
        return (
            (system if self.takes_system else _go(self.start))
            + "{{ range $i, $turn := .Messages }}"
            + f'{{{{ if eq .Role "user" }}}}{{{{ .Content }}}}{question}'
            + f'{{{{ else if eq .Role "assistant" }}}}{{{{ .Content }}}}{_go(self.after_answer)}{{{{ end }}}}'
            + "{{ end }}"
        )


def turn_parts(render: Render) -> TurnParts | None:
    """The parts of the template behind ``render``; None where it is more than fixed texts around turns.

    ``render`` gives the prompt of a dialogue that ends with a question, and raises where the template refuses it.
    """
    try:
        start, to_answer = _cut(render([("user", _ASKED)]), _ASKED)
        longer = render([("user", _ASKED), ("assistant", _SAID), ("user", _AGAIN)])
        after_question, after_answer = _cut(_cut(longer, _ASKED)[1], _SAID)
        after_answer = _cut(after_answer, _AGAIN)[0]
    except Exception:  # a template fails as it likes
        return None
    try:
        system, tail = _cut(render([("system", _SYSTEM), ("user", _ASKED)]), _SYSTEM)
        after_system, takes_system = _cut(tail, _ASKED)[0], True
    except Exception:
        system = after_system = ""
        takes_system = False
    parts = TurnParts(start, system, after_system, after_question, to_answer, after_answer, takes_system)
    probes = [probe for probe in _PROBES if takes_system or probe[0][0] != "system"]
    try:
        return parts if all(parts.render(probe) == render(probe) for probe in probes) else None
    except Exception:
        return None


def _cut(text: str, mark: str) -> tuple[str, str]:
    """What stands before and after ``mark``. Raises ValueError where it does not stand there once."""
    if text.count(mark) != 1:
        raise ValueError(mark)
    before, _, after = text.partition(mark)
    return before, after


def _go(text: str) -> str:
    """A fixed text in a Go template: as a quoted string, so that no brace or white space means anything."""
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}" if text else ""
