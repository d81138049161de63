# Runs: their states, what goes wrong with their folders and processes, and how they can be steered.

created = created
starting = starting
running = running
paused = paused
stopping = stopping
finished = finished
stopped = stopped
failed = failed
crashed = crashed
damaged = damaged
stop = stop
save = save
pause = pause
resume = resume
sample = sample
set = set
rollback = rollback

# Why a process ended
killed-for-ram = killed by the system: out of memory (RAM)
killed = the process was killed ({ $signal })
exit-code = the process exited with code { $code }
exit-signal = it was ended by signal { $signal }
gone = the process is gone without a message; it was killed, or the machine restarted
gone-after = the process is gone; it was killed, or the machine restarted. Last line of its log: { $last }
unreadable = the files can't be read: { $kind }: { $words }
damaged-file = { $file } { $why }

# Errors that end a run
out-of-ram = Out of memory (RAM)
    .hint = Lower dataset.max_length or train.micro_batch_tokens.
unexpected = The training ended unexpectedly
    .message = { $kind }: { $words }
    .hint = { $log } in the run directory has the details.
out-of-memory = Out of memory in { $phase }
    .message = { $cause }.
    .hint = { $help }
out-of-memory-row = Out of memory with a single row
    .message = { $cause }.
    .hint = { $help }
out-of-memory-held-out = Out of memory with one held-out row
    .message = { $cause }.
    .hint = { $help }
out-of-memory-answer = Out of memory with one answer
    .message = { $cause }.
    .hint = { $help }
out-of-memory-states = Out of memory for the optimizer states
    .message = { $cause }.
    .hint = { $help }
model-beyond-gpu = The model does not fit into the GPU
    .message = { $cause }.
    .hint = { $help }
model-beyond-ram = The model does not fit into the RAM
    .message = { $cause }.
    .hint = { $help }
memory-to-load = Use model.quantization = "nf4", a smaller model, or a GPU that nobody else uses.
memory-last-resort = Lower dataset.max_length, or set train.gradient_checkpointing = true or model.quantization = "nf4".
memory-remedies = What would help: { COMMAS($changes) }.
memory-shorten = Lower dataset.max_length.
process-lost = A process of the run ended
    .message = { $process }: { $how }.
    .hint = { $again }
process-lost-because = A process of the run ended
    .message = { $process }: { $how }. { BRIEF($reason) }
    .hint = { $again }
process-of = process { $number } of { $count }
process-on = { $process } on { $device }
process-killed-for-ram = the system killed it for lack of RAM
resume-continues = `tunedeck resume` continues from the last checkpoint.
resume-restarts = `tunedeck resume` starts it again.

# Checkpoints
no-whole-checkpoint = All checkpoints of this run are damaged
    .message = { LINES($damage) }
    .hint = `tunedeck run { $config }` starts it from the beginning.
damaged-checkpoint = { $checkpoint }: { $reason }
file-gone = { $file } is gone
file-size = { $file } has { NUMBER($bytes) } bytes instead of { NUMBER($written) }
file-changed = { $file } is not what was written
checkpoint-unreadable = it can't be read ({ $reason })
checkpoint-step = { $file } says step { $step }
checkpoint-not-renamed = The damaged checkpoint can't be renamed
    .message = { $path }: { $reason }
    .hint = Fix the permissions of that folder.

# Folders, locks and commands
cannot-create = The run directory can't be written
    .message = { $path }: { $reason }
    .hint = Free space, fix the permissions, or set TUNEDECK_HOME to another folder.
lock-unwritable = The run directory can't be written
    .message = { $path }: { $reason }
    .hint = Free space, or fix the permissions of that folder.
events-unwritable = The run's log can't be written
    .message = { $path }: { $reason }
    .hint = Fix the permissions of that folder.
command-unwritable = The command can't be written
    .message = { $path }: { $reason }
    .hint = Free space, or fix the permissions of that folder.
runner-not-started = The training process can't be started
    .message = { $path }: { $reason }
    .hint = Check the free space and the permissions of that folder.
cannot-delete = The run can't be deleted
    .message = { $path }: { $reason }
    .hint = Fix the permissions of that folder.
running-not-deleted = This run is running
    .message = { $run }
    .hint = Stop it first. Then it can be deleted.
locked = This run is already running
    .message = { $run }: process { $process } holds its lock.
    .hint = Show it with `tunedeck attach { $run }`, or stop it first.
already-running = This run is already running
    .message = { $run }
    .hint = `tunedeck attach { $run }` shows it.
not-running = This run is not running
    .message = { $run }
    .hint = { $way }
run-finished = This run is finished
    .message = { $run }
    .hint = { $way }
no-checkpoint = This run has no complete checkpoint
    .message = { $run }
    .hint = { $way }
way-adapter = Its adapter is in { $path }.
way-restart = `tunedeck run { $config }` starts it from the beginning.
way-begin = `tunedeck resume { $run }` starts it from the beginning.
way-resume = `tunedeck resume { $run }` resumes it from its last checkpoint.
files-damaged = The files of this run are damaged
    .message = { $path }: { $reason }.
run-crashed = The run crashed
    .message = { $reason }.
    .hint = { $way }
never-started = This run was never started
    .message = { $run }
    .hint = `tunedeck run { $config }` starts it.
ambiguous = More than one run matches
    .message = { $name }: { COMMAS($runs) }
    .hint = Give more of the run's id.
no-such-run = No such run
    .message = { $name }
    .hint = `tunedeck runs` lists them.
no-runs-yet = No such run
    .message = { $name }
    .hint = There are no runs yet. `tunedeck demo` makes one.
nothing-running = No run is running
    .hint = `tunedeck runs` lists all runs.
several-running = More than one run is running
    .message = { COMMAS($runs) }
    .hint = Name the one you mean.
no-answer = The run has not answered yet
    .message = { $run }
    .hint = It may be in a long step, and takes the command after it.
ended-unanswered = The run ended before it answered
    .message = { $run }
    .hint = `tunedeck status { $run }` shows how.
refused = The run refused the command
    .message = { $run }, { $command }: { $reason }.
still-stopping = The run is still stopping
    .message = { $run }
    .hint = `tunedeck status { $run }` shows how far it is.
not-stopped-cleanly = The run did not stop cleanly
    .message = { $run }: { $state }
    .hint = See { $log }.
not-resumed = The run could not be resumed
    .message = { $run }: { BRIEF($reason) }
    .hint = See { $log }.
log-unreadable = The log can't be read
    .message = { $path }: { $reason }
ends-at-logout = This host ends all of your processes at logout. Work inside tmux or screen, or ask for `loginctl enable-linger`. Otherwise the training ends with your connection.

# Orders of a list of runs
order-newest = newest first
order-name = by name
order-state = by state
order-metric = best metric first
order-loss = lowest loss first

# What a list says of a run's result
result = { $metric } { $value } (n = { $rows })
result-against = { $metric } { $value }, against { $against }: { $verdict } (n = { $rows })
range = { $low } to { $high }
seeds-result = { $metric } { $value } ({ $range }, { COUNT($seeds, "seed", "seeds") }, n = { $rows })
seeds-result-against = { $metric } { $value } ({ $range }, { COUNT($seeds, "seed", "seeds") }), against { $against }: { $verdict } (n = { $rows })
