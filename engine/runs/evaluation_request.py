"""What a child process is asked to evaluate, by whom it was asked: one line of JSON."""

from __future__ import annotations

import msgspec

from engine.runs.mixes import Recipe


class EvaluationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Evaluate the run in folder ``run`` as evaluation ``name`` against ``against``: base, few-shot, folders of runs.

    ``data`` is the ``[[data]]`` entry of a file, None for the run's own held-out rows. ``rows`` is how many are asked
    (0: all). ``unseen_only`` leaves out rows that were trained on. ``scales`` asks the run's adapter at these strengths
    instead, with the loss on ``general`` beside them (a text file, "": as the run has it); without ``answers`` losses
    are all that is measured. ``tasks`` are lm-eval's, some defined in ``task_folder``. ``trust_base``: the base may be
    another one than it was trained on.
    """

    run: str
    name: str
    against: tuple[str, ...] = ()
    data: dict[str, object] | None = None
    rows: int = 0
    new_tokens: int = 0
    unseen_only: bool = False
    scales: tuple[float, ...] = ()
    answers: bool = True
    general: str = ""
    tasks: tuple[str, ...] = ()
    task_folder: str = ""
    trust_base: bool = False


class JudgeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Let model ``judge`` prefer one of two answers, of candidates ``pair``, to each row of an evaluation.

    ``where`` is the evaluation's folder, ``seed`` draws the order of its pairs; of ``rows`` (0: all) those that come
    first and are not judged yet are asked.
    """

    where: str
    pair: tuple[str, str]
    judge: str
    seed: int
    rows: int = 0
    trust_base: bool = False


class ProofRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Let exports of the run in folder ``run`` answer its held-out rows, ``rows`` of them, beside its adapter.

    By the names that they get in the evaluation ``name``: ``models`` are merged model folders, ``files`` GGUF files,
    ``loras`` GGUF adapters for the run's base, ``ollama`` folders with a Modelfile, ``vllm`` folders with a serve.sh
    that gives the adapter the name ``served_as``. Programs that are not installed are not asked.
    """

    run: str
    name: str
    models: dict[str, str] = {}
    files: dict[str, str] = {}
    loras: dict[str, str] = {}
    ollama: dict[str, str] = {}
    vllm: dict[str, str] = {}
    served_as: str = ""
    rows: int = 0
    trust_base: bool = False


class MixRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Mix adapters by ``recipe`` and measure the mix called ``name`` on its parents' held-out rows.

    ``where`` is the folder of the candidate, which holds the mix once it is made. ``rows`` of each task are asked
    (None: as many as the parent's config says, 0: all). ``data`` are ``[[data]]`` entries of files with more tasks.
    ``margin`` is how much worse than its parent a mix may be and still counts as keeping its task.
    """

    where: str
    name: str
    recipe: Recipe
    rows: int | None = None
    data: tuple[dict[str, object], ...] = ()
    margin: float | None = None
    trust_base: bool = False


class ExtractRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Take a LoRA of ``rank`` out of the models in the folders ``base`` and ``tuned``, into the run in ``where``.

    ``named`` is what the adapter calls its base. ``data`` is the ``[[data]]`` entry of a file whose rows prove it,
    ``rows`` of them (0: all).
    """

    where: str
    base: str
    tuned: str
    named: str
    rank: int
    data: dict[str, object] | None = None
    rows: int = 0
