"""Texts that name keys of the screen, and what lines say in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.messages.catalogue import text
from engine.messages.message import Message
from tui.flow.answers import message_of

if TYPE_CHECKING:
    from engine.config.rules import Issue

AS_LINES = {
    "demo.at-review": "plain.demo-at-review",
    "opening.from-config": "plain.from-config",
    "wizard-data.unusable": "plain.unusable",
}


def said(message: Message) -> str:
    return text(_as_lines(message))


def said_of(issue: Issue) -> str:
    """A finding, and what to do."""
    from engine.config.rules import Issue

    return message_of(Issue(issue.level, issue.field, _as_lines(issue.what)))


def _as_lines(message: Message) -> Message:
    return Message(AS_LINES.get(message.code, message.code), **message.args)
