# From rows to tokens: tokenizer, chat template, and rows that can't be used.

tokenizer-unloadable = The tokenizer can't be loaded
    .message = { $folder }: { $reason }.
    .hint = Download the model again, or repair its tokenizer files.
template-unreadable = The chat template can't be read
    .message = { $path }: { $reason }.
    .hint = Correct the path in model.chat_template.
no-stop-token = The tokenizer has no stop token
    .message = { $name }: without one the model would never stop.
    .hint = Set eos_token in its tokenizer_config.json.
stop-token-unknown = Generation would not stop
    .message = The template closes an answer with { $token }, which is not a stop token of the model.
    .hint = Add { $token } to eos_token_id in generation_config.json, or set model.chat_template.
cache-unwritable = The tokenized rows can't be written
    .message = { $folder }: { $reason }.
    .hint = Free space there, or set TUNEDECK_HOME to a writable folder.
disk-full = the disk is full
file-unreadable = The file can't be read
    .message = { $path }: { $reason }.
    .hint = Check its permissions.

# Why a template can't render a row.
turn-not-separable = An untrained turn can't be separated
    .message = Turn { $turn }: the template renders it differently with what follows.
    .hint = Use another template, or set dataset.train_on = "assistant".
no-answer = There is no assistant turn to train
    .message = The roles are { COMMAS($roles) }.
answer-not-closed = An answer has no stop token of its own
    .message = Turn { $turn }: the template does not close it before the next turn, or changes it later.
    .hint = Use another template, or set dataset.train_on = "last".
prompt-changes = The prompt changes with its answer
    .message = Turn { $turn }: with the answer the template renders the text before it differently.
    .hint = Use another template, or set dataset.train_on = "all".
prompt-merges = Prompt and answer share a token
    .message = The tokenizer joins the end of the prompt and the start of an answer in one token.
    .hint = Start answers without a line break or space, or set dataset.train_on = "all".
template-refuses = The template refuses the row
    .message = { $reason }.
template-endless = the template was not done after { DURATION($seconds) }
refused = { $file }, row { NUMBER($row) }: { BRIEF($reason) }

# What makes such rows trainable.
cure-merge = Set dataset.fixes = [{ $fixes }]: the system text is then put in front of the first question.
cure-last = Set dataset.train_on = "last": only the last answer of each row is then trained.
cure-merge-last = Set dataset.fixes = [{ $fixes }] and dataset.train_on = "last": only the last answer of each row is then trained.
cure-all = Set dataset.train_on = "all": questions are then trained too.
cure-plain = Set model.chat_template = "plain": turns are then written as Question and Answer.
cure-none = Correct or remove such rows: no setting makes this template take them.

# A run without a row to train.
all-refused = This model's template renders no row
    .message = { COMMAS($reasons) }. First: { $first }
    .hint = { $cure }
reason-count = { $reason } ({ COUNT($rows, "row", "rows") })
all-too-long = Every row is longer than max_length
    .message = dataset.max_length is { NUMBER($limit) }. The longest of { COUNT($rows, "row", "rows") } has { NUMBER($longest) } tokens.
    .hint = Set dataset.max_length = { $enough } to keep them all, which costs memory, or shorten the rows.
all-answers-cut = Every row is longer than max_length
    .message = dataset.max_length is { NUMBER($limit) }. The longest of { COUNT($rows, "row", "rows") } has { NUMBER($longest) } tokens. Their answers end later, and answers are never cut: the model would not learn to stop.
    .hint = Set dataset.max_length = { $enough } to keep them all, which costs memory, or shorten the rows.
all-texts-too-long = Every row is longer than max_length
    .message = dataset.max_length is { NUMBER($limit) }. The longest of { COUNT($rows, "row", "rows") } has { NUMBER($longest) } tokens.
    .hint = Set dataset.too_long = "split".
all-weightless = Every row has the weight 0
    .message = The data has { COUNT($rows, "row", "rows") }.
    .hint = Give the rows to train on a weight above 0.
all-untrained = No row has a token to train on
    .message = dataset.train_on = { $selects } selects nothing in { COUNT($rows, "row", "rows") }.
    .hint = Rows need an assistant turn with text. To train on all tokens, set dataset.train_on = "all".
none-usable = No row can be used
    .message = Of { COUNT($rows, "row", "rows") } { NUMBER($long) } are longer than dataset.max_length ({ NUMBER($limit) }), { NUMBER($refused) } can't be rendered with this model's template, and { NUMBER($untrained) } have no token to train on.
    .hint = Raise dataset.max_length, and check the roles of the rows.
