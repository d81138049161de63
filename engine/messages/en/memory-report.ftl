# What `tunedeck estimate` prints.

peak = Peak: { $phase }, { GIB($bytes) } of live tensors
peak-on-each = Peak: { $phase }, { GIB($bytes) } of live tensors on each of { $gpus } GPUs
phases = Phases
peak-mark = peak
needed = Needed at least
needed-gpu = live tensors, 3% and the GPU context
needed-cpu = live tensors, 3% and the libraries
shown-gpu = nvidia-smi may show
shown-cpu = The system may show
shown-why = freed blocks are kept for reuse
calibrated = Calibrated
calibrated-why = { $spread } on this device
available = Available
verdict = Verdict: { $verdict }.
what-helps = What would help
enough-alone = * enough by itself
together = Together enough: { $change }
not-even-together = Not enough even together: use a smaller model or a larger GPU.
nothing-helps = No setting saves enough: use a smaller model or a larger GPU.
fused-experts = The experts are fused tensors, which bitsandbytes does not quantize. They stay in 16 bit.
guessed = Uncertain: the model does not give { COMMAS($fields) }. The usual value of Llama-like models is used.
experts-vary = Uncertain: memory of the experts' activations depends on how tokens spread over them.
matrix-title = { $model } within { GIB($available) }, rank { $rank }
matrix-about = Most padded tokens computed at once, by the length of the longest row
longest-row = longest row
matrix-none = -: not even one row of that length fits
