# What a run was made from, and what of it changed since its start.

changed = What this run was made from has changed
    .message = { LINES($changes) }
    .hint = Put it back as it was, or resume with it as it is now: `tunedeck resume { $run } --accept-changes` (on the screen, r asks).

change = { $part } { $path }: { $how }.
part-data = Data
part-model = Model
part-template = Chat template
part-adapter = Earlier adapter
part-run = Split
part-settings = Config

unreadable = { BRIEF($error) }
model-gone = it is no longer on this machine
file-gone = it is no longer among the files
file-new = it is new among the files
run-reads-otherwise = that run now splits or reads its data in another way
settings-otherwise = its seed, its split or how it reads the data differs from the start
written-again = it was written again and its hash was not recorded, so it may differ
other-count = { COUNT($before, "row", "rows") } at the start, { NUMBER($now) } now
other-rows = other rows than at the start
other-size = { COUNT($before, "byte", "bytes") } at the start, { NUMBER($now) } now
other-content = it differs from the start
