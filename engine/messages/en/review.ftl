# Step 6 of the wizard: the review, the check of the rows, time and disk.

without-screen = Without a screen:  tunedeck run FILE   (F6 saves the file)
saved = Saved. Without a screen:  { $command }
save-as = Save config as
save-hint = Enter saves, Esc cancels
name-taken = A file with this name exists. Enter another name.
not-saved = It can't be saved: { $reason }.
waits = The run starts when the rows are checked. Ctrl+X stops the check; Start then does not wait.
risk-title = Start a run that does not fit?
risk = { $verdict } If memory runs out, the run halves its micro-batch and continues. If that does not help, it stops and says what would.
risk-yes = Start it
risk-no = Not now
not-risked = Not started. F7 shows what would make it fit.
not-started = Not started. { $reason }
warning = ! { $what }
remedy = { "  " }[{ $number }: { $remedy }]
remedy-changes = { $remedy }; F7 shows them
what-helps = { " " }F7 shows what helps.
applied = { $field }: { $remedy }.

not-checked = Rows not checked yet; F5 checks them.
check-starting = Checking the rows: starting ...  Ctrl+X stops it
check-progress = Checking the rows: { $what }  Ctrl+X stops it
check-cancelled = Check cancelled; F5 checks again.
check-refused = The rows were not checked: { $reason }
rows = { COUNT($rows, "row", "rows") }: { NUMBER($train) } to train on, { NUMBER($held) } held out
tokens = tokens per row: { NUMBER($mean) } on average, longest { NUMBER($longest) }; { PERCENT($trained) } trained
tokens-padding = tokens per row: { NUMBER($mean) } on average, longest { NUMBER($longest) }; { PERCENT($trained) } trained, { PERCENT($padding) } padding
first-row = trained in the first row: { $text }
error = ! { WHOLE($reason) }

time = time  { $what }
time-origin = time  { $what }, { $origin }
time-measure = { $line }; F8 measures it
time-unknown = time  unknown here; F8 measures it
measure-starting = starting three steps ...
measuring = time  measuring: { $what }  Ctrl+X stops it
measure-cancelled = Measurement cancelled.
not-measured = Not measured: { $reason }
disk = disk  { BYTES($bytes) }: { COUNT($checkpoints, "checkpoint", "checkpoints") } and the adapter
disk-free = disk  { BYTES($bytes) } of { BYTES($free) } free: { COUNT($checkpoints, "checkpoint", "checkpoints") } and the adapter
disk-later = { $line }; { $later }
seeds = seeds  { NUMBER($runs) } runs in turn, each as above
seeds-take = seeds  { NUMBER($runs) } runs in turn: about { ABOUT($time) } and { BYTES($bytes) } in all
seeds-about = How many runs of these settings are trained, each with a seed of its own, one after the other.
evaluation = result  { $what }
