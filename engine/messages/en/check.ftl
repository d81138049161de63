# Findings about a run before it starts. The field stands before the sentence, so it begins in lower case.

refused = { WHOLE($error) }

# The machine
memory-short = does not fit, { GIB($lacks) } short in { $phase }.
memory-short-for-good = does not fit, { GIB($lacks) } short in { $phase }.
    .hint = Take a smaller model or a larger GPU.
gpus-unused = { $why }
unwritable-runs = The run directory can't be written
    .message = { $path }: { $reason }
    .hint = Fix its permissions, or set TUNEDECK_HOME to a folder you can write to.

# The model
model-not-here = is not on this machine yet; the run starts by downloading it.
no-tokenizer = { $path } has no tokenizer.
    .hint = Copy the files of its tokenizer there.
stored-quantized = the weights are stored as { $format }.
    .hint = Name the 16-bit model; set model.quantization to train it in 4 or 8 bit.
no-chat-template = this model has no chat template.
    .hint = Set model.chat_template, e.g. "chatml".
no-sdpa = { $family } models have no sdpa.
    .hint = Set it to "auto".
template-not-adapters = the adapter was trained with the template in its own folder; this is another.
    .hint = Leave model.chat_template empty to keep the adapter's.
template-of-adapter = dialogue is written with the chat template in its folder, as it was trained. The model's own differs.

# The layers a new adapter changes
mixers-left-out = "{ $targets }" leaves out { COUNT($count, "layer", "layers") }, such as { $first }: Mamba kernels read their weights past an adapter.
mixer-named = { $first } can't be trained on this model: Mamba kernels read their weights past an adapter.
    .hint = Take { LIST($names) } out of the list.
name-as-pattern = '{ $targets }' is read as a pattern, which must match a layer's whole name.
    .hint = Write a list: ["{ $targets }"]
pattern-without-layer = no layer in the model's files matches '{ $targets }' as a whole.
no-such-layer = no layer of the model is called '{ $name }'.
    .hint = Take it out, or use "all-linear".
no-such-layer-but = no layer of the model is called '{ $name }'.
    .hint = Did you mean '{ $near }'?
fused-experts = "all-linear" adapts { COUNT($experts, "expert", "experts") } a layer as one tensor: every pass updates all of them, which is slow and takes much memory.
fused-experts-but = "all-linear" adapts { COUNT($experts, "expert", "experts") } a layer as one tensor: every pass updates all of them, which is slow and takes much memory.
    .hint = target_modules = { $attention } adapts attention only.

# The earlier adapter
adapter-pickled = A pickled adapter can't be merged
    .message = { $path }
    .hint = Convert it to safetensors, or set strategy.kind = "continue".
adapter-zero = every B matrix is zero: the adapter changes nothing yet.
adapter-vouched = { $reason } You vouched for it with strategy.trust_base.
no-replay = no earlier rows are mixed in, so the adapter may forget what it knows.
    .hint = { $why }
no-optimizer-state = there is no optimizer state beside the adapter; the optimizer starts from zero.
other-strategy = your rows are { $verdict ->
        [same] the same task as what the adapter was trained on
        [related] related to what the adapter was trained on
       *[other] unrelated to what the adapter was trained on
    }: { $better ->
        [merge] merge, then LoRA
       *[other] { $better }
    } is recommended, not { $chosen ->
        [merge] merge, then LoRA
       *[other] { $chosen }
    }.

# The rows
rows-left-out = { COUNT($count, "row is", "rows are") } left out; the first is row { $row } of { $file }: { $reason }
columns-unused = these columns are not used: { $names }.
rows-remarked = { COUNT($count, "row", "rows") } with { $what }.
    .hint = { $why }
rows-unknown = their lengths in tokens are not known: { $why }
rows-fatal = { $what } ({ NUMBER($count) } of { COUNT($rows, "row", "rows") }).
rows-warned = { $what } ({ NUMBER($count) } of { COUNT($rows, "row", "rows") }){ $more ->
        [0] {""}
        [1] {" "}and 1 more warning
       *[other] {" "}and { $more } more warnings
    }.
few-rows = { COUNT($rows, "row shows", "rows show") } only differences of { NUMBER($points, digits: 1) } points or more; 5 points need { NUMBER($needed) } rows.
too-few-rows = { COUNT($rows, "row", "rows") } can't show any difference; 5 points need { NUMBER($needed) } rows.
rows-too-long = { COUNT($count, "row", "rows") } ({ PERCENT($share) }) are longer and will be { $how ->
        [drop] left out
        [split] split
       *[other] cut
    }.

# Remedies, each a few words
set-to = set it to { $value }
set-to-nothing = leave it empty
set-to-auto = set it to auto
set-to-no = set it to no
hold-out = hold out { PERCENT($share) }
use-cpu = use the CPU
choose = choose { $way ->
        [merge] merge, then LoRA
       *[other] { $way }
    }
mix-in = mix { PERCENT($share) } of them in
set-fields = { $fields }
changes = { $count } changes
