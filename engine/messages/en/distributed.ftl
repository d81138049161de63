# Where a run computes.

gpu-hidden = This GPU is hidden
    .message = CUDA_VISIBLE_DEVICES={ $allowed } does not name { $gpu }, and the driver does not answer.
    .hint = Name GPUs as CUDA_VISIBLE_DEVICES does, or unset it.
no-kernels = This torch can't use the GPU
    .message = torch { $torch } has no kernels for { $gpu } (compute capability { $capability }). It has { COMMAS($built) }.
    .hint = { $advice }
gpu-unusable = The GPU can't be used
    .message = launch.gpus = { $gpus }: { $reason }.
    .hint = { $advice }
gpu-unseen = torch sees no GPU
    .message = launch.gpus = { $gpus }: torch { $torch } finds no CUDA device. { $reason }
    .hint = Run `tunedeck doctor` for details. To train without a GPU, set launch.gpus = "cpu".
gpu-unseen-by-torch = torch sees no GPU
    .message = launch.gpus = { $gpus }: the driver shows { COMMAS($gpu) }, torch { $torch } finds no CUDA device. { $reason }
    .hint = Run `tunedeck doctor` for details. To train without a GPU, set launch.gpus = "cpu".
precision-differs = The GPUs compute in different precisions
    .message = This process computes in { $own }, the first one in { $first }.
    .hint = Set model.dtype to one that all of them have, such as "float16".
