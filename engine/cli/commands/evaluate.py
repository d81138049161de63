"""``tunedeck evaluate``: a run against its base, against prompting, and against other runs, on its rows or a file's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.commands.lookup import run_or_latest
from engine.cli.commands.run import Json, Settings
from engine.cli.completing import run_names
from engine.cli.console import Progress, json_line, one_line, out, say, table
from engine.common.errors import ConfigError
from engine.messages.catalogue import text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.runs.directory import RunDir
    from engine.runs.evaluation_request import EvaluationRequest
    from engine.runs.evaluations import Evaluation

_MOST_TEXT = 300


def evaluate(
    run: Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)] = "",
    data: Annotated[str, typer.Option(metavar="FILE")] = "",
    settings: Settings = None,
    against: Annotated[list[str] | None, typer.Option(metavar="base|few-shot|RUN", autocompletion=run_names)] = None,
    name: Annotated[str, typer.Option(metavar="NAME")] = "",
    rows: Annotated[int | None, typer.Option(metavar="N", min=0)] = None,
    max_new_tokens: Annotated[int, typer.Option(metavar="N", min=0, max=32768)] = 0,
    unseen_only: Annotated[bool, typer.Option("--unseen-only")] = False,
    tasks: Annotated[str, typer.Option(metavar="TASK,...")] = "",
    task_folder: Annotated[str, typer.Option(metavar="FOLDER")] = "",
    trust_base: Annotated[bool, typer.Option("--trust-base")] = False,
    worst: Annotated[int, typer.Option(metavar="N", min=0, max=100)] = 3,
    as_json: Json = False,
) -> None:
    """Evaluate a run afterwards; prints the verdict, the table, and the rows it answered worst."""
    from engine.app import evaluate as afterwards

    target = run_or_latest(run)
    if tasks or task_folder:
        names = [each.strip() for each in tasks.split(",") if each.strip()]
        _check_tasks(names, {"--data": data, "--set": settings, "--unseen-only": unseen_only})
        asked = afterwards.tasks_request(
            target, names, task_folder=task_folder, against=against or ["base"], name=name, rows=rows,
            trust_base=trust_base,
        )  # fmt: skip
        show(target, carried_out(asked), worst, as_json)
        return
    asked = afterwards.request(
        target, data=data, settings=settings or [], against=against or ["base"], name=name, rows=rows,
        new_tokens=max_new_tokens, unseen_only=unseen_only, trust_base=trust_base,
    )  # fmt: skip
    show(target, carried_out(asked), worst, as_json)


def _check_tasks(names: list[str], beside: dict[str, object]) -> None:
    """Raise ConfigError for options that say nothing of tasks."""
    given = [option for option, value in beside.items() if value]
    if given:
        raise ConfigError("evaluate.tasks-alone", option=given[0])
    if not names:
        raise ConfigError("evaluate.task-folder-alone")


def carried_out(asked: EvaluationRequest) -> Evaluation:
    """The evaluation, told about as it goes on. Ctrl+C says what is kept, and ends the verb."""
    from engine.app import evaluate as afterwards
    from engine.runs.directory import RunDir
    from engine.runs.evaluations import folder

    try:
        with Progress() as progress:
            return afterwards.run_request(asked, progress, lambda note: _warn(progress, note))
    except afterwards.Stopped as stopped:
        say(text("evaluate.stopped", kept=stopped.kept, name=asked.name))
        raise typer.Exit(afterwards.STOPPED) from None
    except KeyboardInterrupt:
        kept = afterwards.kept_in(folder(RunDir(Path(asked.run)), asked.name))
        say(text("evaluate.stopped", kept=kept, name=asked.name))
        raise


def _warn(progress: Progress, note: Message) -> None:
    """What makes the figures worthless is told at once, so that one can stop; other notes stand with the result."""
    from engine.app.evaluation_lines import GRAVE

    if note.code in GRAVE:
        progress.note(note)


def show(run: RunDir, evaluation: Evaluation, worst: int, as_json: bool) -> None:
    """Print an evaluation: for a program, or the verdict first, then what it rests on."""
    from engine.app import evaluation_lines as lines
    from engine.app.evaluate import worst_rows
    from engine.runs.evaluations import folder

    where = folder(run, evaluation.name)
    found = worst_rows(where, evaluation, worst)
    if as_json:
        json_line(as_values(run, evaluation) | {"worst": [_row_values(each) for each in found]})
        return
    out(text(evaluation.sentence) if evaluation.sentence else text("evaluate.no-verdict"))
    for is_grave, note in lines.notes(evaluation):
        out(f"{'!' if is_grave else ' '} {note}")
    out()
    body = [[metric, *line] for metric, of_metric in lines.by_metric(evaluation) for line in of_metric]
    table([text("evaluate.column-metric"), *map(text, lines.HEAD)], body)
    costs = lines.costs(evaluation)
    if costs:
        out()
        table([text(code) for code in lines.COST_HEAD], costs)
    classes = lines.confusion(evaluation)
    if classes is not None:
        out()
        head, *body = classes[1]
        table(head, body)
    for each in found:
        out()
        out(text("evaluate.worst-row", row=each.row + 1, prompt=_short(each.prompt)))
        if each.reference:
            out(f"  {text('evaluate.wanted')} {_short(each.reference)}")
        for name in evaluation.candidates:
            if name in each.answers and each.answers[name].was_asked and each.reference:
                out(f"  {text('evaluate.answered', candidate=_called(name))} {_short(each.answers[name].answer)}")
    if evaluation.reason is not None:
        say(text("evaluate.metrics-because", reason=evaluation.reason))
    say(text("evaluate.kept", path=where))


def _called(name: str) -> Message:
    from engine.metrics import words

    return words.candidate(name)


def _short(said: str) -> str:
    flat = one_line(said).strip()
    return f"{flat[:_MOST_TEXT].rstrip()} ..." if len(flat) > _MOST_TEXT else flat


def as_values(run: RunDir, evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation for a program: its own fields, the run, and where answers and summary are."""
    import msgspec

    from engine.runs.evaluations import folder

    values: dict[str, Any] = msgspec.to_builtins(evaluation)
    values["seconds"] = [{"candidate": name, "seconds": each} for name, each in evaluation.seconds.items()]
    return {"run": run.id, "path": str(folder(run, evaluation.name))} | values


def _row_values(row: Any) -> dict[str, Any]:
    return {
        "row": row.row, "prompt": row.prompt, "reference": row.reference,
        "answers": [
            {"candidate": name, "answer": each.answer, "scores": each.scores} for name, each in row.answers.items()
        ],
    }  # fmt: skip
