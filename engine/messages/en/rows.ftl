# Rows and columns that can't be read, and what is to be done about them.

unusable = A row can't be used
    .message = { $path }, row { NUMBER($row) }: { $reason }.
    .hint = { $cure }
lacks-column = it has no '{ $column }'
cure-column = Every row needs it. Remove the row, or give it one.
label-unnamed = the label '{ $label }' has no name in labels
cure-label = Add it: { $setting }
history-no-pairs = 'history' is not a list of pairs
cure-history = Each pair is [what was asked, what was answered].
tools-unreadable = '{ $column }' can't be read as tools: { $reason }
cure-tools = Tools are a list of { $example }.
no-weight = '{ $column }' is no weight
cure-weight = A weight is a number from 0 up.
is-list = '{ $name }' is a list, not text
is-object = '{ $name }' is an object, not text
is-other = '{ $name }' is { $kind }, not text
cure-text = Write it as text, JSON as a quoted string.
no-turns = '{ $name }' is not a list of turns
turn-lacks-key = turn { NUMBER($turn) } has no '{ $key }'
cure-turns = Each turn has '{ $role }' and '{ $content }'.
unknown-role = turn { NUMBER($turn) } has the unknown role '{ $role }'
cure-role = Say whose it is in [[data]], as { $setting }, or write one of: { $known }.
call-unreadable = turn { NUMBER($turn) } has a call that can't be read: { $reason }
cure-call = A call is { $example }.
turn-unreadable = turn { NUMBER($turn) }: { $reason }
no-text-part = '{ $name }' holds a part of the type '{ $kind }', not text
cure-media = Pictures, sound and files can't be trained on by this version. Take the row out.
cure-call-part = Write calls as "tool_calls" of the assistant's turn, and each result as a turn of its own: { $example }.
too-deep = it is nested too deeply
call-no-object = a call is not an object with name and arguments
call-unnamed = a call has no name
tool-no-object = a tool is not an object with a name
tool-unnamed = a tool has no name
not-json = it is not JSON

# Whole files.
preference-pairs = These are preference pairs
    .message = { $path } has a preferred and a rejected answer in each row. This version does not train on such pairs.
    .hint = To train on the preferred answers: { $columns }
preference-pairs-unmapped = These are preference pairs
    .message = { $path } has a preferred and a rejected answer in each row. This version does not train on such pairs.
    .hint = To train on the preferred answers, write each behind its prompt as the last turn of one list of messages.
judged-answers = These are judged answers
    .message = { $path } has good and bad answers in one column, told apart in '{ $column }'. This version does not train on them.
    .hint = Keep only the good ones and take the column '{ $column }' out.
with-media = These rows come with { $what }
    .message = { $path } has the column '{ $column }'. This version trains on text only.
    .hint = To train on their text alone, map it: { $columns }
with-media-unmapped = These rows come with { $what }
    .message = { $path } has the column '{ $column }'. This version trains on text only.
    .hint = Take them out.
pictures = pictures
videos = videos
sound = sound
single-turns = Each row is one turn, not a conversation
    .message = { $path } has who spoke in '{ $role }' and what was said in '{ $content }'.
    .hint = Put the turns of each conversation into one row: { $example }
printed-lists = What a column holds can't be read
    .message = { $path }: '{ $column }' holds lists as Python prints them, not the lists.
    .hint = If it is meant as text: { $columns }. Else: { $convert }
printed-turns = What a column holds can't be read
    .message = { $path }: '{ $column }' holds turns as Python prints them, not the turns.
    .hint = { $convert }
unknown-tag = '{ $tag }' is no tag
    .message = { $path }
    .hint = tags may name: { COMMAS($known) }.

# How a file is read, as clauses of one line.
evidence = { CLAUSES($parts) }
columns-by-name = columns { COMMAS($columns) }
columns-by-shape = columns { COMMAS($columns) } (found by shape)
column-as = { $column } as { $field }
marks-rows = { COMMAS($columns) } says which rows are trained
not-used = not used: { $columns }
lacking = { NUMBER($rows) } of the first { NUMBER($of) } rows lack one of them
labels-are = labels { $labels }
labels-are-numbers = labels { $labels } are numbers: name them with { $setting }
names = { COMMAS($names) }
names-and-more = { COMMAS($names) } and { NUMBER($more) } more
names-one-a-weight = { $names } (to weight rows: { $setting })
recorded = recorded by the run, whose files are gone

# Why nothing is learned from a row.
marked-untrained = it is marked as not to be trained ({ $mark })
answers-marked = every answer is marked as not to be trained ({ $mark })
no-text = it holds no text
no-assistant-text = no assistant text
prompt-empty = the prompt is empty
dropped = dataset.fixes drops it

# What was seen in a row that was not taken as it stands there.
turn-has-key = turn { NUMBER($turn) } has '{ $key }'
turn-says = turn { NUMBER($turn) } says { $mark }
turn-has-nulls = turn { NUMBER($turn) } holds null fields
column-has-nulls = '{ $column }' holds null fields
part-says = a part of { $name } says { $mark }
row-says = it says { $mark }
of-turn = { $field } of turn { NUMBER($turn) }

# Columns that fit no format.
unknown-columns = The columns are not known
    .message = { $path } has the columns: { $columns }.
    .hint = Accepted: { $accepted }. Map yours in [[data]]: { $example }
no-such-column = There is no column '{ $column }'
    .message = { $path } has the columns: { $columns }.
    .hint = Accepted: { $accepted }. Map yours in [[data]]: { $example }
no-field = The mapping names no field of a format
    .message = columns maps { COMMAS($given) }, but the fields are { COMMAS($fields) }. { $path } has the columns: { $columns }.
    .hint = Accepted: { $accepted }. Map yours in [[data]]: { $example }
not-of-format = '{ $field }' is not a field of { $format }
    .message = Its fields are { COMMAS($fields) }. { $path } has the columns: { $columns }.
    .hint = Accepted: { $accepted }. Map yours in [[data]]: { $example }
field-without-column = No column for '{ $field }' of { $format }
    .message = { $path } has the columns: { $columns }.
    .hint = Accepted: { $accepted }. Map yours in [[data]]: { $example }
unclear-text = It is unclear what to train on
    .message = { $path } has text in '{ $column }', and no label beside it.
    .hint = To train on the text alone, set in [[data]]: { $plain }
unclear-text-beside = It is unclear what to train on
    .message = { $path } has text in '{ $column }', and beside it: { COMMAS($beside) }.
    .hint = Set one of these in [[data]]. For plain text alone: { $plain }. For labels: { $labels }. For answers: { $answers }.

# A column of turns that holds something else, and what mends it.
no-list-of-turns = What a column holds can't be read
    .message = { $path }: '{ $column }' holds { $what }.
    .hint = { $cure }
json-object = JSON text of an object with the keys { COMMAS($keys) }
lists-as-printed = lists as Python prints them, not the lists
only-text = text: '{ $words }'
one-object = an object, not a list of turns
object-with-turns = an object with the turns in its '{ $key }'
no-speakers = lists that do not say who speaks
several-conversations = conversations, each with its turns in '{ $key }'
texts-by-speaker = texts by who speaks, under the keys { COMMAS($keys) }
pairs = pairs of an input and an output, not turns
turns-with-keys = turns with the keys { COMMAS($keys) }
write-turns = Write a list of turns: { $example }
write-speakers = Write each as an object that says who speaks: { $example }
write-one-conversation = Write one conversation per row: { $example }
write-each-turn = Write each text as a turn of its own: { $example }
write-pairs = Write each pair as two turns, { $asked } and { $answered }. What is in "system" becomes a turn of that role before them.
write-again = Write the file again from the original lists, as JSONL or parquet.
name-keys = Name the key of the speaker and the key of the text: { $setting }
convert-by = Convert it: { $command }
take-out = Take it out of the object: { $example }
take-out-by = Take it out: { $command }
