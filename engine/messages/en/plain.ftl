# Plain mode: questions and answers as lines, for screen readers, slow lines and dumb terminals.

# Asking
option = { $title }: { $about }
refused = not possible: { $reason }
field = { $label } ({ $name })
hinted = { $title }  { $hint }
sentence = { $words }.
locked = { $field } is locked: set by the adapter.
commands = Also: { COMMAS($words) }
keys = Enter takes the answer in brackets. b goes back, ? explains, q leaves.
empty = A single hyphen (-) empties the field.
allowed = Not understood. Type { OR($words) }.
allowed-number = a number from 1 to { NUMBER($most) }
allowed-text = a text
allowed-enter = Enter alone
working = { $what } ...  Ctrl+C stops it
cancelled = Stopped.
detail = { $label }: { $words }
value = { $name } = { $value }  ({ $source })

# The steps
step = Step { $at } of { $all }: { $title }
strategy-skipped = Strategy: a new adapter, as earlier runs here made none. To use one from elsewhere, press b now.
demo-at-review = Demo: s trains it. It takes a few minutes, and each phase is explained as it comes.
from-config = Filled in from { $path }. s starts it; b goes back through the steps.
about-adapter = { $found } Type a number, or the folder of another adapter.
consequence = { COMMAS($parts) }
draft-kept = Your answers are kept in { $path }. n continues them.
about-model = A number, a folder, or a hub id. Anything missing is downloaded.
comparing = Comparing weights: { BYTES($done) } of { BYTES($total) }
way = How should it use this adapter?
about-way = ? compares the ways in detail.
toggle-replay = replay on or off
replay-on = Old rows are mixed in, to limit forgetting.
replay-off = No old rows are mixed in.

# Data
about-files = Type another path, or a number to change how that file is read. Enter continues.
list-files = [FOLDER] lists data files
remove-file = N removes file N
which-file = Which file? Add its number, from 1 to { NUMBER($most) }.
first-row = First row, as the model will see it:
no-files = No data files and no folders here.
no-more = leaves the rest as it is
no-column = none
needed = Required.
column = Column for { $name }
share-of = Share of { $file }
finding = { $level }: { $what } ({ NUMBER($count) } of { COUNT($of, "row", "rows") })
remedy = Apply a remedy?
about-remedy = It changes how the rows are read. Your files stay as they are.
no-remedy = none
applied = Applied: { $what }

unusable = This file can't be used.
    .hint = Correct the file, or type x and its number to remove it from the list.

# Settings
about-preset = A preset is a sound start. Change one thing at a time.
which-field = Which field do you want to change?
about-fields = Type its name, for example train.learning_rate. Enter continues.
no-such-field = There is no field { $name }. The list above has all names.

# Review
about-start = s starts the training. It keeps running when you leave.
all-values = all values
about-fit = The best change first. Each can be taken back at the step Settings.
saves = saves { GIB($bytes) }, { PERCENT($slower) } slower

# A run
following = Following { $run }. q and Enter leave; the training keeps running. p pauses, r resumes, s saves, g samples, x stops.
monitor-keys = Type q, p, r, s, g or x, then Enter.
what-now = Next: `tunedeck chat { $run }`, `tunedeck report { $run }`, `tunedeck export { $run }`.

# Home
home = What do you want to do?
more-verbs = A number opens that run. `tunedeck --help` lists commands for all else: chat, evaluate, export, compare.
list = list the runs
run = { $name }: { COMMAS($parts) }
steps = { $steps } steps
loss = loss { NUMBER($loss) }
no-runs = No runs yet. d starts a three-minute demo, n your own training.
more-runs = { COUNT($runs, "older run", "older runs") }: l lists them all.
which-run = Which run? Add its number, from 1 to { NUMBER($most) }, or its name.
needs-screen = This needs a screen
    .message = { $place } has no plain form.
    .hint = Run it without --plain and without ACCESSIBLE, in a terminal that is not dumb.
