# Home: the list of runs, the history of models and adapters, one adapter in detail.

help = Home
    .about = A run is one fine-tuning: its settings, log, checkpoints and adapter. Training runs in its own process. It keeps running when you leave, and this list finds it again.
runs = Runs
count = { COUNT($runs, "run", "runs") }, { NUMBER($running) } running
empty = No runs yet. d starts a three-minute demo, n your own training.
nothing-found = No run matches. Esc shows all runs.
matching = "{ $wanted }": { NUMBER($lines) }
filter-about = words in name, model, data or state
start-new = First steps
eta = ETA { ABOUT($left) }
column-name = name
column-state = state
column-progress = progress
column-loss = loss
column-result = result
column-gpu = GPU
column-model = base model
column-age = updated
curve = Loss
answer = Newest answer
prompt = prompt
answered = answer
expected = expected
no-answer = No answers yet.

# The selected run
fact-reason = reason
fact-result = result
fact-step = step
fact-base = base
fact-data = data
fact-seeds = seeds
fact-eval = eval loss
fact-test = test loss
fact-gpu = GPU
fact-folder = folder

# What needs attention
alarmed = { $run }: { $why }
broke = { $run } failed: { $why }
finished-since = { $run } has finished since you were here.
export-failed = Export of { $run } to { $name } failed: { $why }
proof-failed = Proof of the { $name } export of { $run } failed: { $why }
push-failed = Push of { $run } to the hub failed: { $why }
evaluation-failed = Evaluation { $name } of { $run } failed: { $why }
mix-failed = Mix { $name } of { $run } and others failed: { $why }
mix-waits = The mix { $mix } is not kept yet.
more-matters = { NUMBER($more) } more

# The machine
gpu-free = { $name }  { GIB($free, unit: 0) } of { GIB($total) } free
ram-free = RAM { GIB($free, unit: 0) } of { GIB($total) } free
no-gpu = no GPU
gpu-lost = GPU lost
gpu-unused = GPU not used
machine = Machine
ram = RAM
cores = { COUNT($cores, "core", "cores") }
disk-free = disk { GIB($free) } free
free-of = { GIB($free, unit: 0) } of { GIB($total) } free
no-gpu-means = { $why }. Models of up to about 0.5B parameters are practical.
gpu-unused-means = { $why }.
you = you
others = others
more-users = { NUMBER($more) } more
new-hardware = New GPU, driver or torch. `tunedeck selftest` checks them in two minutes.

# Why a key does nothing now
reading-runs-first = The runs are being read. Try again in a moment.
no-runs = There are no runs yet. n starts one.
nothing-to-resume = { $run } is finished. g trains its adapter further.
no-checkpoint = { $run } has no complete checkpoint to resume from.
is-running = { $run } is running.
not-running = { $run } is not running.
stop-first = { $run } is running. Stop it first with x.
mark-first = Mark two runs or more with Space, then press c. On a group, c compares its runs.
group-complete = All runs of { $run } are finished or running.
one-run-of-group = { $run } is a group of seeds. Enter shows its runs; choose one of them.
has-no-adapter = { $run } has no adapter yet.

# Stop and delete
stop = Stop { $run }?
stop-group = Stop the group { $run }? No other seed starts.
seed = seed { $seed }
group-resumed = The group continues.
stop-asked = Stop requested.
delete = Delete { $run }?
delete-keeps = This deletes what tunedeck made. The model, the data and your own files in that folder stay.
delete-parent = Made from it: { COMMAS($names) }. { PLURAL($count, "It loses its parent.", "They lose their parent.") }
delete-total = { BYTES($bytes) } in total, in { $folder }
delete-counts = Counting the files of { $run }
keep = Keep
deleted = Deleted.

# History of models and adapters
family = Model and adapter history
family-help = Model and adapter history
    .about = Every adapter is listed under what it was made from: a base model, an adapter it continued, or a merged model. Files that were moved or deleted are marked as missing. Mark a run with Space, move to another one and press d. It shows the differences in settings, data, base model and versions.
family-empty = Nothing has been trained yet. Esc goes back; d on Home starts the demo.
column-made = made by
column-rows = rows
differences = Differences
scored = { $metric } { $value } (n = { NUMBER($rows) })
reading-runs = reading the runs
adapters-head = Adapters
adapters = { COUNT($here, "adapter", "adapters") }
adapters-missing = { COUNT($here, "adapter", "adapters") }, { NUMBER($missing) } missing
base-model = base model
merged-model = merged model
export = export
adapter = adapter
see-above = see above
trained-on = trained on { COMMAS($data) }
is-in = in { $path }
was-in = was in { $path }
run-deleted = This run was deleted. Only its entry in other runs is left.
marked = marked: { $run }
no-differences = No recorded differences between the two.

# One adapter
adapter-help = Adapter
    .about = Everything that the files of a LoRA adapter say, whoever trained it. The whole file is read to find numbers that are not finite and matrices that are all zero. The base model is compared by the hash of its weights where that was recorded, else by its name.
adapter-unreadable = The adapter can't be read
    .message = Its files can't be read.
    .hint = Check the folder.
reading = reading
hashing = comparing weights: { GIB($done, unit: 0) } of { GIB($total) }
details = Details
use-it = Use it, typed in a shell
layers = Layers with an update
layers-of-a-kind = { COUNT($layers, "layer", "layers") }, { NUMBER($inputs) } to { NUMBER($outputs) }, rank { NUMBER($rank) }
on-base = Compatibility with the base model
its-data = training data
unknown = unknown
no-base = The base model is not on this machine.
