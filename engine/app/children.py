"""The runs that were made of a run's adapter: what to know before that becomes another one."""

from __future__ import annotations

from engine.common.errors import RunError
from engine.messages.message import Message
from engine.models.lineage import Node, key_of, read_lineage
from engine.runs.directory import RunDir


def told(run: RunDir) -> list[Message]:
    """Which runs and models go back to the adapter that ``run`` has now, those that train from it first."""
    training, others = _children(run)
    found = [Message("steering.child-at-work", runs=[node.title for node in training])] if training else []
    return [*found, Message("steering.children", runs=[node.title for node in others])] if others else found


def refuse_while_training(run: RunDir) -> None:
    """Raise RunError while a run trains from the adapter of ``run``."""
    training, _ = _children(run)
    if training:
        raise RunError("steering.child-trains", run=run.id, runs=[node.title for node in training])


def _children(run: RunDir) -> tuple[list[Node], list[Node]]:
    """What was made of its adapter: those whose run trains now, and the others."""
    root = run.path.parent
    found = [node for node in read_lineage(root).children(key_of(run)) if node.run != run.id]
    training = [node for node in found if node.run and RunDir(root / node.run).is_alive()]
    return training, [node for node in found if node not in training]
