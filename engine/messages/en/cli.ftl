# Command lines that can't be carried out as they are written.

config-and-data = A config and data at the same time
    .message = { $given }
    .hint = Name one config, or data only.
no-tokenizer = No tokenizer to read the data with
    .message = { $given }
    .hint = Name a model with --model.
nothing-to-estimate = Nothing to estimate
    .message = `tunedeck estimate` takes a config, a model, or --shape.
    .hint = Write `tunedeck estimate run.toml`, `tunedeck estimate org/model` or { $example }
two-estimates = Only one estimate at a time
    .message = `tunedeck estimate` takes a config, a model, or --shape.
    .hint = Write `tunedeck estimate run.toml`, `tunedeck estimate org/model` or { $example }
set-needs-config = --set needs a config
    .message = { $given } has no fields to set.
    .hint = Name a run's TOML file to change a field of it.
no-driver = No such GPU
    .message = { $name }: the driver does not answer.
    .hint = Run nvidia-smi.
gpus-unknown = The driver does not answer
    .message = The GPUs of this machine can't be read.
    .hint = Name one: --gpu 24GiB
answer-unreadable = The result of the check can't be read
    .message = { $reason }
    .hint = Check again, or start without it.
