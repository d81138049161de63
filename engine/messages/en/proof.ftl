# The proof of an export: the same rows through the exported files.

other-template = the file's own template makes another prompt of row { NUMBER($row) }, from character { NUMBER($at) } on: { $theirs } instead of { $ours }
other-tokens = the file's own tokenizer reads row { NUMBER($row) } otherwise, from token { NUMBER($at) } on: { LIST($theirs) } instead of { LIST($ours) }
fault = { $name }: { $fault }
endless = { $name }: { NUMBER($rows) } of { COUNT($of, "answer", "answers") } never ended where the adapter's did, so the file may lack a stop token
no-answers = Nothing to answer
    .message = { $run } was trained on plain text, so there are no answers to compare.
    .hint = Export with --no-proof, and compare texts by hand.
failed = The proof failed
    .message = { $reason }
    .hint = Run it again: what was answered is kept. The exported files are whole.
