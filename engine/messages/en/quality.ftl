# Findings in the rows of a run: each with why it matters.

unreadable = unreadable rows
unreadable-why = Training refuses a file with such rows.
nothing-left = no rows to train on
nothing-left-why = Training would not start.
empty-answers = empty answers
empty-answers-why = A blank answer trains the model to say nothing. Rows without another answer are left out.
missing-user = answers without a question
missing-user-why = Without a question, an answer does not show how to answer.
untrained-rows = rows marked as not trained
untrained-rows-why = The rows, or all their answers, ask for it, so they are left out. To ignore a column that is not a mark, write columns = {"{"}weight = ""{"}"}.
untrained-turns = answers marked as not trained
untrained-turns-why = The model reads them but is not trained on them.
unclear-marks = training marks that are neither yes nor no
unclear-marks-why = They are ignored and the answers trained in full. Write true or false. To weigh whole rows, map a column: columns = {"{"}weight = "..."{"}"}.
marked-questions = training marks on turns that are not answers
marked-questions-why = Only dataset.train_on = "all" trains turns beside the answers.
turn-keys = unused fields in turns
turn-keys-why = The model does not see them.
nulls = null fields in tools or calls
nulls-why = They are left out, since tables pad objects with them. To keep one, write the tools or arguments as JSON text.
role-order = turns out of order
role-order-why = Many templates refuse such rows. Others render them wrongly.
unanswered = last turns without an answer
unanswered-why = They are not trained, but cost memory and time.
whitespace = whitespace around answers
whitespace-why = The model learns to begin or end its answers with it.
placeholders = unfilled placeholders
placeholders-why = The model will answer with them, word for word.
html-in-prose = HTML in prose
html-in-prose-why = Left over from the web, it will show up in the answers.
mojibake = garbled or lost characters
mojibake-why = Text read in a wrong encoding trains meaningless characters.
control = control or invisible characters
control-why = They steer terminals, hide text and waste tokens.
secrets = keys or passwords
secrets-why = A model can repeat its training data to anybody.
emails = email addresses
emails-why = A model can repeat people's addresses to anybody.
phones = phone numbers
phones-why = A model can repeat people's numbers to anybody.
exact-duplicates = exact duplicates
exact-duplicates-why = Rows seen more often weigh more and are memorized.
near-duplicates = near duplicates
near-duplicates-why = Rows that hardly differ weigh like one repeated row.
conflicts = different answers to one prompt
conflicts-why = The model learns to guess between them.
leakage = held-out rows also trained on
leakage-why = Metrics on them look better than they are.
languages = several languages
languages-why = The model may answer in the wrong one.
label-balance = imbalanced labels
label-balance-why = Always giving the frequent label already scores well. Judge the model per label.
label-typos = labels that differ only in case or spaces
label-typos-why = To the model these are different answers.
too-long = rows longer than max_length
too-long-why = They are left out or cut, see dataset.too_long.
no-supervised = rows without a trained token
no-supervised-why = They are left out: nothing in them is trained.
refused = rows that the template refuses
refused-why = They are left out.
stop-token = answers without a stop token at the end
stop-token-why = The model would never learn to stop.
written-specials = special tokens written in the text
written-specials-why = The model reads them as real ones: it learns to stop in mid-answer, or takes text for a turn.
unwritten-turns = turns that the template leaves out
unwritten-turns-why = The model is trained, and later asked, without their words.
double-bos = two BOS tokens in a row
double-bos-why = The model sees a beginning in training that it never sees in use.
unknown-pieces = characters unknown to the tokenizer
unknown-pieces-why = They all look the same to the model.
costly-language = a language this tokenizer splits finely
costly-language-why = Rows cost more tokens and are learned less well.

# What repairs do.

leave-out = leave those rows out
leave-out-named = leave rows out: { $what }
trim-whitespace = trim the whitespace
drop-unanswered-turn = cut the turns after the last answer
merge-system-turn = put the system text in front of the first question
fix-mojibake = restore the characters (ftfy)
strip-control = remove these characters
unescape-html = turn &amp; and the like into characters
one-answer-per-prompt = keep the first answer of each prompt
keep-first = keep the first of each
keep-first-of-cluster = keep the first of each cluster
raise-max-length = raise max_length to { NUMBER($length) }, which holds { PERCENT($share) }; it costs memory
split-text = split plain text

# What was seen of a row.

row-says = { COMMAS($parts) }
row-ends = { COMMAS($parts) }, and the file can't be read after it
row-marked = it says { $mark }
answers-marked = all its answers say { $mark }
text-empty = the text is empty
turn-blank = turn { $turn } is blank
ends-with = it ends with { $role }
no-answer = there is no answer at all
no-question = no question before the first answer
system-in-middle = turn { $turn }: a system message in the middle
tool-uncalled = turn { $turn }: a tool result without a call
user-twice = turn { $turn }: two user turns in a row
answer-twice = turn { $turn }: two answers in a row
answer-first = turn { $turn }: an answer before any question
blank-edges = an answer begins or ends with whitespace
as-row = as row { NUMBER($row) }
as-row-of = as row { NUMBER($row) } of { $file }
none-trained = none of { COUNT($tokens, "token", "tokens") }
last-token = ends with { $token }
row-tokens = { COUNT($tokens, "token", "tokens") }
answer-too-long = { COUNT($tokens, "token", "tokens") }, the answer ends after the limit
unknown-of = { NUMBER($unknown) } of { COUNT($tokens, "token", "tokens") }

# Details of a finding.

all-left-out = all are left out
label-counts = { $most } { COUNT($highest, "time", "times") }, { $least } { COUNT($lowest, "time", "times") }
labels-alike = { COMMAS($pairs) }
turn-unwritten = turn { $turn } ({ $role }) is not written
labels-pair = { LIST($labels) }
tokens-per-character = { $language }: { NUMBER($rate, digits: 2) } tokens a character
long-dropped = they are left out; in { NUMBER($cut) } of them the answer does not end before max_length
long-cut = cut at the end, but left out where the answer would be cut; in { NUMBER($cut) } of them the answer does not end before max_length
long-split = plain text is split, dialogues are left out; in { NUMBER($cut) } of them the answer does not end before max_length

# What was sampled or not looked at.

languages-sampled = Languages are detected from about { NUMBER($rows) } rows.
near-sampled = Near duplicates are searched among { NUMBER($looked) } of { NUMBER($rows) } rows, since there are more than { NUMBER($limit) }.
no-model = Lengths in tokens need a model: pass --model, or a config.
tokens-sampled = Lengths, stop tokens and templates are those of a sample of { NUMBER($rows) } rows.

# The report as text.

fatal = FATAL
warning = Warning
note = Note
fatal-findings = { COUNT($count, "fatal finding", "fatal findings") }: training would not start.
fatal-findings-and = { COUNT($count, "fatal finding", "fatal findings") }: training would not start. Also { LIST($rest) }.
nothing-fatal = Nothing fatal: { LIST($rest) }.
warnings = { COUNT($count, "warning", "warnings") }
notes = { COUNT($count, "note", "notes") }
nothing-wrong = No problems found.
nothing-wrong-in-text = No problems found in the text. No tokenizer has read it.
source = { $name }: { COUNT($rows, "row", "rows") } of { $format }, { COUNT($characters, "character", "characters") }
source-left-out = { NUMBER($rows) } left out, since nothing in them can be trained
source-languages = language { COMMAS($shares) }
source-labels = labels { COMMAS($labels) }
source-labels-more = labels { COMMAS($labels) } and { $more } more
source-unused = not used: { $columns }
lengths = Length in tokens: { NUMBER($mean, digits: 0) } on average, { PERCENT($trained) } of the tokens are trained, max_length { NUMBER($limit) }
lengths-needed = no row cut with max_length of { COMMAS($sizes) }
up-to = up to { $end }
per-language = Tokens per character, by language
rows = { COUNT($rows, "row", "rows") }
rows-unknown-pieces = { COUNT($rows, "row", "rows") }, { COUNT($pieces, "unknown token", "unknown tokens") }
head = { $what }: { NUMBER($count) } of { COUNT($rows, "row", "rows") } ({ $share })
head-text = { $what }: { NUMBER($count) } of { COUNT($rows, "row", "rows") } ({ $share }), { $text } of the text
head-tokens = { $what }: { NUMBER($count) } of { COUNT($rows, "row", "rows") } ({ $share }), about { COUNT($tokens, "token", "tokens") } ({ $text })
in-source = { $head } in { $source }
place = { $file }, row { NUMBER($row) }
more = and { NUMBER($count) } more
tried = { $what } (tried: { NUMBER($tried) } -> { NUMBER($left) }): { $setting }
hint-of = { HINT($reason) }
escape-sequence = escape sequence
