# The draft: what its answers come to, its fields, and the processes that are asked about it.

at-work = at work
count-of = { NUMBER($done) } of { NUMBER($total) }
since = { $what }, { ABOUT($since) }
left = { $what }, about { ABOUT($left) } left
no-start = The check can't be started
    .message = { $program }: { $reason }.
    .hint = Check the installation with `tunedeck doctor`.
no-answer = The check ended without a result
    .message = { $how }: { $words }
    .hint = Check again, or start without it.
xray-ended = The check ended without a result
    .message = { $how }: { $words }
    .hint = Close this and open it again.
exit-code = exit code { $code }
signal = signal { $signal }
no-words = no output
not-saved = The draft can't be saved
    .message = { $path }: { $reason }.
    .hint = Free space, fix its permissions, or set TUNEDECK_HOME to a writable folder.

# Memory that can't be told
reading-machine = Memory: reading the machine
gpus-unused = The GPUs are not used: { $reason }. F4 says what to do.
unknown-size = Memory use is unknown: the model's config.json does not give its size.
unknown-yet = Memory use is unknown until all answers are valid.
memory = Memory: { WHOLE($reason) }

# What the answers come to
nothing-yet = Memory, time and disk space needed appear here.
model-size = model { GIB($figure) }
rows = { COUNT($figure, "row", "rows") }
many-rows = { AMOUNT($figure) } rows
steps = { COUNT($figure, "step", "steps") }
many-steps = { AMOUNT($figure) } steps
checkpoint = checkpoint { BYTES($figure) }
disk = disk { BYTES($figure) }

# Fields
yes = yes
no = no
label-rank = rank (r)
label-alpha = alpha
label-epochs = epochs
label-learning-rate = learning rate
label-batch-size = batch size
label-quantization = quantization
label-max-steps = max steps
label-schedule = schedule
label-eval-share = validation share
label-eval-rows = validation rows
label-stratify = stratify by label
label-max-length = max row length
label-every = every N steps
either = { OR($values) }
under = under { $value }
over = over { $value }
from-to = { $low } to { $high }
or-more = { $low } or more
over-to = over { $low }, to { $high }
hint-rows = F5 shows them, and what helps.
hint-figures = F9 shows the figures.
kept = Unfinished answers of the wizard, which offers them when it opens again.
