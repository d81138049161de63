# Groups of seeds: N runs of one config in turn.

wrong-count = The number of seeds is out of range
    .message = --seeds { $seeds }
    .hint = Give a number from 2 to { $most }.
not-running = This group is not running
    .message = { $group }
    .hint = `tunedeck resume { $group }` trains the missing runs.
already-running = This group is already running
    .message = { $group }
    .hint = `tunedeck stop { $group }` stops it.
all-finished = All runs of this group have finished
    .message = { $group }
    .hint = `tunedeck compare { $group }` shows them.
disk = { BYTES($bytes) } for { COUNT($seeds, "run", "runs") }
failed = { $failed } of { COUNT($count, "run", "runs") } failed
missing = { $missing } of { COUNT($count, "run", "runs") } missing
