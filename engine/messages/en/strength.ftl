# How strong an adapter acts: measured at several scales, and one of them kept.

no-scale = No such strength
    .message = An adapter can be kept at a strength above 0 up to { SETTING($most) }, not at { SETTING($scale) }. At 0 it is the base model.
    .hint = Give a number such as 0.75. 1 is the full strength.
not-scalable = This adapter can't be weakened
    .message = { $folder }: { $reason }.
    .hint = Train with a lower learning rate, fewer steps or more replay instead.
dora = it is DoRA, and its magnitudes are trained too, so a scale is not a point between base and tuned
changed-base = it was initialized with { $init }, which takes the start of the update out of the base model
no-alpha = lora_alpha is not a number
unwritable = The strength can't be written
    .message = { $path }: { $reason }. The adapter is as it was.
    .hint = Free space or make the folder writable, then try again.
modules-stay = { LIST($modules) } are saved whole and act in full at every strength
tokens-stay = { COUNT($tokens, "trained token acts", "trained tokens act") } in full at every strength
biases-stay = Trained biases ({ $bias }) act in full at every strength
