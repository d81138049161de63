# The monitor: one run's curves, result and log, and what steers it.

help = Watching a run
    .about = The chart shows the loss of every step (dim), its moving average (bright) and the loss on held-out rows (o). The loss should fall fast at first, then slowly. If o rises while the average falls, the model is overfitting. The keys 1 to 6 open and close the panes; v shows the next curve of a pane, c lays the curve of an earlier run below. Training runs in its own process, so leaving does not stop it.
this-run-keys = This run
chart-keys = The chart, when it has the focus
reading-log = reading the log

# Panes
pane-loss = loss
pane-rate = rate
pane-memory = memory
pane-sources = sources
pane-samples = samples
pane-result = result
pane-log = log
one-source = This run has one source: nothing to compare.
from-first-step = Shown from the first training step on.
memory-awaited = Shown as soon as the run measures its memory.
no-earlier = No earlier run of the same model and data.

# Gauges
eval = eval
rate = lr
gradient = grad
speed = tokens/s
took = took
left = ETA
epoch = epoch
tokens = tokens

# Curves
memory-over-time = memory, GiB
learning-rate = learning rate
gradient-norm = gradient norm
tokens-per-second = tokens/s
memory-by-step = memory by step, GiB
loss-by-source = loss by source
train = train
average = average
allocated = allocated
each-step = each step
this-run = run
resident = resident
predicted = estimate { GIB($bytes, unit: 0) }
total = total { GIB($bytes, unit: 0) }
more-sources = { COUNT($more, "more source", "more sources") }
flat = flat

# Memory
memory = memory
ram = RAM
of = { GIB($used, unit: 0) } of { GIB($total) }
peak = peak { GIB($bytes, unit: 0) }
busy = { PERCENT($share) } busy
others = others: { $who }
more = { NUMBER($more) } more
measured-run = memory of the run, GiB
measured-test = memory test with the longest rows, GiB
phase = phase
predicted-head = estimate
measured = measured
difference = difference

# What the runner does
never-started = this run was never started
loading-libraries = starting; loading the training libraries takes a few seconds
getting-ready = getting ready
training = training
curve-awaited = The curve begins with the first training step. Before it the run loads the model and the rows, tests its memory with the longest rows, and measures the untouched model: that is what the result is compared with.
now = Now: { $what }.
now-left = { $now } About { ABOUT($left) } left of this.
then-training = Then: training, { COUNT($steps, "step", "steps") }.
no-step-done = The run ended before its first training step.
for = { $what }, { ABOUT($time) }
done-still-working = { $what }: done, still working, { ABOUT($time) }
count-of = { NUMBER($done) } of { NUMBER($total) }
bytes-of = { BYTES($done) } of { BYTES($total) }
next-evaluation = eval in { COUNT($steps, "step", "steps") }, { ABOUT($time) }
next-checkpoint = checkpoint in { COUNT($steps, "step", "steps") }, { ABOUT($time) }
next-both = eval and checkpoint in { COUNT($steps, "step", "steps") }, { ABOUT($time) }
save-asked = Checkpoint requested.
pause-asked = Pause requested.
resume-asked = Resume requested.
sample-asked = Samples requested. They follow after this step.
pausing = Pausing after this step; p resumes.
pausing-first = Pausing after the first step; p resumes.
stop = Stop this training?
resuming = resuming
resuming-from = Resuming from { $checkpoint }.
the-beginning = the beginning
restarts = The run was changed and starts again.

# How it ended
ended-after = { $state } after { DURATION($time) }
ended-at = { $ending } at step { NUMBER($step) }
resumes-from = { $ending }; r resumes from { $checkpoint }
can-resume-from = { $ending }; can be resumed from { $checkpoint }
no-checkpoint = { $ending }; there is no checkpoint to resume from
damaged = The files of this run are damaged
crashed = The training process exited without an error message
failed = Training failed
way-on = r resumes from { $checkpoint }.
way-on-watched = It can be resumed from { $checkpoint }.
no-way-on = There is no checkpoint to resume from. n on Home starts a new run.
no-way-on-watched = There is no checkpoint to resume from.

# After memory ran out
way-checkpoint = resumes from the checkpoint
way-new-optimizer = resumes with a new optimizer state
way-new-run = starts a new run
way-restart = restarts
no-remedy = No combination of settings fits. Use a smaller model, shorter rows or a larger GPU.
also-on-gpu = also on the GPU: { $who }
apply-remedy = Up and Down choose a fix, Enter applies it. You are asked first.
remedies-watched = Each of these would help. Whoever steers the run can apply one.
apply = Apply this fix?
retry = Retry
edit-and-retry = Edit and retry
details = Log
start = Start

# The result
validation-rows = validation rows
test-rows = test rows
metric-change = { $metric } { $before } -> { $after }
change-of = { $change } (n = { NUMBER($n) })
change-of-test = { $change } (n = { NUMBER($n) }; test { $test }, n = { NUMBER($of) })
loss-change = loss { LOSS($before) } -> { LOSS($after) }
loss-change-of-test = { $change } (test { LOSS($test) })
rows-of = { NUMBER($rows) } { $kind }
before = before
after = after
no-samples = No samples.
no-samples-yet = No samples yet. g asks the model for some now.
before-training = before training
after-training = after training
at-step = at step { NUMBER($step) }
not-yet = not asked again yet
matches = matches
reference = reference:
empty-answer = (empty answer)
characters = ({ COUNT($count, "character", "characters") })
is-finished = { $run } is finished: nothing is left to resume.
no-verdict = The evaluation has no verdict.
on-test = on { COUNT($rows, "test row", "test rows") }
on-validation = on { COUNT($rows, "validation row", "validation rows") }
on-file = on { COUNT($rows, "row", "rows") } of a file
value = value
interval = 95% interval
tuned-differs = tuned differs by
short-difference = diff
less-forgetting = Strength (m) shows whether a weaker adapter forgets less and does the task as well.
right = right
ended-unmeasured = The run ended before its result could be measured.
stopped-unmeasured = Stopped before the end, so the result was not measured.
resume-goes-on = r resumes training.
no-evaluation = This run has no evaluation after training.
measured-later = The result is measured when training is done. Answers so far:
