# Models in use: what a name means, and what stands against loading it.

not-found = No run, adapter or model of this name
    .message = { $name } is not a run, a folder or a starter model.
    .hint = Run `tunedeck runs` to see the runs, or name the folder of a model or an adapter.
no-checkpoint = No such checkpoint
    .message = { $run } has no checkpoint { $step }. It has { LIST($steps) }.
    .hint = Name one of these, or leave --checkpoint out to use the result.
no-checkpoints = No such checkpoint
    .message = { $run } has no checkpoint { $step }, and no other one.
    .hint = Leave --checkpoint out.
checkpoint-damaged = The checkpoint is damaged
    .message = Checkpoint { $step } of { $run }: { $why }.
    .hint = Name another checkpoint, or leave --checkpoint out to use the result.
base-unnamed = The adapter names no base model
    .message = { $adapter } does not say which model it belongs on.
    .hint = Name it with --base MODEL.
base-unusable = The base model can't be used
    .message = { $adapter } needs it. { WHOLE($reason) }
    .hint = Name where the base model is now with --base MODEL.
base-not-here = The base model is not on this machine
    .message = { $adapter } was trained on { $base }.
    .hint = Run `tunedeck model get { $base }`, or name its folder with --base.
base-uncertain = The base model may be the wrong one
    .message = { $adapter } on { $model }:
        { LINES($reasons) }
    .hint = Name the model it was trained on with --base. If you are sure it is this one, add --trust-base.
resized = The adapter has another vocabulary
    .message = { $adapter } on { $model }:
        { LINES($reasons) }
    .hint = Merge the two with `tunedeck merge`, and use the merged model.
pickled = The weights are pickled
    .message = { $path }: loading a pickle can run any code.
    .hint = Convert the weights to safetensors. If you trust their source, add --allow-pickle.
own-code = The model comes with its own code
    .message = { $folder }: models of type { $type } need the Python code beside the weights.
    .hint = Read that code. If you trust it, add --trust-remote-code.
other-base = The adapters have different base models
    .message = { $one } belongs on { $base }, { $other } on { $other_base }.
    .hint = Two adapters share one model in memory. Choose an adapter of the same base model.
biases = The adapter can't share a model
    .message = { $adapter } has trained biases, which take the place of the model's own.
    .hint = Use the two adapters one after the other.
