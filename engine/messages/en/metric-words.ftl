# What metrics, the models that are compared, and verdicts are called.

accuracy = accuracy
macro-f1 = macro F1
precision = precision
recall = recall
f1 = F1
of-class = { $metric } of { $label }
exact-match = exact match
token-f1 = token F1
json-valid = valid JSON
json-keys = JSON keys right
json-values = JSON values right
json-exact = JSON all right
exact-number = number right
chrf = chrF
bleu = BLEU
rouge-l = ROUGE-L
tool-name = tool name right
tool-arguments = tool arguments right
loss = loss
perplexity = perplexity
bits-per-byte = bits per byte
user-metric = your metric

base = base model
few-shot = base, few-shot
old-adapter = earlier adapter
tuned = tuned
mix = mix
full = fine-tuned model
at-strength = strength { $scale }

better = better
worse = worse
unclear = inconclusive
interval = { $low } to { $high }
secondary = { $metric } (secondary)
beside = { $value } ({ $about })
