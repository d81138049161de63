# `tunedeck estimate` 的输出。

peak = 峰值：{ $phase }，活动张量 { GIB($bytes) }
peak-on-each = 峰值：{ $phase }，{ $gpus } 块 GPU 各有活动张量 { GIB($bytes) }
phases = 各阶段
peak-mark = 峰值
needed = 至少需要
needed-gpu = 活动张量、3% 余量和 GPU 上下文
needed-cpu = 活动张量、3% 余量和库
shown-gpu = nvidia-smi 可能显示
shown-cpu = 系统可能显示
shown-why = 释放的块会留作复用
calibrated = 校准后
calibrated-why = 本设备上 { $spread }
available = 可用
verdict = 结论：{ $verdict }。
what-helps = 可行的办法
enough-alone = * 单独就够
together = 合起来足够：{ $change }
not-even-together = 合起来也不够：请换更小的模型或更大的 GPU。
nothing-helps = 没有设置能省出足够内存：请换更小的模型或更大的 GPU。
fused-experts = 专家是融合张量，bitsandbytes 不会量化，仍为 16 位。
guessed = 不确定：模型没有给出 { COMMAS($fields) }，按类 Llama 模型的常用值处理。
experts-vary = 不确定：专家激活值的内存取决于词元在专家间的分布。
matrix-title = { $model }，{ GIB($available) } 以内，秩 { $rank }
matrix-about = 一次最多计算的词元数（含填充），按最长行的长度
longest-row = 最长行
matrix-none = -：这个长度连一行也放不下
