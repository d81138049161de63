# What applying a remedy does, and why it can't be applied.

sets = { $field } = { $value }
new-run = It can't resume from the checkpoint, so a new run starts from the beginning
run-kept = This run stays as it is
resumes = Training resumes from { $checkpoint }
optimizer-anew = The optimizer states start from zero
restarts = There is no checkpoint. Training starts from the beginning
config-kept = The present config is kept as { $file }
running = This run is running
    .message = { $run }.
    .hint = Stop it first, or wait for its end.
config-not-written = The config can't be rewritten
    .message = { $path }: { $reason }.
    .hint = Free space, or fix the permissions of that folder.
gpu-taken = The GPU is still in use
    .message = { GIB($free) } are free, { GIB($needed) } are needed. In use by: { LIST($others) }.
    .hint = Nothing was started. Try again later, or use another remedy.
unknown-processes = processes that can't be seen from here
not-needed = There is nothing to remedy
    .message = { $run } was not ended by lack of memory.
    .hint = `tunedeck resume` without --remedy resumes it.
no-such = No such remedy
    .message = { $run }: { $number }. There { PLURAL($count, "is", "are") } { $count }.
    .hint = `tunedeck status { $run }` lists them.
