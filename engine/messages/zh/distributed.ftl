# 在哪里计算。

gpu-hidden = 该 GPU 被隐藏
    .message = CUDA_VISIBLE_DEVICES={ $allowed } 中没有 { $gpu }，驱动也没有响应。
    .hint = 请按 CUDA_VISIBLE_DEVICES 中的写法指定 GPU，或取消该环境变量。
no-kernels = 当前 torch 无法使用该 GPU
    .message = torch { $torch } 没有适用于 { $gpu }（计算能力 { $capability }）的内核，只有 { COMMAS($built) }。
    .hint = { $advice }
gpu-unusable = 无法使用该 GPU
    .message = launch.gpus = { $gpus }：{ $reason }。
    .hint = { $advice }
gpu-unseen = torch 找不到 GPU
    .message = launch.gpus = { $gpus }：torch { $torch } 没有找到 CUDA 设备。{ $reason }
    .hint = 运行 `tunedeck doctor` 查看详情。若不用 GPU 训练，请设置 launch.gpus = "cpu"。
gpu-unseen-by-torch = torch 找不到 GPU
    .message = launch.gpus = { $gpus }：驱动显示 { COMMAS($gpu) }，但 torch { $torch } 没有找到 CUDA 设备。{ $reason }
    .hint = 运行 `tunedeck doctor` 查看详情。若不用 GPU 训练，请设置 launch.gpus = "cpu"。
precision-differs = 各 GPU 的计算精度不同
    .message = 此进程使用 { $own }，第一个进程使用 { $first }。
    .hint = 请将 model.dtype 设为所有 GPU 都支持的类型，例如 "float16"。
