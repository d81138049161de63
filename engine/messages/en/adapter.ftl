# Adapters: finding one, reading its files, matching it with a base model, and what it is.

unusable-path = The adapter path can't be used
    .message = { $path }: { $reason }.
    .hint = Name a folder or a run.
not-found = Adapter not found
    .message = { $name } is neither a folder nor a run.
    .hint = Name a folder with adapter_config.json, or a run. `tunedeck runs` lists the runs.
unnamed = No adapter is named
    .message = strategy.adapter is empty.
    .hint = Set strategy.adapter to a run or to an adapter folder.
none-here = No adapter in this folder
    .message = { $folder } has no adapter_config.json.
    .hint = Name the folder that PEFT saved. It holds adapter_config.json and adapter_model.safetensors.
is-model = This is a model, not an adapter
    .message = { $folder } has a config.json but no adapter_config.json.
    .hint = Use it as the base model.
run-without = The run has no adapter
    .message = { $run } has neither a result nor a checkpoint.
    .hint = See `tunedeck status { $run }`.
newest-checkpoint = { $checkpoint } is the newest checkpoint in { $folder }.
unfinished-run = Run { $run } has no result yet. Its newest checkpoint is { $checkpoint }.

unreadable = The adapter can't be read
    .message = { $path }: { $reason }.
    .hint = Check the file permissions.
broken-config = The adapter config is broken
    .message = { $path }: { $reason }.
    .hint = Copy the adapter again.
json-error = line { $line }, column { $column }: { $reason }
no-object = it is not a JSON object
no-rank = r = { $value } is not a valid rank
no-number = { $field } = { $value } is not a number
no-table = { $field } is not a table
no-names = { $field } is not a list of names
no-integers = { $field } = { $value } is not a list of whole numbers
not-lora = This is not a LoRA adapter
    .message = { $path } is of type { $type }.
    .hint = Use a LoRA or DoRA adapter. tunedeck continues no other type.
untyped = This is not a LoRA adapter
    .message = { $path } has no peft_type.
    .hint = Use a LoRA or DoRA adapter. tunedeck continues no other type.

no-weights = The adapter has no weights
    .message = { $folder } has no adapter_model.safetensors.
    .hint = Copy the adapter again. The copy was probably interrupted.
pickled = The adapter weights are pickled
    .message = { $path }: loading a pickle can run any code.
    .hint = If you trust it, convert it in its folder: python -c "import torch, safetensors.torch as s; s.save_file(torch.load('adapter_model.bin', weights_only=True), 'adapter_model.safetensors')"
cut-off = The adapter file is truncated
    .message = { $path }: { $reason }.
    .hint = Copy the adapter again, or use another checkpoint.
not-finite = The adapter contains NaN or Inf
    .message = { $path }: { NUMBER($bad) } of { COUNT($of, "tensor", "tensors") }, such as { $tensor }.
    .hint = Its training diverged. Use an earlier checkpoint, or start fresh.
ignored-tensors = PEFT would not load this adapter
    .message = { $folder }: PEFT ignores { NUMBER($count) } of { COUNT($of, "tensor", "tensors") }, such as { $first }. { $why } The model would answer without them.
    .hint = Rename the tensors in the adapter folder: { $command }
name-begins = The name begins with "{ $prefix }".
name-lacks = The name lacks { $prefix } at its beginning.
name-contains = The name contains "{ $part }".
name-has-adapter = The name contains the adapter name "{ $name }".
empty-tensors = The adapter tensors are empty
    .message = { $folder }: { NUMBER($count) } of { COUNT($of, "tensor", "tensors") }, such as { $first } of shape [{ COMMAS($shape) }].
    .hint = It was saved sharded (DeepSpeed ZeRO-3 or FSDP). Save it gathered. For ZeRO-3 set stage3_gather_16bit_weights_on_model_save or run zero_to_fp32.py; for FSDP use FULL_STATE_DICT.
incomplete = The adapter is incomplete
    .message = { $folder }: { $tensor } has no matching half.
    .hint = Copy the adapter again. The config and the tensors are not of one adapter.
empty = The adapter is empty
    .message = { $folder }: adapter_model.safetensors holds no LoRA matrices.
    .hint = Some trainers save this under sharding. Use an earlier checkpoint.
left-out-targets = PEFT would not load this adapter
    .message = { $folder }: target_modules leaves out { NUMBER($count) } of { COUNT($of, "layer", "layers") } that the tensors change, such as { $first }. PEFT ignores their tensors.
    .hint = Add { COMMAS($names) } to target_modules in adapter_config.json, or copy the config again.
left-out-layers = PEFT would not load this adapter
    .message = { $folder }: layers_to_transform leaves out { NUMBER($count) } of { COUNT($of, "layer", "layers") } that the tensors change, such as { $first }. PEFT ignores their tensors.
    .hint = Set layers_to_transform to null in adapter_config.json, or copy the config again.
left-out-excluded = PEFT would not load this adapter
    .message = { $folder }: exclude_modules leaves out { NUMBER($count) } of { COUNT($of, "layer", "layers") } that the tensors change, such as { $first }. PEFT ignores their tensors.
    .hint = Set exclude_modules to null in adapter_config.json, or copy the config again.
rank-mismatch = The adapter rank differs from its config
    .message = { $folder }: r is { $expected } in adapter_config.json, but { $layer } has rank { $rank }.
    .hint = Copy the adapter again. The config and the tensors are not of one adapter.

does-not-fit = The adapter does not fit this model
    .message = { $adapter } on { $model }:
        { LINES($reasons) }
    .hint = Use the model it was trained on, or start fresh.
base-uncertain = The base model may be the wrong one
    .message = { $adapter } on { $model }:
        { LINES($reasons) }
    .hint = Use the model it was trained on. If you are sure, set strategy.trust_base = true.
resized = The adapter does not fit this model
    .message = { $adapter } on { $model }:
        { LINES($reasons) }
    .hint = Merge it and train a new adapter on the result: strategy.kind = "merge".
layers-adapter-pickled = The adapter is pickled. Its layers can't be compared before it is loaded.
layers-model-pickled = The model weights are pickled. Layers can't be compared before loading.
layers-multimodal = It was trained on a multimodal model. It changes { $layer }, and PEFT would find no such layer in this one.
layers-body = It was trained on the body of the model alone. It changes { $layer }, which is { $here } in this model. PEFT would find none of its layers. Put { $prefix } behind base_model.model. in the names of its tensors.
layers-found = All { COUNT($layers, "layer", "layers") } it changes exist in the model ({ COMMAS($names) }).
layers-deeper = It was trained on a model with at least { $theirs } layers. This one has { $ours }.
layers-missing = { NUMBER($missing) } of { COUNT($of, "layer", "layers") } it changes do not exist in the model, such as { $first }. It is for another architecture.
widths-unknown = The model is stored as { $format }. Layer widths can't be compared.
widths-equal = Layer widths match the model.
widths-differ = { COUNT($layers, "layer has", "layers have") } other widths. { $layer } maps { NUMBER($inputs) } to { NUMBER($outputs) } in the adapter, and { NUMBER($model_inputs) } to { NUMBER($model_outputs) } in the model.
shape-differs = { $tensor } is { $ours } in the adapter and { $theirs } in the model.
vocabulary-grown = { $tensor } has { COUNT($ours, "row", "rows") } in the adapter and { NUMBER($theirs) } in the model: tokens were added. It can be merged, not continued.
vocabulary-cut = { $tensor } has { COUNT($ours, "row", "rows") } in the adapter and { NUMBER($theirs) } in the model: rows were cut off. It can be merged, not continued.
token-beyond = It trains the embedding of token { NUMBER($token) }. The model has { COUNT($tokens, "token", "tokens") }. It can be merged, not continued.
base-unnamed = The adapter does not name the model it was trained on.
base-same-name = It was trained on { $base }. Whether the weights have changed is unknown.
base-like-name = It was trained on { $base }. By its name that may be this model ({ $model }).
base-other-folder = It was trained on { $base }, another folder. It may be another model.
base-other = It was trained on { $base }, not on { $model }.
base-same-weights = The weights are exactly those it was trained on (same hash).
base-other-weights = The weights are not those it was trained on ({ COMMAS($changes) }).
weights-changed = changed: { COMMAS($files) }
weights-missing = missing: { COMMAS($files) }
weights-new = new: { COMMAS($files) }

locked-field = is { $given }, but the adapter to continue has { $value }.
    .hint = Leave it out. For another value use strategy.kind = "merge" or "fresh".

data-unknown = The adapter does not say which rows it was trained on.
data-gone = The earlier data is gone: { $path } no longer exists.
data-at-hand = The earlier data is available.
data-at-hand-skipped = The earlier data is available, without { COUNT($rows, "row", "rows") } that the run skipped.
data-sample = The earlier files are gone. Up to { COUNT($rows, "row", "rows") } that the run recorded replace them.
data-unreadable = The earlier data can't be read: { BRIEF($reason) }.
data-partly-gone = { NUMBER($gone) } of { COUNT($of, "earlier source is", "earlier sources are") } gone.

fits = fits
unsure = unsure
refused = does not fit
unknown = unknown
folder = folder
base-model = base model
base-with-revision = { $base }, revision { $revision }
base-weights = base weights
no-hash = unknown: no hash was recorded
hash = { $file } { $hash }
hashes = { COMMAS($hashes) }
hashes-more = { COMMAS($hashes) } and { NUMBER($more) } more
method = method
lora = LoRA, scaled by alpha / rank
lora-rs = LoRA, scaled by alpha / sqrt(rank), rsLoRA
dora = DoRA, scaled by alpha / rank
dora-rs = DoRA, scaled by alpha / sqrt(rank), rsLoRA
rank = rank
alpha = alpha
varied = { $value }, other values for some layers
dropout = dropout
layers = layers
layers-counted = { COMMAS($names) } ({ NUMBER($count) } in total)
names = { COMMAS($names) }
saved-whole = saved in full
trained-tokens = trained tokens
bias = bias
parameters = parameters
parameters-in-file = { NUMBER($count) }, { BYTES($size) } { $dtype }
parameters-unknown = unknown, { BYTES($size) }
values = values
values-pickled = unknown: the file is pickled
values-finite = all finite
values-no-effect = all finite, but every B is zero: it changes nothing
values-broken = BROKEN: NaN or Inf in { COUNT($bad, "tensor", "tensors") }, such as { $tensor }
made-by = made by
made-by-run = run { $run }
made-by-peft = PEFT { $version }
made-by-unknown = an unknown PEFT version
trained-on = trained on
trained-on-unknown = unknown: it has no tunedeck.json
strategy = strategy
parent = parent
parent-weighed = { $parent } x { $weight }
parent-since = { $parent } ({ $since })
parent-gone = moved or deleted
parent-changed = changed since
source = { $path } ({ $role })
source-counted = { $path } ({ $role }, { COUNT($tokens, "token", "tokens") })

# An adapter to build on, as far as its files tell.
none-chosen = No adapter is chosen.
as-told = { WHOLE($reason) }
not-finite-in = It is damaged: NaN or infinite numbers in { $tensor }. Its training diverged.
against = { SENTENCES($reasons) }
pickle-unmergeable = A pickled adapter can't be merged. Convert it to safetensors first.
without-effect = Every B matrix is zero, so it changes nothing yet.
base-not-here = Whether it fits is checked once the model is on this machine.
shape = { COMMAS($parts) }
kinds-of-layers = { COUNT($kinds, "kind", "kinds") } of layers
comparing-hash = comparing the hash of the weights
