# The proof of an export: the same rows through the exported files.

other-template = the file's own template makes another prompt of row { NUMBER($row) }, from character { NUMBER($at) } on: { $theirs } instead of { $ours }
other-tokens = the file's own tokenizer reads row { NUMBER($row) } otherwise, from token { NUMBER($at) } on: { LIST($theirs) } instead of { LIST($ours) }
