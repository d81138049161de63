"""One run's config: the sections and fields of its TOML file, with the field's own names and ranges.

Every field has a ``description``: the form, the JSON schema and the help text all show that one sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from engine.config import numbers
from engine.config.fix_names import Fix
from engine.config.metric_names import MetricName

Auto = Literal["auto"]
RUN_PREFIX = "run:"
"""Of a source that is an earlier run."""


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        validate_assignment=True,
        allow_inf_nan=False,
        coerce_numbers_to_str=True,  # gpus = 0 and name = 7 mean the text
        protected_namespaces=(),
    )

    @field_validator("*", mode="before")
    @classmethod
    def _number(cls, value: Any, info: ValidationInfo) -> Any:
        """Read what was typed for a number by the rules of all numbers; true is none, though Python takes it for 1."""
        kinds = set(_kinds(cls.model_fields[info.field_name or ""].annotation))
        given = value if isinstance(value, list) else [value]
        if bool not in kinds and kinds & {int, float} and any(isinstance(each, bool) for each in given):
            raise PydanticKnownError("float_type" if float in kinds else "int_type")
        if isinstance(value, str) and kinds & {int, float} and not kinds & {str, value}:
            try:
                return numbers.read(value, whole=float not in kinds)
            except numbers.TwoNumbers as error:
                raise PydanticCustomError("two_numbers", "may be two numbers", {"what": error.what}) from None
            except numbers.NoNumber:
                return value  # what else the field may be, the type's own error says
        return value


def _kinds(annotation: Any) -> Iterator[Any]:
    """The plain types and the words that a field may be of."""
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for each in inner:
        yield from _kinds(each)


class RunSection(Section):
    name: str = Field("", max_length=80, description="Name of the run; empty: made from date and model")
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of row order, split, adapter weights and dropout")
    split_seed: int | None = Field(
        None, ge=0, lt=2**32, description="Seed of the split alone; empty: as seed. Same rows are held out for any seed"
    )
    notes: str = Field("", description="Free text kept with the run")

    @property
    def drawn_by(self) -> int:
        """The seed that decides which rows are held out."""
        return self.seed if self.split_seed is None else self.split_seed


class ModelSection(Section):
    name_or_path: str = Field(..., min_length=1, description="Model folder, starter model name, or hub id")
    revision: str = Field("main", description="Branch, tag or commit of a hub model")
    kind: Literal["auto", "base", "chat"] = Field("auto", description="Base or chat model; auto: from its files")
    quantization: Literal["auto", "none", "nf4", "int8"] = Field(
        "auto",
        description="Base model precision: 4 bit (nf4, QLoRA), 8 bit (int8), or 16 bit (none); auto: what fits",
    )
    double_quant: bool = Field(True, description="Quantize NF4's own scaling constants too (saves 0.05 B/weight)")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description="Compute dtype; auto: bfloat16 where the machine has it"
    )
    attn_implementation: Literal["auto", "sdpa", "eager", "flash_attention_2"] = Field(
        "auto", description="Attention kernel"
    )
    trust_remote_code: bool = Field(False, description="Run Python code that comes with the model")
    allow_pickle: bool = Field(False, description="Load .bin/.pt weights, which can run code when loaded")
    chat_template: str = Field("", description="Override: a .jinja file, or a built-in one (plain, chatml)")


class StrategySection(Section):
    kind: Literal["fresh", "continue", "merge"] = Field(
        "fresh", description="Build on an earlier adapter: fresh (no), continue, or merge it first"
    )
    adapter: str = Field("", description="Earlier adapter: its folder, or the run that made it")
    trust_base: bool = Field(
        False, description="Accept a base model that may not be the one the adapter was trained on"
    )
    take_optimizer: bool = Field(False, description="Continue with the earlier run's optimizer state, if there is one")


class AdapterSection(Section):
    r: int = Field(16, ge=1, le=1024, description="Rank of the update; a higher rank can learn more and costs more")
    lora_alpha: float = Field(32, gt=0, le=4096, description="Scale of the update: it is multiplied by alpha / r")
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Share of adapter inputs dropped while training")
    target_modules: str | list[str] = Field("all-linear", description="Layers that get an adapter")
    use_rslora: bool = Field(False, description="Scale by alpha / sqrt(r), steadier at high rank")
    use_dora: bool = Field(False, description="Train magnitude and direction separately; slower, sometimes better")
    init_lora_weights: bool | Literal["gaussian", "pissa", "olora"] = Field(
        True, description="Initial values of A and B"
    )
    modules_to_save: list[str] = Field(
        default_factory=list, description="Modules trained in full, in addition to the adapter"
    )
    trainable_token_indices: list[int | str] = Field(
        default_factory=list, description="Tokens (ids or texts) whose embeddings are trained, e.g. <|im_start|>"
    )


class DataSource(Section):
    path: str = Field(..., min_length=1, description="File, folder, pattern (data/*.jsonl), hub id, or run:NAME")
    subset: str = Field("", description="Subset (configuration) of a hub dataset")
    split: str = Field("train", description="Split of a hub dataset")
    format: Literal["auto", "alpaca", "messages", "sharegpt", "prompt_completion", "classification", "text"] = Field(
        "auto", description="Format of the rows; auto: detected from the columns"
    )
    columns: dict[str, str] = Field(default_factory=dict, description="Our field name -> your column name")
    tags: dict[str, str] = Field(
        default_factory=dict, description="Our names inside turns -> yours: role, content, user"
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Value in the label column -> name of the class")
    role: Literal["new", "replay", "general"] = Field(
        "new", description="Role of this source in the mix: new, replay or general"
    )
    share: float | None = Field(None, gt=0, le=1, description="Share of the mix; empty: all of its rows")
    max_rows: int | None = Field(None, ge=1, description="Use at most this many rows")
    streaming: bool = Field(False, description="Stream max_rows rows from a hub dataset without downloading all of it")
    weight: float = Field(1.0, gt=0, le=1000, description="Weight of each of its trained tokens in the loss")

    @property
    def is_run(self) -> bool:
        """Whether it names an earlier run, whose rows it then gives."""
        return self.path.startswith(RUN_PREFIX)


class DatasetSection(Section):
    max_length: int = Field(1024, ge=8, le=1_048_576, description="Longest row in tokens")
    train_on: Literal["assistant", "last", "all"] = Field("assistant", description="Tokens that count in the loss")
    eval_share: float = Field(0.05, ge=0, le=0.9, description="Share of rows held out for validation, never trained on")
    eval_rows: int | None = Field(None, ge=0, description="Rows held out for validation, instead of a share")
    test_share: float = Field(0.0, ge=0, le=0.9, description="Share of rows for a test before and after the run only")
    test_rows: int | None = Field(None, ge=0, description="Rows of the test, instead of a share")
    stratify: bool = Field(True, description="Keep the class shares of a classification in the held-out rows")
    too_long: Literal["truncate", "drop", "split"] = Field("drop", description="What to do with longer rows")
    split_overlap: int = Field(
        0, ge=0, le=65536, description="Tokens that each piece of a split text repeats from the one before"
    )
    packing: bool | Auto = Field(
        "auto", description="Pack examples into one sequence (needs a kernel that isolates them)"
    )
    mix: Literal["tokens", "rows"] = Field("tokens", description="Unit of the shares")
    epochs_cap: float | None = Field(None, gt=0, description="At most this many passes over any one source")
    fixes: list[Fix] = Field(default_factory=list, description="Repairs of rows as they are read, by name")


class TrainSection(Section):
    num_train_epochs: float = Field(1.0, gt=0, le=1000, description="Passes over the data")
    max_steps: int | None = Field(None, ge=1, description="Optimizer steps, instead of epochs")
    batch_size: int = Field(16, ge=1, le=65536, description="Examples per optimizer step, over all GPUs")
    micro_batch_tokens: Annotated[int, Field(ge=8)] | Auto = Field(
        "auto", description="Padded tokens computed at once; changes memory and speed, never the result"
    )
    learning_rate: float = Field(2e-4, gt=0, le=1, description="Peak learning rate")
    lr_scheduler_type: Literal["cosine", "linear", "constant"] = Field("cosine", description="Learning rate schedule")
    warmup_ratio: float = Field(0.05, ge=0, lt=1, description="Share of steps in which the learning rate rises from 0")
    weight_decay: float = Field(0.0, ge=0, lt=1, description="Weight decay of the trained weights")
    max_grad_norm: float = Field(1.0, ge=0, description="Gradient norm to clip to; 0: no clipping")
    gradient_checkpointing: bool | Auto = Field(
        "auto", description="Recompute layers in the backward pass to save memory"
    )
    optim: Literal["auto", "adamw", "adamw_8bit", "paged_adamw_8bit"] = Field("auto", description="Optimizer")
    use_liger_kernel: bool | Auto = Field(
        "auto", description="Liger's GPU kernels for norms, rope and SwiGLU; auto: if installed and verified"
    )
    neftune_noise_alpha: float | None = Field(
        None, gt=0, le=1000, description="NEFTune: noise on input embeddings in training, e.g. 5; empty: none"
    )
    kl_to_base: float | None = Field(
        None, gt=0, le=100,
        description="Weight of KL(base || tuned) in the loss, against forgetting, e.g. 0.1; empty: none",
    )  # fmt: skip


class EvalSection(Section):
    every: int | None = Field(None, ge=1, description="Steps between evaluations; empty: ten, fewer in short runs")
    metrics: Auto | list[MetricName] = Field(
        "auto", description="Metrics of answers, the deciding one first; auto: chosen by the rows; empty: only the loss"
    )
    metric_file: str = Field("", description="Python file with your own metric: score(answer, reference, row)")
    generate_rows: int = Field(100, ge=1, description="Held-out rows answered for the metrics")
    max_new_tokens: int = Field(256, ge=1, le=32768, description="Longest generated answer")
    baseline: Literal["auto", "none", "zero_shot", "few_shot"] = Field(
        "auto", description="Base model to compare with; few_shot means both; auto: both where answers are short"
    )
    few_shot: int = Field(4, ge=1, le=8, description="Training rows shown in the prompt of the few-shot baseline")
    early_stopping_patience: int | None = Field(
        None, ge=1, description="Stop after this many evaluations without improvement"
    )
    keep: Literal["best", "last"] = Field("best", description="Checkpoint that becomes the result")
    best_by: Literal["loss"] | MetricName = Field(
        "loss", description="What best means: validation loss, or a metric, which generates answers at each evaluation"
    )
    forgetting: bool | Auto = Field(
        "auto", description="Measure what is forgotten, while training and before and after; auto: where it is cheap"
    )
    forgetting_margin: float = Field(
        0.02, ge=0, le=1, description="Loss in quality at which an earlier task still counts as kept: 0.02 is 2 points"
    )
    general_text: str = Field("", description="File of general text to measure forgetting on; empty: the built-in set")


class CheckpointSection(Section):
    every: int | None = Field(None, ge=1, description="Steps between checkpoints; empty: five over the run")
    keep: int = Field(2, ge=1, le=1000, description="Number of newest checkpoints to keep")


class SampleSection(Section):
    prompts: list[str] = Field(default_factory=list, description="Prompts answered while training")
    every: int | None = Field(None, ge=1, description="Steps between samples; empty: with each evaluation")
    rows: int = Field(3, ge=0, le=100, description="Held-out rows answered before, during and after")


class LaunchSection(Section):
    gpus: str = Field("auto", description="GPUs by number, UUID or name, e.g. 0 or 0,1; auto: the freest; cpu: none")
    precision: Literal["auto", "bf16", "fp16", "no"] = Field("auto", description="Mixed precision of the loop")
    distributed: Literal["auto", "ddp", "fsdp", "deepspeed"] = Field(
        "auto", description="How several GPUs share the work"
    )

    @property
    def devices(self) -> list[str]:
        """One entry for each process that trains: auto, cpu, or a GPU."""
        return [name.strip() for name in self.gpus.split(",") if name.strip()] or ["auto"]


Occasion = Literal["end", "failure", "attention"]
OCCASIONS: tuple[Occasion, ...] = get_args(Occasion)


class NotifySection(Section):
    command: str = Field("", description="Program to run on events below; it gets the event as JSON on standard input")
    shell: bool = Field(False, description="Run the command as a line of shell")
    url: str = Field("", description="Address that gets the event as JSON; ${NAME} is read from the environment")
    on: list[Occasion] = Field(
        default_factory=lambda: list(OCCASIONS),
        description="When to notify: end, failure, attention (loss spike, much forgotten)",
    )
    allow_private: bool = Field(False, description="Allow an address in a private network")


class RunConfig(Section):
    """A whole run. ``engine.config.toml.load`` reads it from a file, with every error at once."""

    run: RunSection = Field(default_factory=lambda: RunSection())
    model: ModelSection
    strategy: StrategySection = Field(default_factory=lambda: StrategySection())
    adapter: AdapterSection = Field(default_factory=lambda: AdapterSection())
    data: list[DataSource] = Field(..., min_length=1)
    dataset: DatasetSection = Field(default_factory=lambda: DatasetSection())
    train: TrainSection = Field(default_factory=lambda: TrainSection())
    eval: EvalSection = Field(default_factory=lambda: EvalSection())
    checkpoint: CheckpointSection = Field(default_factory=lambda: CheckpointSection())
    sample: SampleSection = Field(default_factory=lambda: SampleSection())
    launch: LaunchSection = Field(default_factory=lambda: LaunchSection())
    notify: NotifySection = Field(default_factory=lambda: NotifySection())

    def with_settings(self, settings: Mapping[str, object]) -> RunConfig:
        """The same with fields like ``train.optim`` set, each checked."""
        changed = self.model_copy(deep=True)
        for dotted, value in settings.items():
            section, field = dotted.split(".")
            setattr(getattr(changed, section), field, value)
        return changed
