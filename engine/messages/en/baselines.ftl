# What a run is compared with, and what its evaluation must say about that.

examples-shown = Few-shot prompts hold { COUNT($most, "example", "examples") } from the training rows.
examples-fewer = Few-shot prompts hold { NUMBER($least) } to { NUMBER($most) } examples from the training rows, as many as fit.
because = No baseline was measured: { $reason }.
answers-unwritable = The answers can't be saved
    .message = { $path }: { $reason }.
    .hint = Free disk space or check the permissions, then resume. Saved answers are kept.

# Whether baselines are asked
no-rows = no held-out row ends with an answer, so only the loss is compared
only-loss = eval.metrics is empty, so only the loss is compared
asked-few-shot = eval.baseline asks for the base model with and without examples
asked-zero-shot = eval.baseline asks for the base model without examples
asked-none = eval.baseline = "none" compares with no base model
long = answers have { COUNT($tokens, "token", "tokens") } on average; above { NUMBER($most) } the base model is asked only with eval.baseline = "few_shot"
short = answers are short: { COUNT($tokens, "token", "tokens") } on average
no-examples = No training row can be used as an example in a prompt, so there is no few-shot baseline.
merged-base = The earlier adapter is merged, so the base before it was not asked. Few-shot is of the merged model.
on-validation = These rows also chose the checkpoint or the time to stop, so the result looks a little better than it is. Hold out a test set with dataset.test_rows.
unknown-length = the length of the answers is not known yet
