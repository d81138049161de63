# What the evaluation of a run can show, said before the run starts.

rows = evaluation: { NUMBER($rows) } { $part } answered by { COMMAS($who) }; differences from { NUMBER($points, digits: 1) } points show, { NUMBER($wanted, digits: 0) } points need { NUMBER($needed) } rows
too-few = evaluation: { NUMBER($rows) } { $part } answered by { COMMAS($who) }; too few to show any difference, { NUMBER($wanted, digits: 0) } points need { NUMBER($needed) } rows
nothing = evaluation: by the loss alone; { $reason }
test-rows = test rows
validation-rows = validation rows
base = base model
few-shot = few-shot
old-adapter = earlier adapter
tuned = tuned
hold-out = hold out { COUNT($rows, "row", "rows") }
answer-more = answer { COUNT($rows, "row", "rows") }
short = shows { NUMBER($points, digits: 1) } points or more ({ NUMBER($rows) } { $part })
short-too-few = too few to show anything ({ NUMBER($rows) } { $part })
short-nothing = shows the loss alone
