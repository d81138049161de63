# How strong an adapter acts: measured at several scales, and one of them kept.

no-scale = No such strength
    .message = An adapter can be kept at a strength above 0 up to { SETTING($most) }, not at { SETTING($scale) }. At 0 it is the base model.
    .hint = Give a number such as 0.75. 1 is the full strength.
not-scalable = This adapter can't be weakened
    .message = { $folder }: { $reason }.
    .hint = Train with a lower learning rate, fewer steps or more replay instead.
dora = it is DoRA, and its magnitudes are trained too, so a scale is not a point between base and tuned
changed-base = it was initialized with { $init }, which takes the start of the update out of the base model
no-alpha = lora_alpha is not a number
unwritable = The strength can't be written
    .message = { $path }: { $reason }. The adapter is as it was.
    .hint = Free space or make the folder writable, then try again.
modules-stay = { LIST($modules) } are saved whole and act in full at every strength
tokens-stay = { COUNT($tokens, "trained token acts", "trained tokens act") } in full at every strength
biases-stay = Trained biases ({ $bias }) act in full at every strength
measuring = measuring the losses at strength { SETTING($scale) }
measuring-loss = measuring the loss
is-kept-at = The adapter is kept at strength { SETTING($scale) }. All strengths here are of the full one.
bad-scales = No such strengths
    .message = { LIST($scales) }: give up to { NUMBER($count) } numbers from 0 to { SETTING($most) }.
    .hint = For example --scales 0,0.5,0.75,1.
no-numbers = Strengths are numbers
    .message = { $given } is not a list of numbers.
    .hint = For example --scales 0,0.5,0.75,1.
no-result = No adapter to weaken yet
    .message = { $run } has no result in adapter/. Checkpoints stay as they are, so that it can resume from them.
    .hint = Let it finish, or stop it with tunedeck stop { $run }: a stopped run has a result.

column-strength = STRENGTH
column-task-loss = TASK LOSS (n = { NUMBER($rows) })
column-task-loss-short = TASK LOSS
column-general = GENERAL LOSS (n = { NUMBER($rows) })
column-general-short = GENERAL LOSS
column-rise = VS. BASE
by-strength = by strength
kept = kept
suggested = suggested
is-base = base
unmeasured = The strengths are not all measured yet.
keep-full = Keep the full strength: no weaker one does the task as well and forgets less. Loss on { COUNT($general, "general text", "general texts") } against the base: { $rise }.
too-few-rows = { COUNT($rows, "row", "rows") } can't tell whether a weaker adapter does the task as well: measure with at least { NUMBER($least) }. Until then keep the full strength. Loss on { COUNT($general, "general text", "general texts") } against the base: { $rise }.
weaker-does = Strength { SETTING($scale) } does the task as well and forgets less: loss on { COUNT($general, "general text", "general texts") } against the base { $less }, at full strength { $rise }.
how-to-keep = Keep it with: tunedeck strength { $run } --keep { SETTING($scale) }
kept-at = The adapter acts at strength { SETTING($scale) } now, wherever PEFT loads it. The full strength is in { $full }; --keep 1 brings it back.
full-again = The adapter acts at full strength, as it was trained.

suggestion = What was found
scales = Strengths
title = Strength
help = How much of the adapter
    .about = The adapter's update can be scaled: 0 is the base model, 1 the adapter as trained. Less strength often forgets less and does the task as well. The bars show how well each strength does the task (longer is better) and its loss on general text (shorter is better). Keeping a strength writes lora_alpha into the saved adapter, so that PEFT loads it at that strength; the full strength stays beside it.
at = kept at { SETTING($scale) }
not-measured = Not measured yet. Measuring answers the held-out rows at six strengths and reads general text; losses alone take much less time.
keep-title = Keep strength { SETTING($scale) }?
keep-about = The saved adapter acts at this strength from now on, wherever PEFT loads it. The config at full strength stays beside it; keep 1 to bring it back.
keep-full-about = The saved adapter acts as it was trained again.
key-measure = Measure
    .help = Answer the held-out rows and read general text at six strengths.
key-losses = Losses only
    .help = Measure losses only, without answers: much faster.
key-keep = Keep this
    .help = Write the strength under the cursor into the saved adapter.
about = { $metric } { $interval } (95%), task loss { $loss }; { COUNT($rows, "row", "rows") }, { COUNT($general, "general text", "general texts") }
about-losses = { COUNT($rows, "row", "rows") } of the task, { COUNT($general, "general text", "general texts") }
nothing-lost = Keep the full strength: on { COUNT($general, "general text", "general texts") } it lost nothing. Its loss against the base: { $rise }.
acts-at = The adapter is kept at strength { SETTING($scale) }, and was measured so.
