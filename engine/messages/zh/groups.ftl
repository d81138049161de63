# 种子组：同一份配置依次训练 N 次。

wrong-count = 种子数量超出范围
    .message = --seeds { $seeds }
    .hint = 请给出 2 至 { $most } 之间的数。
not-running = 该组没有在进行
    .message = { $group }
    .hint = `tunedeck resume { $group }` 会训练尚缺的任务。
already-running = 该组已在进行
    .message = { $group }
    .hint = 用 `tunedeck stop { $group }` 停止它。
all-finished = 该组的所有任务都已完成
    .message = { $group }
    .hint = 用 `tunedeck compare { $group }` 查看。
disk = { BYTES($bytes) }（{ $seeds } 个任务）
failed = { $count } 个任务中 { $failed } 个失败
missing = { $count } 个任务中尚缺 { $missing } 个
