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
keys-without-enter = b goes back, ? explains, q leaves.
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
about-adapter = Type a number, or the folder of another adapter.
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
about-mix = 2 30 gives source 2 a share of 30%; 2 - takes each of its rows once. Enter applies, b cancels.
mix-share = { "  " }{ $number }  { $name }: { $share }, rows seen { SETTING($passes) } times. { $about }
mix-all = { "  " }{ $number }  { $name }: all once, { $share }, rows seen { SETTING($passes) } times. { $about }
mix-role = N new, replay or general sets the role
mix-weight = N NUMBER sets the weight in the loss
mix-temperature = T: between the sizes and balanced
mix-not-kept = The shares leave nothing for the sources without one. Lower them, or take one away: 2 -.
mix-no-replay = No source is replay: r 2 replay makes source 2 replay.
which-source = Which source? Begin with its number, from 1 to { NUMBER($most) }.
which-role = Which role? Type { OR($roles) } after the number.
finding = { $level }: { $what } ({ NUMBER($count) } of { COUNT($of, "row", "rows") })
finding-rows = { "  " }rows { COMMAS($rows) }
remedy-tried = left { NUMBER($left) } of { COUNT($tried, "row", "rows") } in a test
mend-all = applies all { NUMBER($count) } safe remedies
xray = N ROW shows a row of file N token by token
remedy = Apply a remedy?
about-remedy = It changes how the rows are read. Your files stay as they are.
no-remedy = none
applied = Applied: { $what }

unusable = This file can't be used.
    .hint = Correct the file, or type x and its number to remove it from the list.

# Settings
about-preset = A preset is a sound start. Change one thing at a time.
which-field = Which field do you want to change?
about-fields = Type its name, for example train.learning_rate, or a part of it to find it. default NAME sets it back. Enter continues.
no-such-field = There is no field { $name }. The list above has all names.

# Review
about-start = s starts the training. It keeps running when you leave.
all-values = all values
saves = saves { GIB($bytes) }, { PERCENT($slower) } slower
then-fits = fits after this change
other-result = changes the result
keep-settings = keep the present settings
nothing-saves = It barely fits, and no setting saves more.
fits-already = It fits: nothing needs to change.
undo = undoes: { $what }
undone = Undone: { $what }

# A run
following = Following { $run }. q and Enter leave; the training keeps running. p pauses, r resumes, x stops. ? lists all.
monitor-keys = Not understood. Type q, p, r, s, g, x, X, w, h, z, K or ?, then Enter.
what-now = Next: `tunedeck --plain chat { $run }`, `tunedeck evaluate { $run }`, `tunedeck report { $run }`.
next-here = Next, with its number: t talks to the model, e evaluates it, o writes a report, u exports it.

# Chat and judging
chat-who = { LIST($names) }. Type a message, then Enter. { $manner }
chat-more = all commands
chat-base = base model beside it, on or off
chat-again = the last message again
chat-edit = TEXT in place of the last message
chat-keep = [FILE] keeps the dialogue as a row; a .toml keeps the message as a sample prompt
chat-clear = clears the dialogue
chat-system = TEXT sets the system prompt
chat-temperature = T; 0 always takes the likeliest token
chat-top-p = P draws from the likeliest tokens up to this share
chat-tokens = N is the longest answer
chat-stop = TEXT, TEXT end an answer before the first of them; \n: line break; without a text: none
chat-text = continues a text, or answers messages again
chat-voice = { $name }:
chat-answering = answering, { COUNT($words, "word", "words") } so far.  Ctrl+C stops it
chat-no-base = There is no base model beside it: this model has no adapter.
chat-cleared = The dialogue is empty.
chat-nothing-yet = There is no message yet.
judge-first = Answer 1 is better
judge-second = Answer 2 is better

# Home
home = What do you want to do?
number-opens = N is the number of a run. Enter lists the runs again.
all-commands = all commands
all-verbs = Commands of `tunedeck --help` work here too, with a run's number for the run: status 1, or evaluate 1 --rows 50.
quotation = A quotation mark is not closed.
export-type = Which type of file?
about-type = Fewer bits make it smaller and faster, and a little worse.
type-bits = about { SETTING($bits) } bits a weight
export-to = What is it for?
one-run-of-group = { $run } is a group of seeds. { $number } lists its runs; name one of them, for example { $number }.1.
list = list the runs
run = { $name }: { COMMAS($parts) }
steps = { $steps } steps
loss = loss { NUMBER($loss) }
no-runs = No runs yet. d starts a three-minute demo, n your own training.
matter = ! { SENTENCES($words) } Type { OR($commands) }.
more-runs = { COUNT($runs, "older run", "older runs") }: l lists them all.
which-run = Which run? Add its number, from 1 to { NUMBER($most) }, or its name.
needs-screen = This needs a screen
    .message = { $place } has no plain form.
    .hint = Run it without --plain and without ACCESSIBLE, in a terminal that is not dumb.
