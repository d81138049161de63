# What happens in a phase of a run, in plain words, for whoever sees it for the first time. At most 78 cells each.

import = The libraries that train are read from disk. Nothing is trained yet.
load = The model is read into memory, with new LoRA weights beside its own.
read = Your rows are read; some are held out, to test the model, never to train it.
tokenise = Rows are cut into tokens, the pieces of text that a model reads.
rehearsal = The longest rows are tried first, so that memory can't run out halfway.
before = The untrained model on held-out rows: this is what training has to beat.
baseline = The untrained model answers held-out questions: training has to beat this.
train = Each step shows it some rows and corrects it a little: the loss should fall.
during = Held-out rows show whether it learns or memorizes: their loss should fall.
after = The proof: the trained model answers the same held-out questions as before.
forgetting = General text shows whether the model forgets what it could do before.
merge = The old adapter is added into the model for good, and the result checked.
