# 应用一项办法会做什么，以及为什么不能应用。

sets = { $field } = { $value }
new-run = 无法从检查点继续，因此从头开始新任务
run-kept = 该任务保持原样
resumes = 从 { $checkpoint } 继续训练
optimizer-anew = 优化器状态重新开始
restarts = 没有检查点，训练从头开始
config-kept = 现有配置保存为 { $file }
running = 该任务正在进行
    .message = { $run }。
    .hint = 请先停止它，或等它结束。
config-not-written = 无法改写配置
    .message = { $path }：{ $reason }。
    .hint = 腾出空间，或修正该文件夹的权限。
gpu-taken = 该 GPU 仍被占用
    .message = 空闲 { GIB($free) }，需要 { GIB($needed) }。占用者：{ LIST($others) }。
    .hint = 没有启动任何任务。请稍后再试，或换一种办法。
unknown-processes = 从这里看不到的进程
not-needed = 不需要处理
    .message = { $run } 并不是因内存不足而结束的。
    .hint = 不带 --remedy 的 `tunedeck resume` 可以继续它。
no-such = 没有这个办法
    .message = { $run }：{ $number }。共有 { $count } 个。
    .hint = `tunedeck status { $run }` 会列出它们。
