# Runs side by side: the command, the screen, and what can't be compared.

too-few = Nothing to compare with
    .message = { COUNT($runs, "run was", "runs were") } named.
    .hint = Name at least two runs, or one group of seeds. `tunedeck runs` lists them.
too-many = Too many runs at once
    .message = { COUNT($runs, "run was", "runs were") } named.
    .hint = Name at most { $most }.
same-twice = A run was named twice
    .message = { $run }
    .hint = Name each run once.
no-such-metric = No run has this metric
    .message = --by { $metric }
    .hint = Give one of { OR($known) }.
no-metric-at-all = No run has a metric
    .message = --by { $metric }
    .hint = Leave out --by. `tunedeck evaluate` measures metrics.
config-unreadable = The settings of { $run } are not compared ({ $reason }).

# What can't be compared
other-kinds = { COMMAS($texts) }: trained on plain text, the others on dialogues. Their metrics can't be compared.
other-bases = Different base models ({ COMMAS($models) }): losses can't be compared, as they depend on the tokenizer.
not-finished = { $side } has not finished ({ $state }): its figures are those after { COUNT($steps, "step", "steps") }.
not-begun = { $side } has not started training yet.
other-metric = Your metric was not the same file in all of these runs: its figures get a verdict only between runs of one file. `tunedeck evaluate RUN --against RUN2` scores both by one.
other-tokens = Perplexity depends on the tokenizer: it gets a verdict only between runs of one base model. Bits per byte can be compared.
other-limits = Answers were cut at different lengths ({ COMMAS($limits) }), and { NUMBER($answers) } of { COUNT($of, "answer is", "answers are") } that long: scores get a verdict only between runs that were cut alike. `tunedeck evaluate RUN --against RUN2` asks both alike.
limit = { $side } { LIST($tokens) } tokens
other-prompts = { COMMAS($sides) }: the same rows were asked in other words, by another chat template, system text or tokenizer. The difference may come from that.
asked-unknown = { COMMAS($sides) }: evaluated by an earlier version, which did not record how long answers may be.
no-verdict = No verdict by { COMMAS($metrics) }: over seeds it can't be compared row by row.
no-adapter = { $side } has no adapter that could be evaluated.
no-answers = { $side } kept no answers: its figures are those of its log and get no verdict. `tunedeck evaluate { $run }` makes an evaluation.
no-evaluation = { $side } has no evaluation. `tunedeck evaluate { $run }` makes one.
different-rows = { COMMAS($sides) }: measured on rows that the others were not asked, so there is no verdict. `tunedeck evaluate { $run } --against { $other }` asks both the same rows.
corrected = On each set of rows the first metric decides, and the others are secondary. P-values are corrected (Holm): the { COUNT($comparisons, "comparison", "comparisons") } that decide and the { NUMBER($secondary) } secondary ones apart. Intervals are not corrected.
over-seeds = With seeds: the mean over the seeds is compared row by row. The interval counts both: other rows and other seeds. Two seeds leave it wide.
losses-of-other-rows = The held-out rows are not the same: their losses can't be compared.
losses-unknown = Whether the held-out rows are the same is unknown: compare their losses with care.
one-seed = { COMMAS($sides) }: one seed. A difference may come from the seed; `tunedeck run CONFIG --seeds 3` shows how much.
one-seed-varies = { COMMAS($sides) }: one seed. In { COUNT($groups, "group", "groups") } of seeds here, { $metric } varies by { $by } up or down with the seed.

# The table
curves = Curves
result = Metrics, losses, settings
title = Comparison
metrics = Metrics
same-rows = { $part }, the same { COUNT($rows, "row", "rows") }
other-rows = { $part }, { COUNT($rows, "row", "rows") } of { COMMAS($sides) } alone
test = Test
validation = Validation
general = General text and questions
old = Held-out rows of an earlier run
tasks = Tasks of lm-eval
file = { $data }
of-rows = { $metric } (n = { NUMBER($rows) })
no-metrics = No metrics were measured.
losses = Loss
loss-validation = validation loss
loss-test = test loss
settings = Differing settings
settings-unread = The settings can't be compared.
points = { $difference } points
no-settings = All settings are the same.
cost = Cost
seconds = time
tokens = tokens
steps = steps
peak = peak memory
device = device
result-step = result of step
state = state
model = model
run = Run
side = { $letter } { $name }
side-of-seeds = { $letter } { $name } ({ COUNT($seeds, "seed", "seeds") })
value = { $value } ({ $low } to { $high })
versus = { $metric }, { $side } against { $against }: { $verdict }, { $difference } ({ $low } to { $high })
versus-untold = { $metric }, { $side } against { $against }: { $verdict }, { $difference }

# The curves
loss = loss
eval-loss = eval loss
over-steps = { $curve } over steps
over-tokens = { $curve } over tokens
over-time = { $curve } over time
reading = reading the runs
help = Comparison
    .about = Metrics get a verdict only where the runs answered the very same rows: each run is then compared with the first one, row by row. Losses have no error bar. Differing settings and cost follow below. A group of seeds counts as one: its figures are means, its verdict is over seeds and rows.
