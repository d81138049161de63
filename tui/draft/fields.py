"""From the config's schema to form fields: label, sentence, choices, range, and text to value and back."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from engine.config import numbers, presets
from engine.messages.catalogue import text

_WORDS = {True: "draft.yes", False: "draft.no"}
_LABELS = {
    "r": "draft.label-rank",
    "lora_alpha": "draft.label-alpha",
    "num_train_epochs": "draft.label-epochs",
    "learning_rate": "draft.label-learning-rate",
    "batch_size": "draft.label-batch-size",
    "quantization": "draft.label-quantization",
    "max_steps": "draft.label-max-steps",
    "lr_scheduler_type": "draft.label-schedule",
    "eval_share": "draft.label-eval-share",
    "eval_rows": "draft.label-eval-rows",
    "stratify": "draft.label-stratify",
    "max_length": "draft.label-max-length",
    "every": "draft.label-every",
}

_SEPARATORS = {"sample.prompts": "|"}  # prompts are sentences: they have commas of their own


@dataclass(frozen=True)
class FieldSpec:
    """One field of the form. ``choices`` is empty where free text is typed; ``range`` reads "1 to 1,024"."""

    dotted: str
    label: str
    description: str
    range: str = ""
    choices: tuple[Any, ...] = ()
    optional: bool = False
    is_list: bool = False
    separator: str = ","
    is_map: bool = False
    is_number: bool = False
    is_whole: bool = False


def spec_of(dotted: str) -> FieldSpec:
    """The form field for ``section.name`` or ``data.N.name``. Raises KeyError for a name the schema lacks."""
    section, *_, name = dotted.split(".")
    model = presets.section_model(section)
    if model is None:
        raise KeyError(dotted)
    info = model.model_fields[name]
    parts = list(_parts(info.annotation, info.metadata))
    kinds = [kind for kind, _ in parts]
    origins = [get_origin(kind) for kind in kinds]
    literal = [value for kind in kinds if get_origin(kind) is Literal for value in get_args(kind)]
    free = [kind for kind in kinds if kind in (int, float, str) or get_origin(kind) in (list, dict)]
    choices: tuple[Any, ...] = ()
    if not free:
        choices = tuple(literal + ([True, False] if bool in kinds else []))
    allowed = [*(str(value) for value in literal if free), *filter(None, [_range(parts)])]
    return FieldSpec(
        dotted=dotted,
        label=text(_LABELS[name]) if name in _LABELS else name.replace("_", " "),
        description=presets.description(dotted),
        range=text("draft.either", values=allowed) if allowed else "",
        choices=choices,
        optional=type(None) in kinds,
        is_list=list in origins,
        separator=_SEPARATORS.get(dotted, ","),
        is_map=dict in origins,
        is_number=int in kinds or float in kinds,
        is_whole=float not in kinds,
    )


def section_specs(section: str, leave_out: Iterable[str] = ()) -> list[FieldSpec]:
    """All fields of a section, in the schema's order."""
    skip = set(leave_out)
    names = [f"{section}.{name}" for name in presets.known_fields(section)]
    return [spec_of(dotted) for dotted in names if dotted not in skip]


def show(value: Any, separator: str = ",") -> str:
    """A value as people write it in the form: 0.0002 is 2e-4, True is yes, None is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return text(_WORDS[value])
    if isinstance(value, float):
        if value and abs(value) < 1e-2:
            mantissa, exponent = f"{value:e}".split("e")
            return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
        return f"{value:.10g}"
    if isinstance(value, (list, tuple)):
        return f"{separator} ".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{ours}={yours}" for ours, yours in value.items())
    return str(value)


def assignment(dotted: str, value: Any) -> str:
    """``train.bf16=true``, as `tunedeck run CONFIG --set` takes it."""
    return f"{dotted}={json.dumps(value) if isinstance(value, (bool, list, tuple)) else show(value)}"


def parse(spec: FieldSpec, typed: str) -> Any:
    """What was typed as a value of the right kind; what can't be read stays text, and the schema refuses it."""
    typed = typed.strip()
    if spec.choices:
        return next((value for value in spec.choices if show(value) == typed), typed)
    if spec.is_map:
        return _map(typed)
    if spec.is_list and typed in _words(spec):
        return typed
    if spec.is_list and (spec.separator in typed or not _takes_text(spec)):
        return [part.strip() for part in typed.split(spec.separator) if part.strip()]
    if not typed and spec.optional:
        return None
    return _number(typed, spec.is_whole) if spec.is_number else typed


def _takes_text(spec: FieldSpec) -> bool:
    """Whether a list field may also be one word, as ``target_modules`` may."""
    return str in _kinds(spec)


def _words(spec: FieldSpec) -> list[Any]:
    """The words that a field may be beside a list, as ``auto`` of ``eval.metrics``."""
    return [word for kind in _kinds(spec) if get_origin(kind) is Literal for word in get_args(kind)]


def _kinds(spec: FieldSpec) -> list[Any]:
    model = presets.section_model(spec.dotted.split(".")[0])
    assert model is not None
    info = model.model_fields[spec.dotted.split(".")[-1]]
    return [kind for kind, _ in _parts(info.annotation, info.metadata)]


def _map(typed: str) -> Any:
    pairs = [part.partition("=") for part in typed.split(",") if part.strip()]
    if any(not found for _, found, _ in pairs):
        return typed
    return {ours.strip(): yours.strip() for ours, _, yours in pairs}


def _number(typed: str, whole: bool) -> Any:
    try:
        return numbers.read(typed, whole)
    except numbers.NoNumber:
        return typed


def _parts(annotation: Any, metadata: list[Any]) -> Iterable[tuple[Any, list[Any]]]:
    """The members of a union, each with the limits that hold for it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *extra = get_args(annotation)
        flat = [item for piece in extra for item in (piece.metadata if isinstance(piece, FieldInfo) else [piece])]
        yield from _parts(inner, [*metadata, *flat])
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _parts(part, metadata)
    else:
        yield annotation, metadata


def _range(parts: list[tuple[Any, list[Any]]]) -> str:
    for kind, limits in parts:
        if kind not in (int, float):
            continue
        low = next((f"{limit.ge:,g}" for limit in limits if hasattr(limit, "ge")), "")
        above = next((f"{limit.gt:,g}" for limit in limits if hasattr(limit, "gt")), "")
        high = next((_large(limit.le) for limit in limits if hasattr(limit, "le")), "")
        below = next((_large(limit.lt) for limit in limits if hasattr(limit, "lt")), "")
        upper = high or (text("draft.under", value=below) if below else "")
        if low:
            return text("draft.from-to", low=low, high=upper) if upper else text("draft.or-more", low=low)
        if above:
            return text("draft.over-to", low=above, high=upper) if upper else text("draft.over", value=above)
        return upper
    return ""


def _large(number: float) -> str:
    return f"{int(number):,}" if float(number).is_integer() else f"{number:g}"
