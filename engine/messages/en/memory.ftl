# Moments of a run, as they stand inside sentences.

phase-load = loading the model
phase-loss = the loss (end of the forward pass)
phase-backward = the backward pass of a layer
phase-backward-end = the end of the backward pass
phase-step = the optimizer step
phase-evaluation = evaluation
phase-save = saving a checkpoint
phase-merge = merging the adapter

# What takes the memory.

term-block-weights = Layer weights
    .about = The matrices of all layers, with the constants of quantization.
term-tables = Embedding and output head
    .about = They stay in 16 bit when the layers are quantized.
term-other-weights = Norms and biases
    .about = Small weights that are never quantized.
term-adapters = Adapter
    .about = The trained weights, in float32. They grow with rank and target modules.
term-optimizer = Optimizer states
    .about = AdamW keeps two numbers for each trained weight.
term-gradients = Gradients
    .about = One number for each trained weight, kept while micro-batches add up.
term-step-workspace = Optimizer workspace
    .about = The update of all trained weights before it is applied.
term-buckets = Gradient exchange
    .about = Buffers in which GPUs send each other their gradients.
term-checkpoints = Stored activations
    .about = What each layer keeps for its backward pass. It grows with the tokens.
term-layer = One layer recomputed
    .about = Everything one layer needs for its backward pass.
term-backward = One layer's gradients
    .about = Gradients of one layer's intermediate results.
term-forward = Forward pass
    .about = One layer's intermediate results when nothing is kept.
term-kv-cache = KV cache
    .about = Keys and values of the answers that an evaluation generates.
term-logits = Logits and loss
    .about = One score for each vocabulary entry and each token at the loss.
term-head-hidden = Hidden states at the loss
    .about = Hidden states before the output head, and their gradient.
term-dequantized = Dequantized matrix
    .about = A quantized matrix is unpacked to 16 bit while it multiplies.
term-unsharded = Gathered weights
    .about = Sharded weights are whole while they are used.
term-merge = One matrix merged
    .about = A weight matrix, its update and their sum.
term-cast-cache = 16-bit copies
    .about = Copies of float32 weights that mixed precision works with.

# Verdicts.

fits = fits, { GIB($spare) } spare
tight = barely fits, { GIB($spare) } spare in { $phase }
too-much = does not fit, { GIB($missing) } short in { $phase }
of-free = { $verdict } of { GIB($available) }
still-short = still { GIB($missing) } short
calibrated = ± { PERCENT($spread) } from { COUNT($runs, "run", "runs") }

# Why auto became what it did.

auto-micro-batch = { COUNT($rows, "row", "rows") } of the longest length at once; { $room }
auto-recompute = layers are recomputed to save memory; { $room }
auto-no-recompute = not needed; { $room }
auto-16-bit = 16-bit weights; { $room }
auto-4-bit = { $why }; 4-bit weights: { $room }
auto-4-bit-faster = 4 bit is faster here
auto-4-bit-tight = 16-bit weights would barely fit
auto-4-bit-needed = 16-bit weights would not fit
auto-32-bit-states = 32-bit optimizer states take only { GIB($states) }
auto-8-bit-states = 32-bit optimizer states would take too much

# Changes that save memory, each with what it does.

smaller-micro-batch = Micro-batch of { NUMBER($tokens) } tokens, not { NUMBER($now) }
    .why = The step is split into smaller pieces. Its result is the same.
one-row = One row at a time
    .why = The smallest pieces a step can be split into. Its result is the same.
recompute = Gradient checkpointing
    .why = Each layer keeps only its input and is recomputed in the backward pass.
fused-attention = Fused attention
    .why = Eager attention keeps a score for each pair of tokens.
nf4 = 4-bit base model (NF4, QLoRA)
    .why = It takes a quarter of the memory of 16 bit. The adapter trains on slightly rounded weights.
double-quantization = Double quantization
    .why = The quantization constants are quantized too. It saves 0.05 bytes a weight.
states-8-bit = 8-bit optimizer states
    .why = They take a quarter of the memory. It pays at high rank or with a trained embedding.
plain-lora = LoRA instead of DoRA
    .why = DoRA keeps two outputs a layer.
lower-rank = Rank { $rank } instead of { $now }
    .why = Half as many weights are trained, so it can learn less.
all-of = All of { $count } changes together
    .why = { COMMAS($changes) }.
other-gpu = Use GPU { $gpu }, { $name }
    .why = { GIB($free) } are free there now. Nothing else about the run changes.
other-gpu-unnamed = Use GPU { $gpu }
    .why = { GIB($free) } are free there now. Nothing else about the run changes.
wait-for = Start again when { $who } is done
    .why = Nothing about the run changes. It starts only if the memory is free by then.
wait = Start again when the GPU is free
    .why = Nothing about the run changes. It starts only if the memory is free by then.

saves = saves { GIB($bytes) }
frees = frees { GIB($bytes) }
has-more = has { GIB($bytes) } more
slower = { PERCENT($share) } slower
less-time = { PERCENT($share) } less time
not-enough = not enough by itself
change-line = { $what }: { COMMAS($gain) }

# What one step more of a setting costs.

rank-to = rank { $value }
rows-to = rows to { $value }
batch-to = batch { $value }
micro-batch-to = { $value } tokens
recomputing-on = recomputing on
recomputing-off = recomputing off
weights-16-bit = 16-bit weights
weights-4-bit = 4-bit weights
double-quantization-on = double quantization on
double-quantization-off = double quantization off
states-to-32-bit = 32-bit states
states-to-8-bit = 8-bit states
to-lora = plain LoRA
to-dora = DoRA
no-dropout = no dropout
dropout-to = dropout { $value }
costs-more = +{ GIB($bytes) }
costs-less = -{ GIB($bytes) }
costs-nothing = no extra memory
cost = { $step }: { $memory }
cost-line = { $step }: { COMMAS($parts) }
split-automatically = split automatically
no-longer-row = no row is longer than { COUNT($tokens, "token", "tokens") }
fewer-rows-at-once = { COUNT($rows, "row", "rows") } at once instead of { $before }
no-more-rows = a step has no more rows than these
would-not-fit = would not fit

# Speed, time and disk.

pace-run = measured here in { COUNT($runs, "run", "runs") }
pace-probe = measured here in a short test
pace-other-method = scaled from { COUNT($runs, "run", "runs") } here with another method
pace-cpu = computed for this CPU
pace-gpu = computed for this GPU
about = about { ABOUT($seconds) }
roughly = roughly { ABOUT($seconds) }
duration-line = { $time }: { COMMAS($parts) }
tokens-at = { AMOUNT($tokens) } tokens at { NUMBER($rate) } tokens/s
guessed-tokens-at = about { AMOUNT($tokens) } tokens (estimated from the file sizes) at { NUMBER($rate) } tokens/s
beside-training = of that { ABOUT($seconds) } for loading, evaluation and answers
disk = { BYTES($run) } for { COUNT($checkpoints, "checkpoint", "checkpoints") } and the adapter
disk-merging = { BYTES($run) } for { COUNT($checkpoints, "checkpoint", "checkpoints") } and the adapter, { BYTES($merging) } of it for the merged model
disk-later = merging later takes { BYTES($merged) }, an export as much again
remove-files = Remove files on that disk: it has no inodes left, as `df -i` shows
free-disk-space = Free space on that disk
disk-takes-no-files = The disk has no room for more files
    .message = { $place }: room for { COUNT($left, "more file", "more files") }, this run makes about { $needed }.
    .hint = Remove files on that disk (`df -i` shows inodes), or set TUNEDECK_HOME to a folder on another one.
disk-too-small = The disk is too small for the run
    .message = { $place } has { BYTES($free) } free. This run takes { $disk }.
    .hint = Free space, lower checkpoint.keep or adapter.r, or set TUNEDECK_HOME to a folder on a larger disk.

# What a run needs, in a line.

needs = needs { GIB($needed) } of { GIB($available) } free on { $device }
device-gpu = GPU { $gpu }, { $name }
device-each = { $device } in each of { $count } processes
in-use = { GIB($used) } of { GIB($total) } in use

# Devices that can't be taken.

no-common-dtype = These GPUs have no dtype in common
    .message = launch.gpus = { $gpus }: GPU { COMMAS($without) } has no bfloat16, the others have.
    .hint = Set model.dtype = "float16", or name GPUs of one kind.
memory-unknown = This GPU does not report its memory
    .message = GPU { $gpu }: { $reason }.
    .hint = Choose another GPU, or set launch.gpus to cpu.
no-memory-figure = no memory figure is available
gpu-unusable = The GPU can't be used
    .message = GPU { $gpu }: { $reason }.
    .hint = { $advice }
gpu-named-twice = A GPU is named twice
    .message = launch.gpus means { COMMAS($gpus) }.
    .hint = Name each GPU once.
one-instance-per-gpu = Two MIG instances of one GPU
    .message = One run can't use both: { COMMAS($gpus) }.
    .hint = Name instances of different GPUs, or one instance, or turn MIG off.

# Packing.

as-configured = set in the config
packed-row-by-row = set in the config; attention is computed row by row
packed-by-mask = set in the config; a mask isolates the rows
packs = attention is computed row by row, and nothing is padded
mixes-rows = the model has { $mixer }, which would mix rows
needs-mask = this attention kernel would need a mask over whole sequences
unknown-layers = this model's layers are not known
untried-family = packing was never tried with this kind of model
mixer-state-space = state-space layers
mixer-linear-attention = linear attention
mixer-recurrent = recurrent layers
mixer-convolutions = convolutions
cannot-pack = This model can't train on packed rows
    .message = dataset.packing: it has { $mixer }, which carry text from one row into the next.
    .hint = Set dataset.packing = "auto" or false. Rows are padded instead.

# How a model can be trained.

method = { $kind } { $bits }-bit
method-int8 = LoRA on int8
method-recomputed = { $method }, recomputed
column-fits = { $method }, fits
column-tight = { $method }, tight
column-short = { GIB($missing) } short

# Why memory ran out.

before-first-step = before the first step
at-step = at step { NUMBER($step) }
out-of-memory = Out of memory, { $when }
out-of-memory-in = Out of memory in { $phase }, { $when }
killed = Killed by the system: out of RAM, { $when }
killed-in = Killed by the system: out of RAM in { $phase }, { $when }
what-did-not-fit = { $phase }: { $term }, about { GIB($bytes) }
what-did-not-fit-beside = { $phase }: { $term }, about { GIB($bytes) }, beside { GIB($weights) } of weights
most-likely = most likely { $what }
held = The run held { GIB($held) }.
held-and-asked = The run held { GIB($held) } and asked for { GIB($asked) } more.
held-last = The run held { GIB($held) } when last seen.
gpu-has = The GPU has { GIB($total) }.
gpu-has-others = The GPU has { GIB($total) }, of which others held { GIB($others) }.
ram-has = This machine has { GIB($total) } of RAM.
ram-has-others = This machine has { GIB($total) } of RAM, of which others held { GIB($others) }.
estimate-missed = The estimate was { GIB($estimated) }. The remedies use what was measured.
process = process { $pid }
process-of = { $program }, user { $user }
process-holds = { $who }, { GIB($bytes) }
more-processes = { COUNT($count, "more process", "more processes") }

# What a term is made of in this run.

batch = { COUNT($rows, "row", "rows") } x { NUMBER($tokens) } tokens
of-logits = logits of { $batch } x vocabulary { NUMBER($vocab) }
of-logit-chunks = logits of { NUMBER($chunk) } tokens at a time x vocabulary { NUMBER($vocab) }, for { $batch }
of-layer-inputs = the input of each of { $layers } layers for { $batch }
of-activations = activations of { $layers } layers for { $batch }
of-weights = the weights of { $layers } layers ({ $format })
of-adapter = { $term } of an adapter of rank { $rank }
of-tables = embedding and output head (vocabulary { NUMBER($vocab) } x { NUMBER($hidden) })
of-kv-cache = keys and values of { NUMBER($tokens) } tokens of prompts and answers
of-batch = { $term } for { $batch }
