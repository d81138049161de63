# What the commands on groups of seeds print: run --seeds, stop, resume.

created = Group { $group } of { COUNT($count, "run", "runs") }, one after the other
detached = It runs in the background. `tunedeck runs` lists its runs, `tunedeck stop { $group }` ends it.
run-of = Run { $number } of { $count }: { $run }
of-run = { $run }:
stopping = Stopping the group: the current run stops with a checkpoint, no other starts.
left = Left it to stop by itself. `tunedeck resume { $group }` trains the missing runs.
not-begun = { COUNT($count, "run has", "runs have") } not started. `tunedeck resume { $group }` trains the missing runs.
stopped = Stopped. { COUNT($count, "run is", "runs are") } missing: `tunedeck resume { $group }` trains the missing runs.
goes-on = Group { $group } continues: { COUNT($count, "run", "runs") } to train
next-starts = The next seed of the group starts now. `tunedeck stop { $group }` stops the group.
