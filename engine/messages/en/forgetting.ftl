# What a training costs elsewhere: the gauge while it runs, before and after, and its marks.

measuring = measuring what is forgotten
line = forgetting: { $mark }; { COMMAS($figures) }
fine = low
look = moderate
stop = high
unknown = unknown
figure-task = KL on the task { NUMBER($value, digits: 3) }
figure-general = on general text { NUMBER($value, digits: 3) }
figure-general-from = on general text { NUMBER($before, digits: 3) } -> { NUMBER($after, digits: 3) }
figure-loss = loss on { COUNT($rows, "general text", "general texts") } { LOSS($before) } -> { LOSS($after) }
figure-loss-of-base = loss on { COUNT($rows, "general text", "general texts") } { LOSS($before) } -> { LOSS($after) } (base { LOSS($base) })
figure-parts = of that texts { $texts }, answers { $answers }
figure-old = loss on earlier data { LOSS($before) } -> { LOSS($after) }
by-divergence = answers to general text changed (KL rose by { NUMBER($value, digits: 2) } nats a token)
by-general-loss = loss on general text rose by { NUMBER($value, digits: 2) }
by-old-loss = loss on earlier data rose by { NUMBER($value, digits: 2) }
no-memory = Forgetting isn't measured: out of memory
    .hint = Training continues. To measure it, set a smaller train.micro_batch_tokens.
text-unusable = The built-in general text is used: { BRIEF($reason) }
    .hint = Correct eval.general_text.
text-too-short = Too little general text
    .message = { $path } has { COUNT($passages, "passage", "passages") } and { COUNT($characters, "character", "characters") }.
    .hint = Give at least { NUMBER($fewest) } passages, separated by empty lines, and { NUMBER($least) } characters, or leave eval.general_text empty.
old-unreadable = What run { $run } learned can't be tested: { BRIEF($reason) }
old-sample = Run { $run } is tested with { COUNT($rows, "row", "rows") } it was trained on: its held-out rows are gone
no-old-rows = Run { $run } kept no rows
    .message = { $run } held nothing out and recorded no sample.
    .hint = Forgetting of that run can't be measured.

# Before and after
reason = general text and questions, which have nothing to do with the task
metric-answered = answers that are not empty
metric-ended = answers that end by themselves
metric-no-loops = answers without a loop
metric-language = answers in the language of the question
metric-distinct = answers that no other question got
metric-length = tokens an answer
general-fine = No forgetting to be seen on { COUNT($rows, "general text", "general texts") } (loss { $difference })
general-look = General text is predicted worse: loss { $difference } over { COUNT($rows, "text", "texts") }
general-stop = Much is forgotten: the loss on { COUNT($rows, "general text", "general texts") } rose ({ $difference })
general-unclear = { COUNT($rows, "text does", "texts do") } not show whether general text is predicted worse: loss { $difference }
general-unknown = What was forgotten is unknown: nothing was measured before training
by-part = Loss by part: { COUNT($text_rows, "text", "texts") } { $texts }, { COUNT($answer_rows, "answer", "answers") } to general questions { $answers }. Answers lose more than texts; the mark counts all tokens together.
beside-base = { $about }; against the base model { $after }, before this training { $before }
old-kept = { $run } is kept: { $metric } { $difference }, within { PERCENT($margin) } of before ({ COUNT($rows, "row", "rows") })
old-lost = { $run } is forgotten: { $metric } { $difference }, worse by more than { PERCENT($margin) } ({ COUNT($rows, "row", "rows") })
old-unclear = { COUNT($rows, "row", "rows") } can't show whether { $run } is kept: { $metric } { $difference }
old-unknown = Whether { $run } is kept is unknown: nothing was measured before training
not-measured = Forgetting is no longer measured: { $reason }
    .hint = Training continues and its result is not affected.

# More replay while training
no-replay = The run has no replay
    .message = None of its sources has the role replay or general.
    .hint = Start it with one, for example the run before: path = "run:NAME", role = "replay", share = 0.1.
no-share = No share of replay
    .message = { $given } is not a share.
    .hint = Give a number between 0 and 1, for example replay=0.2, or replay=more.
no-setting = That can't be changed while training
    .message = { $given } is neither replay=SHARE nor rate=FACTOR.
    .hint = Give replay=0.2, replay=more or rate=0.5. Other settings need a new run.
replay-at-most = Replay is already at its maximum
    .message = Its share is { PERCENT($share) }; more of it slows down learning.
    .hint = If it must be more, name the share: replay=0.6.
replay-set = replay is { PERCENT($share) } of the mix from step { NUMBER($step) } on

# The monitor
gauge = forgetting
keys = (w, X)
curve = Forgetting: KL(base || tuned)
general = general text
prompts = task prompts
key-replay = More replay
    .help = Twice as much earlier or general data from the next step on, at most half. It limits forgetting.
key-best = Stop at best
    .help = Stop training, and make the best checkpoint the result.
replay-asked = More replay requested.
stop-at-best = Stop at the best checkpoint?
status = forgetting:
