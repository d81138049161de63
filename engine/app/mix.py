"""Several adapters into one: checked here, made and measured by a child process, then kept as a run or thrown away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.app.evaluate import Stopped, ask_child, kept_in
from engine.common import file_hash, paths
from engine.common.errors import ConfigError, DataError, MachineError, TunedeckError
from engine.config import provenance, toml
from engine.config.presets import Layer, resolve
from engine.config.schema import RUN_PREFIX, DataSource, RunConfig
from engine.data.files.sources import source_files
from engine.machine.host import read_host
from engine.messages import formats
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from engine.metrics import words
from engine.metrics.sentence import change
from engine.models.adapter.card import AdapterCard
from engine.models.adapter.config import CONFIG_FILE
from engine.models.adapter.mix import (
    check_parents,
    check_request,
    layer_ranks,
    size_of,
    work_bytes,
)
from engine.models.for_use import ForUse, Trust, check, find_for_use
from engine.runs import directory, evaluations, failures, mixes
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import MixRequest
from engine.runs.evaluations import BASE, Evaluation
from engine.runs.mixes import MIX, Ingredient, Mix, OnTask, Recipe

_ABOUT = {
    "linear": "mixes.about-linear", "ties": "mixes.about-ties", "dare_linear": "mixes.about-dare-linear",
    "dare_ties": "mixes.about-dare-ties",
}  # fmt: skip
"""What each method is, in a sentence."""
_CLAUSES = {"kept": "mixes.keeps", "lost": "mixes.loses", "unclear": "mixes.unclear"}
_START_S = 8.0
"""Until the libraries are loaded."""
_LAYER_PACE = {"linear": 1.5e9, "ties": 1.5e7, "dare_linear": 4e7, "dare_ties": 3.5e7}
"""Numbers of the parents' updates that one CPU core mixes a second: most of it goes into trimming and decomposing."""
_GONE = ("data.no-place", "data.no-place-but-near", "data.pattern-without-file")
_SPARE_BYTES = 64 << 20
_Progress = Callable[[int, int | None, Message], None]


@dataclass(frozen=True)
class Plan:
    """A mix that nothing speaks against. ``seconds`` is None where no parent tells how fast it answers.

    ``memory_bytes`` is that of base and adapters in memory, or of the mixing where that is more; all about.
    """

    parents: tuple[ForUse, ...]
    recipe: Recipe
    size_bytes: int
    memory_bytes: int
    seconds: float | None
    notes: tuple[Message, ...]


@dataclass(frozen=True)
class Parents:
    """Adapters as found, each checked against its base, which is hashed once.

    ``hashes`` are those of each one's tensors and config. ``unmeasured`` says whose held-out rows are not at hand, as
    far as that is seen without reading any.
    """

    found: tuple[ForUse, ...]
    titles: tuple[str, ...]
    hashes: tuple[tuple[str, str], ...]
    unmeasured: tuple[Message, ...] = ()

    def plan(
        self, method: str, weights: Sequence[float] = (), density: float = 0.5, seed: int = 0, rank: int = 0,
        rows: int | None = None,
    ) -> Plan:  # fmt: skip
        """What mixing them so gives and takes; changes nothing. Without ``weights`` all weigh the same.

        Raises ConfigError, ModelError for all that speaks against it.
        """
        count = len(self.found)
        weights = weights or [1 / count] * count
        check_request(count, weights, method, density, rank)
        notes = [*self.unmeasured, *check_parents(self.found, method)]
        adapters = [each.adapter for each in self.found if each.adapter is not None]
        recipe = Recipe(
            base=str(self.found[0].card.path),
            parents=[
                Ingredient(
                    path=str(card.path.absolute()), title=title, run=card.run, sha256=digest, config_sha256=of_config,
                    weight=weight,
                )
                for card, title, (digest, of_config), weight
                in zip(adapters, self.titles, self.hashes, weights, strict=True)
            ],
            # what a method does not use makes no other mix
            method=method, density=1.0 if method == "linear" else density,
            seed=0 if method in ("linear", "ties") else seed, rank=rank,
        )  # fmt: skip
        base = self.found[0].card
        in_memory = base.weight_bytes + sum(card.size_bytes for card in adapters) + size_of(adapters, rank)
        return Plan(
            self.found, recipe, size_of(adapters, rank), max(in_memory, work_bytes(adapters, method)),
            self._seconds(adapters, method, rows), tuple(notes),
        )  # fmt: skip

    def _seconds(self, adapters: Sequence[AdapterCard], method: str, rows: int | None) -> float | None:
        """From how long the parents took to answer when they were trained; everyone answers every task."""
        numbers = sum(module.inputs * module.outputs for card in adapters for module in card.contents.modules)
        total = _START_S + numbers / _LAYER_PACE[method]
        answerers = len(self.found) + 2
        known = False
        for found in self.found:
            measured = evaluations.read(evaluations.folder(found.run, evaluations.TRAINING)) if found.run else None
            if measured is None or found.config is None or not measured.n:
                continue
            spent = measured.seconds.get(evaluations.TUNED, 0.0) / measured.n
            asked = found.config.eval.generate_rows if rows is None else rows or measured.n
            total, known = total + spent * min(asked, measured.n) * answerers, True
        return total if known else None


def parents(
    names: Sequence[str], trust_base: bool = False, on_progress: Callable[[int, int], None] | None = None
) -> Parents:
    """The adapters that ``names`` mean: runs or folders. Raises TunedeckError for what can't be found or used.

    ``on_progress`` gets the bytes of the base that are hashed.
    """
    if len(names) < 2:
        raise ConfigError("mixes.too-few", count=len(names))
    trust = Trust(base=trust_base)
    found = tuple(find_for_use(name, trust) for name in names)
    check_parents(found, "linear")  # what is cheap to say comes before what is hashed
    for each in found:
        check(each, trust, on_progress)
    hashes = tuple(_hashes_of(each.adapter) for each in found if each.adapter is not None)
    file_hash.keep()
    titles = _titles(found)
    return Parents(found, titles, hashes, tuple(_unmeasured(found, titles)))


def _hashes_of(card: AdapterCard) -> tuple[str, str]:
    """What tells an adapter at its strength from others."""
    return file_hash.sha256_of(card.file), file_hash.sha256_of(card.path / CONFIG_FILE)


def _unmeasured(parents: Sequence[ForUse], titles: Sequence[str]) -> Iterator[Message]:
    for found, title in zip(parents, titles, strict=True):
        if found.run is None:
            yield Message("mixes.parent-without-run", adapter=title)
            continue
        for source in found.config.data if found.config else ():
            try:
                if not source.is_run:
                    source_files(source, fetch=False)
            except DataError as error:
                if error.code in _GONE:
                    yield Message("mixes.rows-gone", adapter=title, path=source.path)


def _titles(found: Sequence[ForUse]) -> tuple[str, ...]:
    """What each is called among the candidates: its name, with its folder or id where that is taken."""
    names: list[str] = []
    for each in found:
        called = each.title
        if called in (BASE, MIX, *evaluations_names(), *names):
            place = each.run.id if each.run else str(each.adapter.path) if each.adapter else ""
            called = f"{called} {place}"
        names.append(called)
    return tuple(names)


def evaluations_names() -> tuple[str, ...]:
    return (evaluations.FEW_SHOT, evaluations.OLD_ADAPTER, evaluations.TUNED)


def sources(data: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """``[[data]]`` entries of files whose rows are asked too. Raises ConfigError, DataError."""
    from engine.data.files.opened import check_name

    named = [path if path.startswith(RUN_PREFIX) else check_name(path) for path in data]
    return tuple(DataSource(path=path).model_dump(mode="json", exclude_none=True) for path in named)


def default_name(plan: Plan) -> str:
    """ "orders+tickets ties": what it is made of."""
    titles = "+".join(parent.title for parent in plan.recipe.parents)
    return f"{titles[:60]} {plan.recipe.method}"


def candidate(plan: Plan, name: str = "") -> RunDir:
    """The folder of the mix: where it was made before, or a new one among the candidates.

    Raises ConfigError for a name that a run has already, MachineError for a disk that is too small.
    """
    name = name or default_name(plan)
    if len(name) > 80 or not name.strip():
        raise ConfigError("mixes.bad-name", name=name, most=80)
    taken = next((run for run in directory.list_runs() if run.read_run_json().get("name") == name), None)
    if taken is not None:
        raise ConfigError("mixes.name-taken", name=name, run=taken.id)
    before = mixes.candidate_of(plan.recipe, name)
    if before is not None:
        return before
    paths.private_dir(mixes.candidates_dir())
    free = read_host([mixes.candidates_dir()]).disks[0].free_bytes
    if free is not None and free < plan.size_bytes + _SPARE_BYTES:
        needed = plan.size_bytes + _SPARE_BYTES
        raise MachineError("mixes.disk-small", folder=mixes.candidates_dir(), free=free, needed=needed)
    first = plan.parents[0]
    return directory.create(first.card.name, toml.dumps(_config(plan, name)), name, mixes.candidates_dir())


def _config(plan: Plan, name: str) -> Any:
    """The config of the run that the mix becomes: the first parent's, with the rows of all and the shape of the mix."""
    first = plan.parents[0]
    configs = [parent.config for parent in plan.parents if parent.config is not None]
    base = first.config or (configs[0] if configs else None)
    rows: list[dict[str, Any]] = []
    for config in configs:
        rows += [each for source in config.data if (each := _plain_source(source)) not in rows]
    adapters = [each.adapter for each in plan.parents if each.adapter is not None]
    ranks = layer_ranks(adapters, plan.recipe.rank)
    usual = max(set(ranks.values()), key=[*ranks.values()].count)
    kept: dict[str, Any] = {}
    if base is not None:
        kept = {
            "dataset": base.dataset.model_dump(exclude_none=True), "launch": base.launch.model_dump(),
            "eval": _shared_eval(configs), "run": {"seed": base.run.seed, "split_seed": base.run.drawn_by},
        }  # fmt: skip
        kept["dataset"]["fixes"] = sorted({fix for config in configs for fix in config.dataset.fixes})
    made = {
        "model": first.model.model_dump(exclude_none=True),
        "adapter": {"r": usual, "lora_alpha": usual, "target_modules": sorted({*adapters[0].targets})},
        "data": rows or [{"path": "-"}],
    }  # fmt: skip
    kept.setdefault("run", {})["name"] = name
    return resolve([Layer(provenance.run(first.title), kept), Layer(Message("source.mix"), made)])


def _plain_source(source: DataSource) -> dict[str, Any]:
    """Rows of a mix are rows of its own: none of them is replay, and none has a share."""
    values = source.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return {key: value for key, value in values.items() if key not in ("role", "share", "weight")}


def _shared_eval(configs: Sequence[RunConfig]) -> dict[str, Any]:
    """How the first parent is evaluated, but for metrics, which the rows of several tasks choose anew."""
    section = configs[0].eval
    return {"generate_rows": section.generate_rows, "forgetting_margin": section.forgetting_margin,
            "max_new_tokens": max(config.eval.max_new_tokens for config in configs)}  # fmt: skip


def measure(
    plan: Plan, run: RunDir, on_progress: _Progress, on_note: Callable[[Message], None] = lambda note: None,
    on_silence: Callable[[], None] = lambda: None, *, rows: int | None = None, data: Sequence[dict[str, Any]] = (),
    margin: float | None = None, trust_base: bool = False,
) -> Mix:  # fmt: skip
    """Make the mix in the folder of ``run`` and measure it, in a process of its own.

    What ``on_progress`` or ``on_silence`` raises ends the child, which keeps what was answered. Raises Stopped when it
    was ended, TunedeckError.
    """
    asked = MixRequest(
        where=str(run.path.absolute()), name=run.name, recipe=plan.recipe,
        rows=rows, data=tuple(data), margin=margin, trust_base=trust_base,
    )  # fmt: skip
    first = RunDir(paths.runs_dir() / plan.recipe.parents[0].run) if plan.recipe.parents[0].run else None
    with failures.noted(first, "mix", asked.name):
        said = ask_child(asked, on_progress, on_note, on_silence)
        if said["type"] == "stopped":
            raise Stopped(answers_in(run))
        found = mixes.read(run)
        if found is None:
            raise TunedeckError("evaluate.ended", code=0, said="")
    return found


def answers_in(run: RunDir) -> int:
    """How many answers are kept with a mix."""
    where = run.path / evaluations.FOLDER
    return sum(kept_in(each) for each in where.iterdir()) if where.is_dir() else 0


def keep(run: RunDir) -> RunDir:
    """The mix becomes a run. Raises ConfigError for one that is not measured, MachineError."""
    mix = mixes.read(run)
    if mix is None or not mix.tasks:
        raise ConfigError("mixes.not-measured", name=mix.name if mix else run.id)
    return mixes.keep(run)


def throw_away(run: RunDir) -> None:
    """Remove a candidate: only what was made here, never a parent. Raises RunError, MachineError."""
    if run.path.parent.resolve() == mixes.candidates_dir().resolve():
        directory.delete(run)


def about(method: str) -> Message:
    """What a method is."""
    return Message(_ABOUT[method])


def sentence(mix: Mix) -> Message:
    """What the mix does to the tasks of its parents: "keeps orders within 2 points, loses 14 on tickets"."""
    return Message("mixes.sentence", clauses=[_clause(task) for task in mix.tasks])


def _clause(task: OnTask) -> Message:
    if task.error is not None or task.difference is None:
        return Message("mixes.unknown", task=task.title)
    size = change(task.metric, task.difference, task.low, task.high)
    lost = change(task.metric, abs(task.difference), *_turned(task)) if task.kept == "lost" else size
    return Message(
        _CLAUSES[task.kept], task=task.title, change=lost, rows=task.n, metric=words.metric(task.metric),
        margin=change(task.metric, task.margin, None, None),
    )  # fmt: skip


def _turned(task: OnTask) -> tuple[float | None, float | None]:
    """The bounds of a loss as an amount."""
    if task.low is None or task.high is None or (task.difference or 0) > 0:
        return task.low, task.high
    return -task.high, -task.low


HEAD = ("mixes.column-task", "evaluate.column-candidate", "evaluate.column-value", "evaluate.column-interval",
        "mixes.column-difference", "evaluate.column-verdict")  # fmt: skip


def table(run: RunDir, mix: Mix) -> list[list[str]]:
    """A line for each task and candidate under ``HEAD``, by the metric that decides. The difference is mix minus it."""
    return [[_titled(task) if first else "", *cells] for task, first, cells in _lines(run, mix)]


def _titled(task: OnTask) -> str:
    """The task and the metric that decides on it."""
    if not task.metric:
        return task.title
    return text("metric-words.beside", value=task.title, about=words.metric(task.metric))


SHORT_HEAD = ("mixes.column-task", "evaluate.column-candidate", "evaluate.column-value", "mixes.column-difference",
              "evaluate.column-verdict")  # fmt: skip


def short_table(run: RunDir, mix: Mix) -> list[list[str]]:
    """The same in less room: without metrics and the interval of each value."""
    return [
        [task.title if first else "", candidate, value, difference, verdict]
        for task, first, (candidate, value, _, difference, verdict) in _lines(run, mix)
    ]


def _lines(run: RunDir, mix: Mix) -> Iterator[tuple[OnTask, bool, list[str]]]:
    """Each task with the cells of each candidate, and whether it is the first."""
    for task in mix.tasks:
        found = evaluations.read(evaluations.folder(run, task.evaluation)) if task.evaluation else None
        if found is None or task.error is not None:
            yield task, True, [text(task.error) if task.error else "-", "", "", "", ""]
            continue
        for place, name in enumerate(found.candidates):
            yield task, place == 0, _cells(found, task, name)


def _cells(found: Evaluation, task: OnTask, name: str) -> list[str]:
    mean, compared = found.mean(name, task.metric), found.comparison(MIX, name, task.metric)
    if mean is None:
        return [text(words.candidate(name)), "-", "", "", ""]
    difference, verdict = "", ""
    if compared is not None:
        difference = words.difference(task.metric, compared.difference)
        if compared.low is not None:
            interval = words.difference_interval(task.metric, compared.low, compared.high)
            difference = text("metric-words.beside", value=difference, about=interval)
        verdict = text(_KEPT[task.kept]) if name == task.against else text(words.verdict(compared.verdict))
    value = words.value(task.metric, mean.value)
    return [text(words.candidate(name)), value, text(words.interval(task.metric, mean.low, mean.high)), difference,
            verdict]  # fmt: skip


_KEPT = {"kept": "mixes.is-kept", "lost": "mixes.is-lost", "unclear": "mixes.is-unclear"}


def estimate(plan: Plan) -> Message:
    """Size, time and memory in a sentence."""
    code = "mixes.takes" if plan.seconds is not None else "mixes.takes-unknown"
    return Message(code, size=plan.size_bytes, memory=plan.memory_bytes, seconds=plan.seconds or 0.0)


def parts(mix: Mix) -> list[Message]:
    """What the adapter is, and what a reader must know of it."""
    made, recipe = mix.made, mix.recipe
    code = "mixes.made-exact" if made.kept_share >= 1 else "mixes.made-cut"
    told = [
        Message(code, form=made.combination, rank=made.rank, least=made.least_rank, layers=made.layers,
                share=made.kept_share, size=made.size_bytes)
    ]  # fmt: skip
    if made.alone:
        told.append(Message("mixes.alone", layers=made.alone, of=made.layers))
    if recipe.method.startswith("dare"):
        told.append(Message("mixes.seeded", seed=recipe.seed))
    unmeasured = [(task.title, task.error) for task in mix.tasks if task.error and part(task.error, "hint")]
    told += [Message("mixes.why-unknown", task=title, reason=reason) for title, reason in unmeasured]
    return [*told, *mix.notes]


def weights_said(recipe: Recipe) -> str:
    """ "0.5 orders + 0.5 tickets"."""
    return " + ".join(f"{formats.weight(parent.weight)} {parent.title}" for parent in recipe.parents)
