# The X-ray's screen: rows token by token.

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
