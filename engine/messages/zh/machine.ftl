# 为什么读不到 GPU。

no-driver = 本机没有 NVIDIA 驱动。训练使用 CPU 和内存
driver-not-loaded = NVIDIA 驱动已安装但未加载。以 root 运行 `nvidia-smi` 可能会加载
driver-replaced = NVIDIA 驱动已更新，但旧驱动仍在运行。请重启，或重新加载 nvidia 内核模块
no-permission = 当前用户无权使用 NVIDIA 驱动。请检查 /dev/nvidia* 的权限
library-silent = NVIDIA 管理库没有响应：{ $error }
no-gpu = NVIDIA 驱动在运行，但没有报告 GPU
gpus-hidden = CUDA_VISIBLE_DEVICES 隐藏了所有 GPU。训练使用 CPU
gpus-not-used = 未使用 GPU：{ $reason }。{ $advice }

# 某块 GPU 的问题。

gpu-lost = 驱动丢失了这块 GPU（已从总线脱落）。重启可恢复
gpu-silent = 驱动没有返回这块 GPU 的信息：{ $error }
mig-without-instance = 这块 GPU 处于 MIG 模式但没有实例。请创建实例，或关闭 MIG

# 指定的 GPU。

gpu-ambiguous = 有多块 GPU 叫这个名字
    .message = { $name }：{ COMMAS($found) }。
    .hint = 请指定其中之一：{ COMMAS($choice) }。
gpu-hidden = 这块 GPU 被隐藏
    .message = CUDA_VISIBLE_DEVICES 隐藏了 GPU { $name }。
    .hint = 请指定其中之一：{ COMMAS($choice) }。
all-gpus-hidden = 这块 GPU 被隐藏
    .message = CUDA_VISIBLE_DEVICES 隐藏了 GPU { $name }。
    .hint = 取消 CUDA_VISIBLE_DEVICES，或把 launch.gpus 设为 cpu。
no-such-gpu = 没有这块 GPU
    .message = { $name }。本机有：{ COMMAS($choice) }。
    .hint = 请指定其中之一：{ COMMAS($choice) }。
no-gpu-here = 没有这块 GPU
    .message = { $name }。本机没有 GPU。
    .hint = 把 launch.gpus 设为 cpu。
gpu-too-small = GPU 的显存不可能这么小
    .message = --gpu { $given }。
    .hint = 请写大小，例如 24GiB。
unknown-gpu = 不认识这种 GPU
    .message = --gpu { $given }。
    .hint = 请写显存大小，例如 24GiB。已知名称：{ COMMAS($known) }。
unknown-gpu-near = 不认识这种 GPU
    .message = --gpu { $given }。
    .hint = 请写显存大小，例如 24GiB。是否想写 { OR($near) }？

# 已安装的 torch 做不到什么，以及如何换一个。

torch-for-cpu = torch { $torch } 只支持 CPU
no-kernels = torch { $torch }（CUDA { $cuda }）没有计算能力 { $capability } 的内核
driver-too-old = torch { $torch }（CUDA { $cuda }）需要 NVIDIA 驱动 { $needed } 或更新；驱动 { $driver } 最高支持 CUDA { $runs }
install-torch = 安装 CUDA { $cuda } 版 torch：{ $command }
update-driver-then-install = 把 NVIDIA 驱动更新到 { $driver } 或更新。安装 CUDA { $cuda } 版 torch：{ $command }
update-driver = 把 NVIDIA 驱动更新到 { $driver } 或更新
update-driver-or-keep = 把 NVIDIA 驱动更新到 { $driver } 或更新。或保留现有驱动：{ $install }
