# Step 5 of the wizard: the settings, and the panel that makes a run fit.

depth-preset = preset
depth-common = common fields
depth-all = all fields
depth = Shown: { $depth }. F2 shows { $following }.
depth-edit = Shown: { $depth }. F2 shows { $following }. Enter edits.
precision = Base model precision
preset-sets = The preset sets
also-set = Also set, by the preset or by you
in-force = In force: { COMMAS($values) }
steps = { COUNT($steps, "step", "steps") }
epochs = { $epochs } { PLURAL($epochs, "epoch", "epochs") }
batch = batch { $size }
rate = learning rate { $rate }
rank = rank { $rank }
length = rows up to { NUMBER($tokens) } tokens
seeds = Seeds
seeds-hint = runs of these settings
seeds-wrong = a number from 1 to { $most }
empty = empty
field = { $about }. Default: { $default }.
field-range = { $about }. Default: { $default }. Range: { $range }.
field-allowed = { $about }. Default: { $default }. Allowed: { COMMAS($values) }.
filter = / filters by name, value or meaning
filter-nothing = No field holds this.
field-locked = Locked: set by the { $source } that is continued. { $about }.
one-step-up = One step up: { $cost }.
auto-is = Auto chose { $value }: { $reason }.
precision-auto = the fastest that fits: 16-bit if there is room, else 4-bit
precision-none = 16 or 32 bit, as stored: no loss
precision-nf4 = 4 bit (QLoRA): a little slower, hardly any loss
precision-int8 = 8 bit: slower; use it if 4 bit answers badly
precision-cost = { $about }; { $cost }

fit-title = Make it fit
fit-room = { $needs }, { $device }
fit-time = time
fit-result = result
fit-legend =
    After this change: * fits, ~ barely fits. Time per token is computed.
    Result: whether the same adapter comes out. Batch size and data stay the same.
fit-keys = 1 to 9, Enter: apply   u: undo   k: keep   ?: terms   Esc: discard
fit-keep = k Keep the present settings
fit-unknown = What this run needs is not known yet.
fit-nothing = No combination of settings fits: take a smaller model or a larger GPU.
fit-applied = applied: { $changes }
fit-same = same
fit-other = other
