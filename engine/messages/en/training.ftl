# Errors of a training.

merge-unproven = The merge is not proven
    .message = { $folder }: { $reason }
    .hint = Nothing was removed. Set strategy.kind = "continue": it needs no merge.
packed-rows-mix = Packed rows see each other in this model
    .message = dataset.packing: of two short rows in one sequence, the second one came out differently.
    .hint = Set dataset.packing = "auto" or false: rows are padded instead.
loss-not-finite = The loss is not a number
    .message = Step { NUMBER($step) }: loss { $loss }, gradient norm { $norm }. The step was not taken; the last finite adapter is kept.
    .hint = `tunedeck rollback --skip-rows` continues without the rows of this step, `tunedeck rollback --lower-rate 0.5` at half the rate. In a new run, set model.dtype to bfloat16 or float32.
gradient-not-finite = The gradient is not a number
    .message = Step { NUMBER($step) }: loss { $loss }, gradient norm { $norm }. The step was not taken; the last finite adapter is kept.
    .hint = `tunedeck rollback --skip-rows` continues without the rows of this step, `tunedeck rollback --lower-rate 0.5` at half the rate. In a new run, set model.dtype to bfloat16 or float32.
checkpoint-unwritable = The checkpoint can't be written
    .message = { $path }: { $reason }.
    .hint = { $help }. There is no earlier checkpoint.
checkpoint-unwritable-again = The checkpoint can't be written
    .message = { $path }: { $reason }.
    .hint = { $help }. Then `tunedeck resume` continues from { $newest }.
checkpoint-unreadable = The checkpoint can't be read
    .message = { $path }: { $reason }.
    .hint = Remove its COMPLETE file to resume from the checkpoint before it.
checkpoint-of-another = its tensors are not those of this run's adapter
adapter-unwritable = The adapter can't be written
    .message = { $path }: { $reason }.
    .hint = Free space, then copy it from { $checkpoint }.
run-unwritable = The run directory can't be written
    .message = { $path }: { $reason }.
    .hint = Free space there.
model-not-here = The model is not downloaded yet
    .message = { $model }
    .hint = Its speed can be measured once it is downloaded.

# Which step is the result
by-loss = validation loss
kept-best = The result is step { NUMBER($step) }, the best by { $by } ({ $best }); the last, step { NUMBER($last) }, has { $last_value }
kept-best-so-far = The result is step { NUMBER($step) }, the best measured by { $by } ({ $best }); step { NUMBER($last) } was not measured
kept-last-best = The result is step { NUMBER($step) }: the last one is the best by { $by } ({ $best })
kept-last = The result is the last step, { NUMBER($step) }, as eval.keep = "last" says; the best by { $by } was step { NUMBER($best_step) } ({ $best })
best-unknown = No evaluation gave a number
    .message = The best step by { $by } is unknown, so the last one is the result.
    .hint = Lower train.learning_rate, or check the validation rows.
best-unmeasured = The best step is unknown
    .message = No evaluation could measure { $by }, nor say when to stop early: the last step is the result.
    .hint = Set eval.best_by to loss, or to a metric that these rows and eval.metric_file give.
best-gone = The best checkpoint is not whole
    .message = checkpoint-{ $step }: { $reason }. The last step, { NUMBER($last) }, is the result.
worse-than-base = Training made the model worse
    .message = By { $by } it had { $before } before training and at best { $best }, at step { NUMBER($step) }, which is the result.
    .hint = Use the base model as it is, or train again with a lower train.learning_rate.
worse-than-adapter = Training made the model worse
    .message = By { $by } the earlier model had { $before } and this one at best { $best }, at step { NUMBER($step) }, which is the result.
    .hint = Keep the earlier adapter, or train again with a lower train.learning_rate.
