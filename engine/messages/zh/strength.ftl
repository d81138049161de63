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
measuring = 正在测量强度 { SETTING($scale) } 下的损失
measuring-loss = 正在测量损失
is-kept-at = 适配器目前保留在强度 { SETTING($scale) }。此处的强度都相对于完整强度。
bad-scales = 强度无效
    .message = { LIST($scales) }：请给出至多 { NUMBER($count) } 个 0 到 { SETTING($most) } 之间的数。
    .hint = 例如 --scales 0,0.5,0.75,1。
no-numbers = 强度须为数字
    .message = { $given } 不是数字列表。
    .hint = 例如 --scales 0,0.5,0.75,1。
no-result = 还没有可减弱的适配器
    .message = { $run } 的 adapter/ 中还没有结果。检查点保持原样，以便从中恢复。
    .hint = 请等它完成，或用 tunedeck stop { $run } 停止它：停止的任务也有结果。

column-strength = 强度
column-task-loss = 任务损失（n = { NUMBER($rows) }）
column-task-loss-short = 任务损失
column-general = 通用文本损失（n = { NUMBER($rows) }）
column-general-short = 通用文本损失
column-rise = 与基座之差
by-strength = 随强度变化
kept = 已保留
suggested = 建议
is-base = 基座
unmeasured = 尚未测完所有强度。
keep-full = 请保留完整强度：没有更弱的强度既能同样完成任务又遗忘更少。{ NUMBER($general) } 段通用文本的损失与基座之差：{ $rise }。
too-few-rows = 仅凭 { NUMBER($rows) } 行无法判断更弱的强度能否同样完成任务：请至少用 { NUMBER($least) } 行测量，在此之前请保留完整强度。{ NUMBER($general) } 段通用文本的损失与基座之差：{ $rise }。
weaker-does = 强度 { SETTING($scale) } 能同样完成任务且遗忘更少：{ NUMBER($general) } 段通用文本的损失与基座之差为 { $less }，完整强度时为 { $rise }。
how-to-keep = 保留它：tunedeck strength { $run } --keep { SETTING($scale) }
kept-at = 适配器现在以强度 { SETTING($scale) } 生效，PEFT 加载时也是如此。完整强度保存在 { $full }；用 --keep 1 恢复。
full-again = 适配器以完整强度生效，与训练结果一致。

suggestion = 测量结果
scales = 各个强度
title = 强度
help = 适配器用多少
    .about = 适配器的更新可以缩放：0 是基座模型，1 是训练所得的适配器。较低的强度往往遗忘更少，任务表现却一样好。条形显示每个强度的任务表现（越长越好）和通用文本损失（越短越好）。保留一个强度会把 lora_alpha 写入保存的适配器，PEFT 加载时即以该强度生效；完整强度保留在旁边。
at = 当前强度 { SETTING($scale) }
not-measured = 尚未测量。测量会在六个强度下回答留出行并阅读通用文本；只测损失则快得多。
keep-title = 保留强度 { SETTING($scale) }？
keep-about = 保存的适配器此后以该强度生效，PEFT 在任何地方加载都是如此。完整强度的配置保留在旁边；保留 1 即可恢复。
keep-full-about = 保存的适配器恢复为训练所得的强度。
key-measure = 测量
    .help = 在六个强度下回答留出行并阅读通用文本。
key-losses = 只测损失
    .help = 只测损失，不生成回答：快得多。
key-keep = 保留
    .help = 把光标所在的强度写入保存的适配器。
about = { $metric } { $interval }（95%），任务损失 { $loss }；{ NUMBER($rows) } 行，{ NUMBER($general) } 段通用文本
about-losses = 任务 { NUMBER($rows) } 行，通用文本 { NUMBER($general) } 段
nothing-lost = 请保留完整强度：在 { NUMBER($general) } 段通用文本上没有损失。与基座之差：{ $rise }。
acts-at = 适配器保留在强度 { SETTING($scale) }，按该强度测量。
