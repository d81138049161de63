# What `tunedeck estimate` says around the figures.

lora = LoRA
lora-int8 = LoRA on int8
qlora = QLoRA, nf4
qlora-dq = QLoRA, nf4 with double quantization
rank = rank { NUMBER($rank) }
rows = { COUNT($rows, "row", "rows") } of { NUMBER($tokens) } tokens at once
recomputed = layers recomputed
job = { $model }: { COMMAS($how) }
place = On { CLAUSES($parts) }
free = { $name }: { GIB($free, unit: 0) } of { GIB($total) } free
held = { GIB($memory) } held by { $whose }
some-held = some held by { $whose }
process = process { $pid }
of-user = { $program } of { $user }
settled = Chosen, because the config says auto
setting = { $field } = { $value }: { $reason }
time = Time: { $time }.
disk = Disk: { CLAUSES($parts) }.
rows-unreadable = unknown, because the rows can't be read
device-unknown = unknown for this device; name a GPU, or train once
