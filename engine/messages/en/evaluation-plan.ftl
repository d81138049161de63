# What the evaluation of a run can show, said before the run starts.

rows = { NUMBER($rows) } { $part }, answered by { COMMAS($who) }, can show a difference of { NUMBER($points, digits: 1) } points; to see { NUMBER($wanted, digits: 0) } points you need { NUMBER($needed) } rows
too-few = { NUMBER($rows) } { $part }, answered by { COMMAS($who) }, are too few to show any difference; to see { NUMBER($wanted, digits: 0) } points you need { NUMBER($needed) } rows
nothing = only the loss is compared; { $reason }
test-rows = test rows
validation-rows = validation rows
base = base model
few-shot = few-shot
old-adapter = earlier adapter
tuned = tuned
hold-out = hold out { COUNT($rows, "row", "rows") }
answer-more = answer { COUNT($rows, "row", "rows") }
short = { NUMBER($rows) } { $part } can show a difference of { NUMBER($points, digits: 1) } points; to see { NUMBER($wanted, digits: 0) } points you need { NUMBER($needed) } rows
short-too-few = { NUMBER($rows) } { $part } are too few to show any difference; to see { NUMBER($wanted, digits: 0) } points you need { NUMBER($needed) } rows
short-nothing = only the loss is compared
