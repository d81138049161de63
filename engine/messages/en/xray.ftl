# The X-ray's screen: rows token by token.

as-tokens = Token by token
name = X-ray
place = X-ray  { $file }, row { NUMBER($row) }
count = { NUMBER($at) } of { NUMBER($count) }
count-so-far = { NUMBER($at) } of { NUMBER($count) } so far
starting = Starting ...
searching = Searching ...
working = { $what } ...
search-for = Search for
search-hint = Enter finds the next match
go-to-row = Go to row
go-hint = a number, or FILE NUMBER
not-yet = The model is not here yet
    .message = { $reason }
    .hint = Get the model in step 2 of the wizard (Ctrl+K goes back).
no-more = No further match: { $reason }.
searched = Searched: { $reason }.
first-row = This is the first row.
no-number = ! Type the row's number in its file.
text = Text
bounds = Tokens
ids = Ids

help = X-ray of the training mask
    .about = A row as the training takes it, made by the code that trains. The loss counts the tokens marked as trained, from the beginning of an answer to its stop token. The rest is context. A row is bad if an answer is cut, no stop token is trained, the template refuses it, or its own text contains special tokens. Padding depends on the other rows of a batch; shown is the padding of the row alone.

# What becomes of a row, in two words and in a sentence.
title = { $file }, row { NUMBER($row) }: { $fate }
fate-trained = trained on
fate-heldout = held out
fate-test = test
fate-used = used
fate-left-out = left out
fate-unreadable = unreadable
is-trained = It is trained on.
is-heldout = It is held out: measured during training, never trained on.
is-test = It is in the test split: measured before and after training, never trained on.
is-used = It is used. Whether it is trained on or held out is known once all rows are read.
dropped-repeated = It is left out: dataset.fixes drops it as a repeat of another row.
left-out-long = It is left out, because it is too long. Raise dataset.max_length.
left-out-long-text = It is left out, because it is too long. Raise dataset.max_length, or set dataset.too_long to split.
left-out-cut = It is left out, because its answer would be cut.
left-out-untrained = It is left out, because nothing in it would be trained.
left-out-weightless = It is left out, because its weight is 0.
left-out-repeated = It is left out, because it repeats another row.
left-out = It is left out. { WHOLE($reason) }
left-out-as = It is left out: { $reason }.
unreadable-skipped = It can't be read, so dataset.fixes skips it. { WHOLE($reason) }
unreadable-refused = It can't be read, and training refuses a file with such a row. { WHOLE($reason) }
weight = Its weight is { $weight }.
ended-by-size = the first { COUNT($rows, "row", "rows") }, because more would take too much disk
ended-by-disk = the first { COUNT($rows, "row", "rows") }; no more can be kept on disk: { $reason }

# What is right and what is wrong with it.
begin-none = No begin token: this model has none.
begin-twice = The begin token { $token } occurs twice in a row.
begin-not-in-template = No begin token: the template does not write { $token }.
begin-not-by-tokenizer = No begin token: this tokenizer does not add { $token }.
begin-late = The row does not start with the begin token { $token }, which comes later.
begin-once = Starts with { $token }, which occurs once.
begin-often = Starts with { $token }, which occurs { NUMBER($count) } times, never twice in a row.
stop-none = No stop token is trained.
stop-trained = Ends with the stop token { $token }, which is trained.
stop-passed = The dialogue is trained to its end, past the last stop token.
stop-other = The last trained token is { $token }, where generation does not stop.
whole = Nothing is cut: { NUMBER($tokens) } of at most { NUMBER($limit) } tokens.
whole-in-pieces = { COUNT($tokens, "token is", "tokens are") } split into { NUMBER($pieces) } pieces of up to { NUMBER($limit) }.
whole-answers = Every answer is whole; { COUNT($cut, "token after them is", "tokens after them are") } cut.
answer-too-long = Too long: the last answer ends at token { NUMBER($token) }, max_length is { NUMBER($limit) }.
text-too-long = Too long: the text ends at token { NUMBER($token) }, max_length is { NUMBER($limit) }.
cut-after = Cut after { NUMBER($kept) } of { NUMBER($tokens) } tokens.
tokens-trained = { NUMBER($trained) } of { NUMBER($tokens) } tokens are trained ({ PERCENT($share) }).
tokens-would-be = { NUMBER($trained) } of { NUMBER($tokens) } tokens would be trained ({ PERCENT($share) }).
turn-marked = Turn { NUMBER($turn) } is not trained, because the row says so: { $mark }.
all-trained = Every token is trained (train_on = all).
not-all-trained = Not every token is trained, although train_on = all.
turn-changed = Turn { NUMBER($turn) } is not trained as written: '{ $lost }' is missing.
last-answer-whole = The last answer is trained whole (train_on = last).
answer-whole = The answer is trained whole (train_on = assistant).
answers-whole = All { NUMBER($answers) } answers are trained whole (train_on = assistant).
other-answer-whole = The other answer is trained whole (train_on = assistant).
other-answers-whole = All { NUMBER($answers) } other answers are trained whole (train_on = assistant).
turn-unwritten = Turn { NUMBER($turn) } ({ $role }) is left out by the template: the model never reads it.
specials-written = Special tokens are written in the text and become real ones: { $tokens }.

# Marks around tokens, and the line above them.
trained = trained
context = context
special = special
legend-cut = [cut: beyond max_length]
legend-padding = [padding]
cut = [cut:
padding = [padding: { NUMBER($tokens) } x { $token }]
piece = [piece { NUMBER($piece) } of { NUMBER($pieces) }: { COUNT($tokens, "token", "tokens") }]
hidden = [{ COUNT($tokens, "more token is", "more tokens are") } not shown]
own-words = [the row's own text, no tokens]
tokens-in-all = { COUNT($tokens, "token", "tokens") }
share-trained = { NUMBER($trained) } of { NUMBER($tokens) } tokens trained, { PERCENT($share) }
pieces = { COUNT($pieces, "piece", "pieces") }
right = ok: { COMMAS($what) }
right-begin = begin
right-stop = stop
right-whole = whole
right-answers = answers
