# 向导第 6 步：确认、数据检查、时间与磁盘。

without-screen = 无界面运行：tunedeck run FILE（按 F6 保存该文件）
saved = 已保存。无界面运行：{ $command }
save-as = 配置另存为
save-hint = 回车保存，Esc 取消
name-taken = 已有同名文件，请换一个名称。
not-saved = 无法保存：{ $reason }。
waits = 数据检查完成后开始训练。按 Ctrl+X 停止检查，之后“开始”不再等待。
risk-title = 放不下也要开始吗？
risk = { $verdict }显存不足时，训练会把微批减半后继续；若仍不够，则停止并说明解决办法。
risk-yes = 开始
risk-no = 暂不
not-risked = 未开始。F7 列出能放得下的改动。
not-started = 未开始。{ $reason }
warning = ! { $what }
remedy = { "  " }[{ $number }：{ $remedy }]
remedy-changes = { $remedy }；F7 查看
what-helps = F7 显示解决办法。
applied = { $field }：{ $remedy }。

not-checked = 数据尚未检查；按 F5 检查。
check-starting = 检查数据：正在启动……  Ctrl+X 停止
check-progress = 检查数据：{ $what }  Ctrl+X 停止
check-cancelled = 已取消检查；按 F5 重新检查。
check-refused = 数据未检查：{ $reason }
rows = 共 { NUMBER($rows) } 行：训练 { NUMBER($train) } 行，留出 { NUMBER($held) } 行
tokens = 每行词元：平均 { NUMBER($mean) }，最长 { NUMBER($longest) }；训练 { PERCENT($trained) }
tokens-padding = 每行词元：平均 { NUMBER($mean) }，最长 { NUMBER($longest) }；训练 { PERCENT($trained) }，填充 { PERCENT($padding) }
first-row = 第一行参与训练的部分：{ $text }
error = ! { WHOLE($reason) }

time = 时间  { $what }
time-origin = 时间  { $what }，{ $origin }
time-measure = { $line }；按 F8 实测
time-unknown = 时间  未知；按 F8 实测
measure-starting = 正在启动三个训练步……
measuring = 时间  正在实测：{ $what }  Ctrl+X 停止
measure-cancelled = 已取消实测。
not-measured = 未实测：{ $reason }
disk = 磁盘  { BYTES($bytes) }：{ NUMBER($checkpoints) } 个检查点和适配器
disk-free = 磁盘  { BYTES($bytes) }，可用 { BYTES($free) }：{ NUMBER($checkpoints) } 个检查点和适配器
disk-later = { $line }；{ $later }
seeds = 种子  依次训练 { NUMBER($runs) } 个任务，每个都需要以上时间和空间
seeds-take = 种子  依次训练 { NUMBER($runs) } 个任务，共约 { ABOUT($time) }、{ BYTES($bytes) }
seeds-about = 用这些设置依次训练几个任务，每个使用不同的种子。
evaluation = 结果  { $what }
