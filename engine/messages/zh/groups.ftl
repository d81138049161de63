# 种子组：同一份配置依次训练 N 次。

wrong-count = 种子数量超出范围
    .message = --seeds { $seeds }
    .hint = 请给出 2 到 { $most } 之间的数。
not-running = 该组没有在进行
    .message = { $group }
    .hint = `tunedeck resume { $group }` 会训练尚缺的运行。
already-running = 该组已在进行
    .message = { $group }
    .hint = 用 `tunedeck stop { $group }` 停止它。
all-finished = 该组的所有运行都已完成
    .message = { $group }
    .hint = 用 `tunedeck compare { $group }` 查看。
disk = { BYTES($bytes) }（{ $seeds } 次运行）
failed = { $count } 次运行中 { $failed } 次失败
missing = { $count } 次运行中尚缺 { $missing } 次
