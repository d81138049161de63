# A training that goes wrong: spikes of the loss, and what people do about them.

# The story
spike = loss spike at step { NUMBER($step) }: { LOSS($loss) }, usually { LOSS($expected) }
not-finite = step { NUMBER($step) }: loss or gradient is not finite (loss { $loss }, gradient norm { $norm })
rate-lowered = learning rate x{ $factor } from step { NUMBER($step) } on (x{ $scale } in all)
rolled-back = rolled back to step { NUMBER($step) }; { COUNT($steps, "step is", "steps are") } abandoned
rate-from-there = learning rate x{ $factor } from there on
rows-skipped = { COUNT($rows, "row is", "rows are") } skipped from now on (of step { COMMAS($steps) })
undone-rate = undone: learning rate x{ $factor } after step { NUMBER($step) }
undone-replay = undone: replay { PERCENT($share) } after step { NUMBER($step) }
step-skipped = step { NUMBER($step) } is passed over: all of its rows are skipped
dropped-skipped = { NUMBER($rows) } skipped by you
replay-without = { $source }: { COUNT($rows, "row", "rows") } that this run skipped are left out
going-back = loading the checkpoint
done = { COMMAS($what) }

# Errors
no-factor = No factor for the learning rate
    .message = { $given } is not between 0 and 1.
    .hint = Give a number between 0 and 1, for example 0.5 for half the learning rate.
no-step = No step to go back to
    .message = { $given } is not a step.
    .hint = Give the step of a checkpoint, or 0 for the beginning.
no-such-checkpoint = No whole checkpoint of step { NUMBER($step) }
    .message = { $run } can go back to step { OR($there) }.
    .hint = Name one of them with --to.
no-spike = No rows to skip
    .message = { $run } has no spike after step { NUMBER($step) } whose rows are known.
    .hint = Leave --skip-rows out, or go back further with --to.
not-after-end = This run is finished
    .message = { $run } has finished: there is nothing to roll back.
    .hint = Train again with other settings: `tunedeck run { $config }`.
child-trains = A run is training from this adapter
    .message = { COMMAS($runs) } began with the adapter of { $run } and trains now. Rolled back, { $run } makes another one.
    .hint = Wait until it has ended, or roll back anyway with --accept-changes.

# The command
child-at-work = Training from its present adapter right now: { COMMAS($runs) }. The parent of that run will no longer exist.
children = Made of its present adapter: { COMMAS($runs) }. Their parent will no longer exist; their history will say so.
checkpoints-kept = Checkpoints of the abandoned steps are renamed to *.abandoned until the next rollback.
resumes = Run { $run } continues from step { NUMBER($step) }.

# What was done to a run, beside its result
told-rollbacks = rolled back { COUNT($times, "time", "times") } ({ COUNT($steps, "step", "steps") } abandoned)
told-skipped = { COUNT($rows, "row", "rows") } skipped
told-rate = learning rate x{ $scale } in the end
done-title = Interventions

# tunedeck status
status = interventions:
status-spikes = spikes at step:

# The monitor
panel = Loss spike at step { NUMBER($step) }
panel-not-finite = Step { NUMBER($step) }: loss not finite
figures = loss { LOSS($loss) }, usually { LOSS($expected) }; gradient norm { NUMBER($norm) }; learning rate { RATE($rate) }
held = The step held { COUNT($rows, "row", "rows") }. Highest loss first:
row = row { $row } of { $source }, { COUNT($tokens, "token", "tokens") }, loss { LOSS($loss) }
actions = K skip these rows   h halve the learning rate   z roll back   ! close
actions-watched = ! close
key-spike = Spike
    .help = Show or close the panel of the newest loss spike: what the step held, and what can be done.
key-skip = Skip rows
    .help = Go back to the checkpoint before the spike and train on without its rows.
key-lower = Halve the rate
    .help = Halve the learning rate of all steps that are left.
key-back = Roll back
    .help = Go back to the last checkpoint, before a loss spike where there was one, and train on.
ask-skip = Skip the rows of this step?
ask-lower = Halve the learning rate?
ask-back = Roll back to step { NUMBER($step) }?
abandons = Goes back to step { NUMBER($step) }: { COUNT($steps, "step is", "steps are") } abandoned. They stay in the log.
skips = { COUNT($rows, "row is", "rows are") } no longer trained on.
lowers = The schedule is multiplied by { $factor } from the next step on.
rollback-asked = Rollback requested.
rate-asked = Lower learning rate requested.
abandoned = abandoned
