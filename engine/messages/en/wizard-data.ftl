# Step 4 of the wizard: the data.

add = Add a file
add-hint = path, then Enter
browse = F3 browses
complete = Right: { $name }
format = Format
strategy-skipped = Strategy skipped: no earlier adapter. Ctrl+K opens it.
eval-share = Held-out share
eval-rows = Held-out rows
listed-already = This file is in the list already.
no-file = Name at least one file.
    .hint = F3 browses.
no-new-file = Name at least one file with new rows.
    .hint = F3 browses.
unusable = This file can't be used.
    .hint = Correct the file, or press Delete to remove it from the list.
reading = reading ...
not-readable = ! { $title }
summary = { $format }, { COUNT($rows, "row", "rows") }, { BYTES($size) }
summary-about = { $format }, about { COUNT($rows, "row", "rows") }, { BYTES($size) }
accepted = JSON, JSONL, CSV, parquet or text. Questions with answers, dialogues, or documents.
map-columns = ! { BRIEF($reason) }. F2: map the columns.
read-as-set = Read as { $format } (as set): { $evidence }
read-as = Read as { $format } ({ PERCENT($confidence) } sure): { $evidence }
read-as-unsure = Read as { $format } ({ PERCENT($confidence) } sure; wrong? F2 maps the columns): { $evidence }
error = ! { WHOLE($reason) }
forms =
    Any of these works:
    
    questions  { "{" }"instruction": "...", "output": "..."{ "}" }
    dialogues  { "{" }"messages": [{ "{" }"role": "user", ...{ "}" }]{ "}" }
    tables     CSV or parquet, with columns such as question, answer
    documents  { "{" }"text": "..."{ "}" } or a text file
    folders    all data files in them
first-rows = First rows, as the model will see them; F6: token by token
rows-beside = First rows, as the model will see them
text-row = text
role-share = { $role } { PERCENT($share) }
by-continue = { $role }, for continuing
no-replay = ! No earlier data is mixed in: the model may forget.
compare = F9 compares your rows with the adapter's training data.
fatal = { $what }
    .hint = F5 shows them, and what helps.
