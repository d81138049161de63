# 种子组相关命令的输出：run --seeds、stop、resume。

created = 组 { $group }，共 { $count } 个任务，依次进行
detached = 正在后台进行。`tunedeck runs` 列出其中的任务，`tunedeck stop { $group }` 结束该组。
run-of = 第 { $number } 个任务（共 { $count } 个）：{ $run }
of-run = { $run }：
stopping = 正在停止该组：当前任务保存检查点后停止，之后的不再开始。
left = 已离开，它会自行停止。`tunedeck resume { $group }` 会训练尚缺的任务。
not-begun = 还有 { $count } 个任务没有开始。`tunedeck resume { $group }` 会训练尚缺的任务。
stopped = 已停止。尚缺 { $count } 个任务：`tunedeck resume { $group }` 会继续训练它们。
goes-on = 组 { $group } 继续：还有 { $count } 个任务要训练
next-starts = 该组的下一个种子现在开始。`tunedeck stop { $group }` 会停止整个组。
