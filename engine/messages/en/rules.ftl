# Findings across the fields of a config. The field stands before the sentence, so it begins in lower case.

micro-batch-below-row = { $tokens } is less than dataset.max_length ({ $longest }): a longer row is still computed whole, by itself.
optim-8bit = 8-bit optimizer states need an NVIDIA GPU.
    .hint = Without one, use optim = "adamw".
int8-slow = every layer checks for outliers, and on a GPU the host waits for it hundreds of times in a micro-batch.
    .hint = "nf4" takes half the memory and is usually faster; "none" is the fastest if it fits.
rate-high = { $rate } is high even for LoRA and may diverge.
    .hint = 1e-4 to 5e-4 is usual.
alpha-high = more than 8 times the rank: the update is scaled up a lot.
remote-code = Python code that comes with the model will be run.
pickle = pickled weights can run any code when they are loaded.
nothing-held-out = no rows are held out, so there is no eval loss to compare.
nothing-to-train = together with dataset.eval_share it is { PERCENT($share) }: nothing is left to train on.
    .hint = Together they must stay below 1.
whole-copies = this version keeps a whole copy of the model on each GPU.
    .hint = Set it to "auto"; several GPUs are launch.gpus = "0,1".
patience-without-rows = needs held-out rows.
    .hint = Set dataset.eval_share.
best-by-without-rows = needs held-out rows.
    .hint = Set dataset.eval_share, or eval.best_by = "loss".
baseline-unused = has no effect: eval.metrics is empty, so nothing is answered.
    .hint = Set eval.metrics = "auto", or leave eval.baseline at auto.
no-metric-file = user_metric needs the file of your metric.
    .hint = Name it in eval.metric_file, or take user_metric out.
only-text-is-split = only plain text is split; longer dialogues are dropped.
packing-by-mask = { $kernel } separates packed rows with a mask over the whole sequence: more memory, no speed.
    .hint = Use "auto", or attn_implementation = "flash_attention_2", which isolates each row.
no-template-file = no such file: { $path }
gpu-named-twice = a GPU is named twice: { $gpus }
    .hint = Name each once.
no-list-of-gpus = { $gpus } is not a list of GPUs.
    .hint = Name them, e.g. "0,1".
batch-below-devices = { COUNT($rows, "row", "rows") } per step can't occupy { $devices } devices.
    .hint = Set it to { $devices } or more.
no-layers = names no layers.
    .hint = Write "all-linear", or a list of names.
list-as-text = '{ $given }' is one text, which would be read as a pattern.
    .hint = Write a list: { $names }
no-pattern = '{ $given }' is not a valid pattern: { $reason }.
overlap-unused = only used with too_long = "split".
overlap-whole = { $overlap } is not less than dataset.max_length ({ $longest }): no piece of a text would bring anything new.
    .hint = Set it to { $enough }, or leave it out.
overlap-large = { PERCENT($share) } of each piece repeats the one before: a text is computed { NUMBER($times, digits: 1) } times over.
    .hint = { $enough } is usually enough.
adapter-needed = '{ $kind }' needs an earlier adapter.
    .hint = Name its folder, or the run that made it.
adapter-unused = a fresh start does not use the earlier adapter.
optimizer-unused = only 'continue' can take over the state of an optimizer.
shares-take-all = the shares add up to { PERCENT($share) }, which leaves nothing for the sources without one.
    .hint = Lower them, or give every source a share.
all-replay = every source is replay, so there is nothing new to learn.
    .hint = Use role = "new".
endless-stream = a stream has no known end, so it needs the number of rows to draw.
    .hint = 10_000 is a good start.
replay-without-share = replay without a share takes all of its rows in each epoch.
    .hint = 0.1 (a tenth of the tokens) is usual.
replay-share = { PERCENT($share, digits: 1) } of replay { $effect }.
    .hint = 0.1 (a tenth of the tokens) is usual.
replay-too-small = hardly limits forgetting
replay-too-large = slows down learning the new data
