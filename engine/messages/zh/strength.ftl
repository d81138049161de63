# 适配器的强度：在若干比例下测量，并保留其中一个。

no-scale = 强度无效
    .message = 适配器的强度须大于 0 且不超过 { SETTING($most) }，不能是 { SETTING($scale) }。强度为 0 就是基座模型。
    .hint = 请给出如 0.75 这样的数。1 是完整强度。
not-scalable = 该适配器无法减弱
    .message = { $folder }：{ $reason }。
    .hint = 请改用更低的学习率、更少的步数或更多回放来训练。
dora = 它是 DoRA，幅值也经过训练，按比例缩放并不落在基座与微调结果之间
changed-base = 它用 { $init } 初始化，更新的起点已从基座模型中扣除
no-alpha = lora_alpha 不是数字
unwritable = 无法写入强度
    .message = { $path }：{ $reason }。适配器保持原样。
    .hint = 请腾出空间或使文件夹可写，然后重试。
modules-stay = { LIST($modules) } 是整体保存的，在任何强度下都完全生效
tokens-stay = { NUMBER($tokens) } 个经过训练的词元在任何强度下都完全生效
biases-stay = 经过训练的偏置（{ $bias }）在任何强度下都完全生效
