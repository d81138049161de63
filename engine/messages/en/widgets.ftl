# Widgets: dialogs, chart, forms, and the bar that shows whether a run fits.

yes = Yes
no = No
keys = Keys
everywhere = Everywhere
terms = Terms on this screen
no-terms = Nothing here needs an explanation. The dialog shows its keys.
close-help = Close
too-small =
        This window is { $size }.
        tunedeck needs { $least }, better 80x24.
        
        Make it larger to continue.
        Nothing is lost; training keeps running.
        
        ctrl+q  Quit
find = Search the log
filter = words in the list
filter-nothing = Nothing in the list has these words.
no-match = No match for { $wanted }
place = { $at } of { $all }
named = { $name }: { $value }

# The chart
at-time = at { $time }
at-step = step { NUMBER($x) }
at-tokens = { COUNT($x, "token", "tokens") }
at-strength = strength { $x }
no-steps = no steps yet
not-measured = not measured yet
log-y = log y
zoomed = zoomed
not-a-number = not a number
checkpoint = checkpoint
event = event
pause = pause
rate = lower rate
rollback = rollback
out-of-memory = out of memory
spike = spike
best = best eval
above = { $level } (above)
below = { $level } (below)

# Whether it fits
needs = needs { GIB($needed, unit: 0) } of { GIB($free) } free
needs-ram = needs { GIB($needed, unit: 0) } of { GIB($free) } RAM free
fits = fits, { GIB($spare) } spare
tight = tight, { GIB($spare) } spare in { $moment }
too-much = does not fit, { GIB($spare) } too much in { $moment }
at-load = loading
at-loss = the loss
at-backward = the backward pass
at-backward-end = the end of the backward pass
at-step-phase = the optimizer step
at-evaluation = evaluation
at-save = saving
at-merge = the merge
peak = peak: { $moment }
bar-others = others { GIB($size, unit: 0) }
bar-run = run { GIB($size, unit: 0) }
bar-free = free { GIB($size, unit: 0) }
bar-of = { " " }of { GIB($total) }
load = loading
backward = backward
optimizer = optimizer
evaluation = evaluation
save = saving
merge = merging
calibrated = calibrated { GIB($needed) }, { $spread }
others-hold = others { GIB($used) }
and-more = { $first }, and { NUMBER($more) } more, { GIB($held) }
user = user { $user }
process = process { $pid }
