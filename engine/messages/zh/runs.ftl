# 运行：状态、文件夹与进程的问题，以及如何控制。

created = 已创建
starting = 启动中
running = 运行中
paused = 已暂停
stopping = 停止中
finished = 已完成
stopped = 已停止
failed = 失败
crashed = 崩溃
damaged = 已损坏
stop = 停止
save = 保存
pause = 暂停
resume = 恢复
sample = 生成样例
set = 更改设置
rollback = 回滚

# 进程结束的原因
killed-for-ram = 内存（RAM）不足，被系统终止
killed = 进程被终止（{ $signal }）
exit-code = 进程退出，代码 { $code }
exit-signal = 被信号 { $signal } 终止
gone = 进程已不在且没有留下信息；可能被终止，或机器已重启
gone-after = 进程已不在；可能被终止，或机器已重启。日志的最后一行：{ $last }
unreadable = 无法读取文件：{ $kind }：{ $words }
damaged-file = { $file }：{ $why }

# 使运行结束的错误
out-of-ram = 内存（RAM）不足
    .hint = 请降低 dataset.max_length 或 train.micro_batch_tokens。
unexpected = 训练意外结束
    .message = { $kind }：{ $words }
    .hint = 详情见任务目录中的 { $log }。
out-of-memory = 内存不足：{ $phase }
    .message = { $cause }。
    .hint = { $help }
out-of-memory-row = 单行数据也内存不足
    .message = { $cause }。
    .hint = { $help }
out-of-memory-held-out = 单行留出数据也内存不足
    .message = { $cause }。
    .hint = { $help }
out-of-memory-answer = 生成单个回答也内存不足
    .message = { $cause }。
    .hint = { $help }
out-of-memory-states = 内存不足以存放优化器状态
    .message = { $cause }。
    .hint = { $help }
model-beyond-gpu = GPU 放不下此模型
    .message = { $cause }。
    .hint = { $help }
model-beyond-ram = 内存（RAM）放不下此模型
    .message = { $cause }。
    .hint = { $help }
memory-to-load = 请使用 model.quantization = "nf4"、更小的模型，或无人使用的 GPU。
memory-last-resort = 请降低 dataset.max_length，或设置 train.gradient_checkpointing = true 或 model.quantization = "nf4"。
memory-remedies = 可行的办法：{ COMMAS($changes) }。
memory-shorten = 请降低 dataset.max_length。
process-lost = 任务的一个进程已结束
    .message = { $process }：{ $how }。
    .hint = { $again }
process-lost-because = 任务的一个进程已结束
    .message = { $process }：{ $how }。{ BRIEF($reason) }
    .hint = { $again }
process-of = 第 { $number } 个进程（共 { $count } 个）
process-on = { $device } 上的{ $process }
process-killed-for-ram = 内存不足，被系统终止
resume-continues = `tunedeck resume` 从最近的检查点恢复。
resume-restarts = `tunedeck resume` 重新开始。

# 检查点
no-whole-checkpoint = 该任务的检查点全部损坏
    .message = { LINES($damage) }
    .hint = `tunedeck run { $config }` 从头开始。
damaged-checkpoint = { $checkpoint }：{ $reason }
file-gone = { $file } 已不在
file-size = { $file } 有 { NUMBER($bytes) } 字节，应为 { NUMBER($written) }
file-changed = { $file } 与写入时不同
checkpoint-unreadable = 无法读取（{ $reason }）
checkpoint-step = { $file } 记录的是第 { $step } 步
checkpoint-not-renamed = 无法重命名损坏的检查点
    .message = { $path }：{ $reason }
    .hint = 请修正该文件夹的权限。

# 文件夹、锁与命令
cannot-create = 无法写入任务目录
    .message = { $path }：{ $reason }
    .hint = 请释放空间、修正权限，或将 TUNEDECK_HOME 设为其他文件夹。
lock-unwritable = 无法写入任务目录
    .message = { $path }：{ $reason }
    .hint = 请释放空间，或修正该文件夹的权限。
events-unwritable = 无法写入任务日志
    .message = { $path }：{ $reason }
    .hint = 请修正该文件夹的权限。
command-unwritable = 无法写入命令
    .message = { $path }：{ $reason }
    .hint = 请释放空间，或修正该文件夹的权限。
runner-not-started = 无法启动训练进程
    .message = { $path }：{ $reason }
    .hint = 请检查该文件夹的剩余空间和权限。
cannot-delete = 无法删除该任务
    .message = { $path }：{ $reason }
    .hint = 请修正该文件夹的权限。
running-not-deleted = 该任务正在进行
    .message = { $run }
    .hint = 请先停止，然后再删除。
locked = 该任务已在进行
    .message = { $run }：进程 { $process } 持有其锁。
    .hint = 用 `tunedeck attach { $run }` 查看，或先停止它。
already-running = 该任务已在进行
    .message = { $run }
    .hint = 用 `tunedeck attach { $run }` 查看。
not-running = 该任务没有在进行
    .message = { $run }
    .hint = { $way }
run-finished = 该任务已完成
    .message = { $run }
    .hint = { $way }
no-checkpoint = 该任务没有完整的检查点
    .message = { $run }
    .hint = { $way }
way-adapter = 适配器在 { $path }。
way-restart = `tunedeck run { $config }` 从头开始。
way-begin = `tunedeck resume { $run }` 会从头开始。
way-resume = `tunedeck resume { $run }` 从最近的检查点恢复。
files-damaged = 该任务的文件已损坏
    .message = { $path }：{ $reason }。
run-crashed = 任务已崩溃
    .message = { $reason }。
    .hint = { $way }
never-started = 该任务从未启动
    .message = { $run }
    .hint = `tunedeck run { $config }` 可启动它。
ambiguous = 有多个匹配的任务
    .message = { $name }：{ COMMAS($runs) }
    .hint = 请给出更长的 ID。
no-such-run = 没有该任务
    .message = { $name }
    .hint = `tunedeck runs` 可列出所有任务。
no-runs-yet = 没有该任务
    .message = { $name }
    .hint = 还没有任何任务，`tunedeck demo` 可创建一个。
nothing-running = 没有正在进行的任务
    .hint = `tunedeck runs` 可列出所有任务。
several-running = 有多个正在进行的任务
    .message = { COMMAS($runs) }
    .hint = 请指定其中一个。
no-answer = 任务尚未答复
    .message = { $run }
    .hint = 可能正处在较长的一步，完成后会执行命令。
ended-unanswered = 任务在答复前已结束
    .message = { $run }
    .hint = `tunedeck status { $run }` 可查看原因。
refused = 任务拒绝了命令
    .message = { $run }，{ $command }：{ $reason }。
still-stopping = 任务仍在停止
    .message = { $run }
    .hint = `tunedeck status { $run }` 可查看进度。
not-stopped-cleanly = 任务没有正常停止
    .message = { $run }：{ $state }
    .hint = 请查看 { $log }。
not-resumed = 无法恢复任务
    .message = { $run }：{ BRIEF($reason) }
    .hint = 请查看 { $log }。
log-unreadable = 无法读取日志
    .message = { $path }：{ $reason }
ends-at-logout = 注销时，此主机会结束当前用户的所有进程。请在 tmux 或 screen 中工作，或申请 `loginctl enable-linger`，否则断开连接后训练会结束。

# 运行列表的排序
order-newest = 最新在前
order-name = 按名称
order-state = 按状态
order-metric = 指标最好在前
order-loss = 损失最低在前

# 列表中运行的结果
result = { $metric } { $value }（n = { $rows }）
result-against = { $metric } { $value }，与{ $against }相比：{ $verdict }（n = { $rows }）
range = { $low } 至 { $high }
seeds-result = { $metric } { $value }（{ $range }，{ $seeds } 个种子，n = { $rows }）
seeds-result-against = { $metric } { $value }（{ $range }，{ $seeds } 个种子），与{ $against }相比：{ $verdict }（n = { $rows }）
