# The report of a run: one HTML file.

page-title = { $run } - tunedeck report
report = report
skip = Skip to the verdict
contents = Contents
footer = Made by tunedeck { $version } on { $made } from the run's own files.

# The verdict
verdict-title = Did it work?
later = From the evaluation { $name }, made after training.
outcome = Before and after training: { $what }.
no-interval = This run kept no answers, so there is no interval and no test of the difference.
failed = Training failed at step { NUMBER($step) }: { $reason }.
crashed = Training ended at step { NUMBER($step) } without a result ({ $state }).
running = Training is at step { NUMBER($step) } of { NUMBER($of) }. The result is not measured yet.
running-note = This report shows the run as it was when the report was made.
never-started = This run was never started.
unmeasured = The result was not measured (run { $state } at step { NUMBER($step) }).

# Figures at the top
eval-loss = Eval loss
was = before training { LOSS($before) }
rows-trained = Training rows
tokens = { COUNT($tokens, "token", "tokens") }
time = Time
of-steps = { NUMBER($done) } of { COUNT($of, "step", "steps") }
peak-memory = Peak memory
predicted-bytes = predicted { GIB($bytes) }

# Results
results = Results
by-the-run = Measured by the run, before and after training
about = { COUNT($rows, "row", "rows") }, { $part } ({ $data }).
about-own = { COUNT($rows, "row", "rows") }, { $part }.
chosen = Metrics: { $reason }.
part-test = test set, never used for a decision
part-validation = validation set
part-general = general text and questions
part-old = held-out rows of an earlier run
part-tasks = tasks of lm-eval
part-file = from a file
bars = { $metric } of each model with its 95% interval
bars-note = point: mean, bar: 95% interval
metric = Metric
all-metrics = All metrics with 95% intervals
comparisons = Differences on the same rows
comparison = Comparison
against = { $first } against { $second }
difference = Difference (95% interval)
verdict = Verdict
test = Test
test-mcnemar = McNemar, exact
test-bootstrap = paired bootstrap
test-clustered = t-test over groups of rows
test-none = no test possible
rows = Rows
changes = Against the base model: { COUNT($up, "row", "rows") } better, { NUMBER($down) } worse, { NUMBER($same) } the same.
classes = Each class, tuned model
class = Class
confusion = Confusion matrix: { $candidate }
confusion-note = row: right class, column: answer, in the order of the rows
other = none
before-and-after = Before and after training
before = Before
after = After

# What it cost elsewhere
forgetting = Forgetting
forgetting-title = What it cost elsewhere
forgetting-note = How far the tuned model has moved from the base model on text it was not trained for.
gauge-of = Measured on { COUNT($task, "row", "rows") } of the task and { NUMBER($general) } of general text.
of-texts = { $reason } (n = { NUMBER($rows) })
counted = n = { NUMBER($rows) }
gauge-caption = Gauge of forgetting, nats a token
general = General text and questions, before and after
old-run = Earlier run { $run }, before and after
measure = Measure
at-start = At the start
newest = Newest
change = Since the start
look-from = Moderate from
stop-from = High from
general-loss = Loss on general text
old-loss = Loss on earlier data
kl-general = KL to the base, general text
kl-task = KL to the base, this task
limit-look = moderate
limit-stop = high

# Answers
answers = Answers side by side
samples = Sample prompts
first-rows = The first rows
first-rows-note = In the order of the data, not picked.
worst-rows = The worst rows
worst-note = { $low ->
    [1] Lowest
   *[0] Highest
  } { $metric } of the tuned model. Of equal ones those come first that the base model had right.
row = Row { NUMBER($number) }
prompt = Prompt
reference = Reference
empty = (empty answer)
right = right
wrong = wrong
endless = Did not stop by itself: cut at the token limit.
characters = ({ COUNT($count, "character", "characters") } in all)
before-training = Before training
after-training = After training
at-step = At step { NUMBER($step) }

# What was done
done = What was done
base = Base model
licence = License of the base model
revision = Revision
strategy = Strategy
fresh = New adapter
continue = Continued adapter
merge = New adapter on a merged model
from = from { $adapter }
method = Method
trainable = { AMOUNT($trained) } trained parameters, { PERCENT($share, digits: 1) } of the model
learning-rate = Peak learning rate
learning-rate-curve = Learning rate
batch = Batch
batch-of = { COUNT($rows, "row", "rows") }, each up to { COUNT($length, "token", "tokens") }
steps = Steps
epochs = { NUMBER($epochs) } epochs
trained-tokens = Tokens processed
supervised = { NUMBER($tokens) } of them supervised
machine = Device
threads = { COUNT($threads, "thread", "threads") }
started = Started
adapter = Adapter
of-step = from the checkpoint of step { NUMBER($step) }
notes = Notes
not-known = unknown

# Data
data = Data
data-caption = Sources
source = Source
role = Role
role-new = new
role-replay = replay
role-general = general
tokens-trained = Tokens trained
size = Size
sha256 = SHA-256 (first 12)
files = { COUNT($files, "file", "files") }, see below
split = { COUNT($train, "row", "rows") } to train, { NUMBER($validation) } to validate, { NUMBER($test) } to test.
nothing-left-out = No row was left out.

# Curves
curves = Curves
loss = Loss
average = moving average
each-step = each step
gradient = Gradient norm
step-axis = step
time-axis = time since the start
memory-over-time = Memory over time
memory = memory
loss-curve = Loss, moving average
alt = { $what }: { NUMBER($points) } points, first { $first }, last { $last }, lowest { $low }, highest { $high }.
above = { COUNT($points, "point", "points") } above the upper edge

# Memory
memory-title = Memory
memory-run = Memory of the run, by phase
memory-rehearsal = Memory test with the longest rows, by phase
phase = Phase
predicted = Predicted
measured = Measured
off = Prediction off by
device = Device
total = { GIB($bytes) } in all

# Warnings and history
warnings = Warnings
times = { NUMBER($count) } times
ended = { WHOLE($error) }
accepted = Changed since the start, and accepted: { $change }
broken-lines = { COUNT($lines, "line", "lines") } of the log can't be read and is left out.
history = Model and adapter history
kind-model = base model
kind-merged = merged model
kind-adapter = adapter
kind-export = export
see-above = see above

# Repeat
repeat = How to repeat it
repeat-note = The same config, data, base model and versions repeat the run. On another device the last digits can differ.
versions = Versions
hashes = Files and their SHA-256
settings = Settings
settled = What auto became
config-note = Every value with a comment on where it came from.

# What nobody knows
unknown = What is not known
unknown-config = The config can't be read, so base model, data and settings are unknown.
unknown-licence = The license of the base model is unknown. Look it up before you publish the result.
unknown-interval = No interval: the run kept no answers. tunedeck evaluate measures the result again, with intervals.
unknown-result = The result was not measured.
unknown-baseline = The tuned model was not tested against the base model row by row, so chance is not ruled out.
unknown-test = No test set: the validation rows may have decided which checkpoint is kept.
unknown-forgetting = What the model forgot was not measured.
unknown-memory = Memory was not measured.
unknown-data = The data files were not recorded, so it can't be checked that they are the same today.
unknown-versions = The versions of the libraries were not recorded.
unknown-seeds = One seed: how much the result varies between runs is unknown.

# Writing it
exists = The report would overwrite a file
    .message = { $path } is there already and is not a report of this run.
    .hint = Choose another file with --to, or overwrite it with --force.
not-a-file = The report can't be written there
    .message = { $path } is a folder, a link or a device.
    .hint = Name a file with --to.
unwritable = The report can't be written
    .message = { $path }: { $reason }.
    .hint = Choose a folder that you may write to with --to.
writing = Writing the report ...
written = Report: { $path }
opened = Report opened in the browser: { $path }
no-browser = No browser can be opened here. Copy the file to your computer and open it there.
