# Measurements of a model: base or chat, and how new data relates to an earlier adapter.

reading-embeddings = reading the embeddings
asking-in-template = asking a question in the template
continuing-text = continuing plain text
embedding-untrained = the embedding of { $token } looks untrained: shorter than { PERCENT($longer, digits: 1) } of all rows
head-untrained = the head of { $token } looks untrained: shorter than { PERCENT($longer, digits: 1) } of all rows
marks-trained = the embeddings of { COMMAS($tokens) } are as long as those of words
no-template = it has no template to be asked in
stopped = asked in its template, it answered and stopped by itself at { $token }
never-stopped = asked in its template, it did not stop within { COUNT($tokens, "token", "tokens") }
loss-new-base = measuring the new data on the base model
loss-old-base = measuring the earlier data on the base model
similarity = measuring the similarity of the rows
loss-new-adapter = measuring the new data with the adapter
loss-old-adapter = measuring the earlier data with the adapter
no-answer = [no answer: the prompt is longer than the { NUMBER($positions) } positions of the model]
