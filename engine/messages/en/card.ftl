# The model card: README.md of an exported adapter.

what = A LoRA adapter for { $base }, trained with tunedeck.
limits = Limits
measured = Measured on { COUNT($rows, "row", "rows") } like those it was trained on. How it does on other tasks was not measured, unless stated here.
use = How to use it
seed = Seed
on-base = loads { $base } and the adapter on it
