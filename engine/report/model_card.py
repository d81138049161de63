"""The model card of an adapter: README.md with the hub's metadata, from what its run knows; unknowns are left out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.common.clean_text import clean
from engine.common.places import without_places
from engine.common.redact import redact
from engine.data.quality.privacy import without_secrets
from engine.messages import formats
from engine.messages.catalogue import text
from engine.metrics import words
from engine.report.content import Content, content
from engine.report.facts import Facts
from engine.report.tables import Table
from engine.runs.evaluations import TUNED, Evaluation, is_elsewhere, is_export

_SHOWN_HASH = 12  # as the head of the column says


def model_card(facts: Facts, name: str) -> str:
    """The card of the run behind ``facts`` as ``name``, in the language of the process.

    It names files, never where they lie, and holds no secret that is known as one.
    """
    said = content(facts)
    parts = [_metadata(facts), f"# {_prose(name)}", _prose(text("card.what", base=_base(facts)))]
    if said.verdict:
        parts += [f"## {text('report.verdict-title')}", _prose(said.verdict), _prose(said.verdict_note)]
    for result in said.results:
        parts += [_table(each) for each in (result.means, result.comparisons, result.costs) if each is not None]
        parts += [f"- {_prose(note)}" for note in result.notes]
    if said.fallback is not None and not said.results:
        parts.append(_table(said.fallback))
    parts += [f"## {text('report.done')}", "\n".join(map(_prose, _how(facts))), *_data(facts)]
    parts += [f"## {text('card.limits')}", "\n".join(f"- {_prose(each)}" for each in _limits(facts, said))]
    parts += [f"## {text('card.use')}", _use(facts)]
    whole = without_places("\n\n".join(part for part in parts if part), said.places)
    return without_secrets(redact(whole)) + "\n"


def _base(facts: Facts) -> str:
    """The base model's hub id, or the name of its folder."""
    named = facts.config.model.name_or_path if facts.config else ""
    return Path(named).name if os.path.isabs(named) else named  # noqa: PTH117 - a hub id is no path


def _metadata(facts: Facts) -> str:
    """The block of YAML on top, through the hub's own library."""
    from huggingface_hub import EvalResult, ModelCardData

    named = facts.config.model.name_or_path if facts.config else ""
    is_hub_id = named.count("/") == 1 and not Path(named).exists()
    values: dict[str, Any] = {"library_name": "peft", "pipeline_tag": "text-generation", "tags": ["lora", "tunedeck"]}
    if is_hub_id:
        values["base_model"] = named
    if facts.licence:
        values["license"] = facts.licence.lower()
    summary = _measured(facts)
    if summary is not None:
        values["model_name"] = clean(facts.name, keep_newlines=False)
        values["eval_results"] = [
            EvalResult(
                task_type="text-generation", dataset_type="other", dataset_name=summary.part,
                metric_type=mean.metric, metric_name=clean(text(words.metric(mean.metric))), metric_value=mean.value,
            )
            for mean in summary.means
            if mean.candidate == TUNED
        ] or None  # fmt: skip
    return f"---\n{ModelCardData(**values).to_yaml()}\n---"


def _measured(facts: Facts) -> Evaluation | None:
    """The evaluation of the run's result on its task, not that of an export or of what was forgotten."""
    found = (each.summary for each in facts.evaluations)
    return next((each for each in found if not is_export(each.name) and not is_elsewhere(each.name)), None)


def _table(table: Table) -> str:
    lines = [table.head, ["---:" if table.kind(at) == "number" else "---" for at in range(len(table.head))]]
    lines += [[f"{cell.text} ({cell.note})" if cell.note else cell.text for cell in row] for row in table.rows]
    told = "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)
    return f"**{_cell(table.caption)}**\n\n{told}"


def _cell(value: str) -> str:
    return _prose(value).replace("|", "&#124;")  # a backslash before it would be undone by one in the text


def _prose(value: str) -> str:
    """A line of Markdown in which names and rows are text: no tags, links or pictures, and nothing for a terminal."""
    return clean(value, keep_newlines=False).replace("<", "&lt;").replace("[", "&#91;")


def _how(facts: Facts) -> Iterator[str]:
    """Method and settings, a line each."""
    config, state, started = facts.config, facts.state, facts.state.started
    if started is not None and started.method:
        yield f"- {text('report.method')}: {started.method}"
    if config is not None:
        yield f"- {text('report.learning-rate')}: {formats.rate(config.train.learning_rate)}"
        batch = text("report.batch-of", rows=config.train.batch_size, length=config.dataset.max_length)
        yield f"- {text('report.batch')}: {batch}"
        yield f"- {text('card.seed')}: {config.run.seed}"
    yield f"- {text('report.steps')}: {text('report.of-steps', done=state.done_steps, of=state.total_steps)}"
    if started is not None:
        versions = ", ".join(f"{library} {version}" for library, version in started.versions.items())
        yield f"- {text('report.machine')}: {started.device or '-'}; {versions}"


def _data(facts: Facts) -> list[str]:
    """Sources by file name, rows, size and hash."""
    files = [each for each in facts.origins if each.part == "data"]
    if not files:
        return []
    head = [text(code) for code in ("report.source", "report.rows", "report.size", "report.sha256")]
    lines = [head, ["---", "---:", "---:", "---"]]
    lines += [
        [
            Path(each.path).name, formats.number(each.rows) if each.rows is not None else "-",
            formats.size(each.size), f"`{each.sha256[:_SHOWN_HASH]}`" if each.sha256 else "-",
        ]
        for each in files
    ]  # fmt: skip
    table = "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)
    return [f"## {text('report.data')}", table]


def _limits(facts: Facts, said: Content) -> Iterator[str]:
    """What a reader should not expect, as far as the run knows it."""
    summary = _measured(facts)
    if summary is not None:
        yield text("card.measured", rows=summary.n)
    yield from said.unknown


def _use(facts: Facts) -> str:
    base = clean(_base(facts), keep_newlines=False)
    return f"""```python
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

model = AutoPeftModelForCausalLM.from_pretrained("PATH_OR_REPO")  # {text("card.on-base", base=base)}
tokenizer = AutoTokenizer.from_pretrained("PATH_OR_REPO")
```"""
