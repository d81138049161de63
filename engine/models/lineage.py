"""What was made from what: base models, merges, adapters and the data they saw, as one family read from the runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.common import file_hash, paths
from engine.common.errors import TunedeckError
from engine.common.files import read_json
from engine.config import toml
from engine.config.schema import RunConfig
from engine.messages import formats
from engine.messages.message import Message
from engine.models.adapter.card import WEIGHTS_FILE
from engine.models.adapter.config import CONFIG_FILE, RECORD_FILE, Parent, parents_in, read_record
from engine.models.adapter.facts import became
from engine.runs import directory, exports, interventions, mixes
from engine.runs.directory import RunDir

Kind = Literal["model", "merged", "adapter", "export"]


@dataclass(frozen=True)
class Node:
    """A model, a merged model, an adapter or its export. ``parents`` are keys; ``run`` is the id of its run.

    ``is_missing``: something names it, but its files are not where they were, or its run, which ``is_here``, has
    made none.
    """

    key: str
    kind: Kind
    title: str
    path: str = ""
    run: str = ""
    strategy: str = ""
    data: tuple[str, ...] = ()
    details: tuple[Message, ...] = ()
    parents: tuple[str, ...] = ()
    is_missing: bool = False
    is_here: bool = False

    @property
    def absence(self) -> Message | None:
        """None for what is there; else that it was moved or deleted, or that its run has made none."""
        if not self.is_missing:
            return None
        return Message("models.no-adapter" if self.is_here else "models.missing")


@dataclass(frozen=True)
class Lineage:
    """All nodes by key, older before younger."""

    nodes: Mapping[str, Node] = field(default_factory=dict)

    def children(self, key: str) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes.values() if key in node.parents)

    def roots(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes.values() if not any(parent in self.nodes for parent in node.parents))

    def around(self, key: str) -> Lineage:
        """Only what ``key`` comes from and what comes from it."""
        kept = {key, *self._reach(key, up=True), *self._reach(key, up=False)}
        return Lineage({name: node for name, node in self.nodes.items() if name in kept})

    def _reach(self, key: str, up: bool) -> list[str]:
        found: list[str] = []
        waiting = [key]
        while waiting:
            here = waiting.pop(0)
            node = self.nodes.get(here)
            steps = (node.parents if node else ()) if up else tuple(child.key for child in self.children(here))
            for step in steps:
                if step in self.nodes and step != key and step not in found:
                    found.append(step)
                    waiting.append(step)
        return found


@dataclass(frozen=True)
class Line:
    """A node's place in the drawn tree. ``lasts`` tells for each level whether it is the last of its siblings.

    ``is_repeated``: it was drawn before under another parent, and its own children are not drawn again.
    """

    node: Node
    lasts: tuple[bool, ...]
    is_repeated: bool = False


def read_lineage(root: Path | None = None) -> Lineage:
    """The family of all runs in ``root``; runs whose config can't be read are left out."""
    nodes: dict[str, Node] = {}
    for run in reversed(directory.list_runs(root)):
        try:
            made = list(_of_run(run, toml.load(run.config).config, root))
        except (TunedeckError, OSError):
            continue
        for node in made:
            known = nodes.get(node.key)
            # A node that a run made says more than the mention of it by another.
            if known is None or (node.run and not known.run):
                nodes[node.key] = node
    return Lineage(nodes)


def draw(lineage: Lineage) -> list[Line]:
    """The tree, roots first, each node under the parent it was last built on."""
    lines: list[Line] = []
    drawn: set[str] = set()

    def visit(node: Node, lasts: tuple[bool, ...]) -> None:
        lines.append(Line(node, lasts, node.key in drawn))
        if node.key in drawn:
            return
        drawn.add(node.key)
        # A child of several parents stands under the nearest one, which is named last.
        mine = [child for child in lineage.children(node.key) if _nearest(child, lineage) == node.key]
        for index, child in enumerate(mine):
            visit(child, (*lasts, index == len(mine) - 1))

    for root in lineage.roots():
        visit(root, ())
    return lines


def made_from(run: RunDir, lineage: Lineage) -> tuple[Node, ...]:
    """What would lose a parent if ``run`` were deleted: the next generation built on its adapter or merged model."""
    own = {node.key for node in lineage.nodes.values() if node.run == run.id}
    return tuple(
        node for node in lineage.nodes.values() if node.run != run.id and any(parent in own for parent in node.parents)
    )


def key_of(run: RunDir) -> str:
    """The key of the adapter that ``run`` makes."""
    return f"run:{run.id}"


def _nearest(node: Node, lineage: Lineage) -> str:
    return next(parent for parent in reversed(node.parents) if parent in lineage.nodes)


def _of_run(run: RunDir, config: RunConfig, root: Path | None) -> Iterator[Node]:
    """The nodes a run knows of: its base, what it went on from, its merge, its own adapter, and what was exported."""
    base = _model(config.model.name_or_path)
    yield from base
    data = tuple(source.path for source in config.data)
    parents = [base[-1].key]
    strategy, made_by = config.strategy, str(config.strategy.kind)
    details: tuple[Message, ...] = (Message("models.rank", r=config.adapter.r), *_scale(config))
    mix = mixes.read(run)
    if mix is not None:
        mentioned = [_mentioned(each.path, each.run) for each in mix.recipe.parents]
        yield from mentioned
        parents += [node.key for node in mentioned]
        made_by, details = "mix", (details[0], _recipe(mix.recipe))
    elif (record := read_record(run.adapter)) is not None and record.strategy == "extract":
        tuned = [node for each in record.parents for node in _model(each.path)]
        yield from tuned
        parents += [node.key for node in tuned]
        made_by, details, data = "extract", details[:1], ()
    elif strategy.kind != "fresh" and strategy.adapter:
        old = _adapter(strategy.adapter, run, root)
        yield old
        if strategy.kind == "merge":
            merged = Node(
                f"merged:{run.merged}", "merged", f"{run.name}/{run.merged.name}", str(run.merged), run.id,
                parents=(base[-1].key, old.key), is_missing=not run.merged.is_dir(),
            )  # fmt: skip
            yield merged
            parents = [merged.key]
        else:
            parents.append(old.key)
    yield Node(
        key_of(run), "adapter", run.name, str(run.adapter), run.id, made_by, data,
        (*_copied(run, root), *details, *_interventions(run), *_changes(parents_of(run))), tuple(parents),
        is_missing=not run.adapter.is_dir() and not run.complete_checkpoints(), is_here=True,
    )  # fmt: skip
    for made in exports.all_of(run):
        yield Node(
            f"export:{made.target}:{made.path}", "export", " ".join([made.target, *made.kinds]), made.path, run.id,
            details=() if _is_of_now(run, made) else (Message("models.export-earlier"),),
            parents=(key_of(run),), is_missing=not made.is_there,
        )  # fmt: skip


def _recipe(recipe: mixes.Recipe) -> Message:
    weights = [f"{formats.weight(each.weight)} {each.title}" for each in recipe.parents]
    return Message("models.mixed", method=recipe.method, weights=" + ".join(weights))


def parents_of(run: RunDir) -> tuple[Parent, ...]:
    """What its adapter goes back to: by its record, and until it has made one by the note of its start."""
    record = read_record(run.adapter)
    if record is not None:
        return record.parents
    try:
        return parents_in(json.loads(run.parents.read_bytes()))
    except (OSError, ValueError):
        return ()


def _changes(parents: Iterable[Parent]) -> list[Message]:
    """What became of ``parents`` since; of one whose run is gone too a node of its own tells."""
    told = []
    for parent in parents:
        since = became(parent)
        if since is not None and since.code == "adapter.parent-changed":
            told.append(Message("models.parent-changed", parent=_called(parent)))
        elif since is not None and parent.run and (Path(parent.path).parent / "config.toml").is_file():
            told.append(Message("models.parent-gone", parent=_called(parent), folder=Path(parent.path).name))
    return told


def _called(parent: Parent) -> str:
    return parent.run or Path(parent.path).name


def _is_of_now(run: RunDir, made: exports.Export) -> bool:
    """Whether an export was made of the adapter that the run has now: it may have been resumed, or weakened."""
    try:
        of_config = file_hash.sha256_of(run.adapter / CONFIG_FILE) if made.config_sha256 else ""
        return not made.adapter_sha256 or made.is_of(file_hash.sha256_of(run.adapter / WEIGHTS_FILE), of_config)
    except OSError:
        return True


def _copied(run: RunDir, root: Path | None) -> Iterator[Message]:
    """Whose settings it began with, by the name of that run while it is there."""
    if run.duplicated_from:
        known = RunDir((root or paths.runs_dir()) / run.duplicated_from).read_run_json()
        yield Message("models.copied", run=str(known.get("name") or run.duplicated_from))


def _interventions(run: RunDir) -> Iterator[Message]:
    """What people did to its training on the way: nothing for most runs."""
    done = interventions.read(run)
    if done.rollbacks:
        steps = sum(each.from_step - each.step for each in done.rollbacks)
        yield Message("steering.told-rollbacks", times=len(done.rollbacks), steps=steps)
    if done.skipped_rows:
        yield Message("steering.told-skipped", rows=done.skipped_rows)
    if done.rates:
        yield Message("steering.told-rate", scale=math.prod(each.factor for each in done.rates))


def _scale(config: RunConfig) -> tuple[Message, Message]:
    train = config.train
    steps, epochs = train.max_steps, train.num_train_epochs
    length = Message("models.steps", count=steps) if steps else Message("models.epochs", count=epochs)
    return length, Message("models.learning-rate", rate=train.learning_rate)


def _model(name: str) -> list[Node]:
    """The base, and before it what a merged one was made of."""
    folder = Path(name)
    if not folder.is_absolute():
        return [Node(f"model:{name}", "model", name)]
    record = read_json(folder / RECORD_FILE) if folder.is_dir() else {}
    if record.get("kind") != "merge":
        return [Node(f"model:{name}", "model", folder.name, name, is_missing=not folder.is_dir())]
    origin = _text_of(record.get("base"), "path") or _text_of(record.get("base"), "name")
    nodes = _model(origin) if origin and origin != name else []
    parents = [nodes[-1].key] if nodes else []
    adapters = record.get("adapters")
    for part in adapters if isinstance(adapters, list) else []:
        nodes.append(_mentioned(_text_of(part, "path"), _text_of(part, "run")))
        parents.append(nodes[-1].key)
    run = RunDir(folder.parent)
    made_by = run.id if folder == run.merged and run.config.is_file() else ""
    title = f"{made_by}/{folder.name}" if made_by else folder.name
    changed = tuple(_changes(parents_in(adapters)))
    return [*nodes, Node(f"merged:{name}", "merged", title, name, made_by, details=changed, parents=tuple(parents))]


def _adapter(named: str, run: RunDir, root: Path | None) -> Node:
    """The adapter a run went on from: as its own record names it, else as its config does."""
    record = read_record(run.adapter)
    if record is not None and record.parents:
        return _mentioned(record.parents[-1].path, record.parents[-1].run)
    path = Path(named)
    if path.is_absolute():
        above = next((part for part in (path, *path.parents) if (part / "config.toml").is_file()), None)
        return _mentioned(named, above.name if above else "")
    try:
        found = directory.find(named, root)
        return _mentioned(str(found.adapter), found.id)
    except TunedeckError:
        return Node(f"adapter:{named}", "adapter", named, is_missing=True)


def _mentioned(path: str, run: str) -> Node:
    """An adapter that something was made from."""
    gone = not Path(path).is_dir()
    if run:
        return Node(f"run:{run}", "adapter", run, path, is_missing=gone)
    return Node(f"adapter:{path}", "adapter", Path(path).name or path, path, is_missing=gone)


def _text_of(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
