# Loading, adapters, attention, kernels and optimizers.

model-unloadable = The model can't be loaded
    .message = { $folder }: { $reason }.
    .hint = Download the model again, or choose another one.
library-missing = A library is missing
    .message = { $reason }.
    .hint = Run `tunedeck doctor`: it names what to install.
tokenizer-too-large = Tokenizer and model do not fit together
    .message = { $folder } has { NUMBER($rows) } embeddings, its tokenizer ({ $tokenizer }) { NUMBER($tokens) } tokens.
    .hint = Use the tokenizer that was published with this model.
tokenizer-of-another = Tokenizer and model do not fit together
    .message = { $folder } has { NUMBER($rows) } embeddings, the tokenizer in { $tokenizer } { NUMBER($tokens) } tokens.
    .hint = Move the tokenizer files out of { $tokenizer }: the model's own tokenizer is used then.
attention-fails = The model's attention fails its test
    .message = { $folder }: { COMMAS($faults) }.
    .hint = Choose a causal language model: no other kind can be trained.
attention-fails-as-set = The model's attention fails its test
    .message = { $folder }: { COMMAS($faults) }.
    .hint = Set model.attn_implementation = "auto".
model-fails = The model can't be run
    .message = { $folder }: { $reason }.
    .hint = Choose another model.
loss-unknown = The model's loss can't be reproduced
    .message = { $folder }: its forward pass makes other logits of its last hidden states than its head does.
    .hint = Choose another model: this kind can't be trained here.
weights-misshapen = The weights do not match config.json
    .message = { $folder }: { $tensor } is { $stored } in the file and { $wanted } by config.json. { $more ->
        [0] No other tensor differs.
       *[other] { COUNT($more, "more tensor differs", "more tensors differ") }.
    }
    .hint = Download the model again.
weights-misshapen-vocabulary = The weights do not match config.json
    .message = { $folder }: { $tensor } is { $stored } in the file and { $wanted } by config.json.
    .hint = Download the model again. If it should have { $tokens } tokens, set vocab_size = { $tokens } in config.json.
no-text-model = The model does not write text
    .message = { $folder }: { $type } models have no language-model head.
    .hint = Choose a causal language model.
attention-unsupported = This model can't use that attention
    .message = model.attn_implementation: { $model } has no { $attention }.
    .hint = Set model.attn_implementation = "auto".
attention-unfit = This attention kernel can't be used
    .message = The model's attention needs { $what }, which the kernel does not compute.
    .hint = Set model.attn_implementation = "eager".
liger-needs-gpu = Liger kernels need an NVIDIA GPU
    .message = train.use_liger_kernel is true, and this run is on the CPU.
    .hint = Set train.use_liger_kernel to "auto" or false.
liger-missing = Liger kernels are not installed
    .message = train.use_liger_kernel is true.
    .hint = Run `pip install 'liger-kernel>=0.8,<0.9'`, or set train.use_liger_kernel to "auto".
liger-unusable = Liger kernels can't be used
    .message = train.use_liger_kernel is true. { $fault }.
    .hint = Set train.use_liger_kernel to "auto" or false.
optimizer-needs-gpu = This optimizer needs an NVIDIA GPU
    .message = train.optim = { $optimizer }: bitsandbytes keeps 8-bit states on CUDA only.
    .hint = Set train.optim = "adamw". LoRA states are small.
token-unknown = A token to train is not in the model
    .message = adapter.trainable_token_indices: { $token }. The model has { NUMBER($rows) } embeddings.
    .hint = Name tokens of its vocabulary, such as <|im_start|>, or their ids.
layers-unknown = The model's layers are unknown
    .message = { $folder }: { $reason }.
    .hint = Update transformers, or choose another model.
adapter-unfit = The adapter does not fit this base model
    .message = { $folder }: { $reason }.
    .hint = Use the base model it was trained on.
adapter-tensors-left = The adapter does not fit this base model
    .message = { $folder }: PEFT ignores { COUNT($count, "tensor", "tensors") }, such as { $tensor }.
    .hint = Use the base model it was trained on.
adapter-incomplete = The adapter is incomplete
    .message = { $folder } has no { $tensor }, which its target_modules ask for.
    .hint = Copy it again from its source, or merge what is there: strategy.kind = "merge".
targets-unfit = The adapter does not fit this model
    .message = adapter.target_modules = { $targets }: { $reason }.
    .hint = Use target_modules = { $names }.
targets-unfit-named = The adapter does not fit this model
    .message = adapter.target_modules = { $targets }: { $reason }.
    .hint = Use target_modules = "all-linear", or target_modules = { $names }.
adapter-not-continuable = The adapter can't be continued
    .message = { $folder }: it sets { $tensor } without training it.
    .hint = Merge it into its base and train a new adapter on the result: strategy.kind = "merge".

# What is wrong with a kernel.
fault-of = { $attention }: { $fault }
faults = { COMMAS($faults) }
fault-raises = it can't be computed ({ BRIEF($reason) })
fault-not-finite = its numbers are not finite
fault-leaks = tokens see later ones
fault-differs = its result differs from the model's own code
fault-apart = its numbers are { PERCENT($share) } off
liger-has-none = the library has none for { $type }
liger-raises = a trial ended with { $kind }: { $reason }
liger-differs = in a trial their result differed from the model's
over-packed-rows = { $what } over packed rows
weights-not-finite = The model's weights are damaged
    .message = { $folder }: { $tensor } has NaN or infinite numbers.
    .hint = Download the model again. If it was trained here, its training diverged: use an earlier checkpoint.
