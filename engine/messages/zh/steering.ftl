# 训练出现异常：损失突增，以及人工的处理。

# 运行过程
spike = 第 { NUMBER($step) } 步损失突增：{ LOSS($loss) }，此前约为 { LOSS($expected) }
not-finite = 第 { NUMBER($step) } 步的结果不是有限数值：损失 { $loss }，梯度范数 { $norm }
rate-lowered = 从第 { NUMBER($step) } 步起学习率 x{ $factor }（累计 x{ $scale }）
rolled-back = 已回滚到第 { NUMBER($step) } 步；作废 { NUMBER($steps) } 步
rate-from-there = 此后学习率 x{ $factor }
rows-skipped = 此后跳过 { NUMBER($rows) } 行（第 { COMMAS($steps) } 步的数据）
undone-rate = 已撤销：第 { NUMBER($step) } 步之后学习率 x{ $factor }
undone-replay = 已撤销：第 { NUMBER($step) } 步之后回放 { PERCENT($share) }
step-skipped = 第 { NUMBER($step) } 步不训练：它的数据已全部跳过
dropped-skipped = { NUMBER($rows) } 行被手动跳过
replay-without = { $source }：该任务跳过的 { NUMBER($rows) } 行不参与训练
going-back = 正在加载检查点
done = { COMMAS($what) }

# 错误
no-factor = 学习率的倍数无效
    .message = { $given } 不在 0 和 1 之间。
    .hint = 请给出 0 至 1 之间的数，例如 0.5 表示减半。
no-step = 回滚的步数无效
    .message = { $given } 不是步数。
    .hint = 请给出某个检查点的步数；0 表示从头开始。
no-such-checkpoint = 第 { NUMBER($step) } 步没有完整的检查点
    .message = { $run } 可以回滚到第 { OR($there) } 步。
    .hint = 用 --to 指定其中之一。
no-spike = 没有可跳过的数据
    .message = { $run } 在第 { NUMBER($step) } 步之后没有已知数据的损失突增。
    .hint = 去掉 --skip-rows，或用 --to 回滚到更早的步。
not-after-end = 任务已经完成
    .message = { $run } 已训练到结束，没有可以回滚的内容。
    .hint = 换一组设置重新训练：`tunedeck run { $config }`。
child-trains = 有任务正以此适配器为起点训练
    .message = { COMMAS($runs) } 从 { $run } 的适配器开始，目前正在训练。回滚之后，{ $run } 会得到另一个适配器。
    .hint = 请等它结束，或加上 --accept-changes 仍然回滚。

# 命令
child-at-work = 正以其目前的适配器为起点训练：{ COMMAS($runs) }。该任务的来源将不复存在。
children = 由其目前的适配器得到：{ COMMAS($runs) }。它们的来源将不复存在，届时来历中会注明。
checkpoints-kept = 作废步骤的检查点改名为 *.abandoned，保留到下一次回滚。
resumes = 任务 { $run } 从第 { NUMBER($step) } 步继续训练。

# 结果旁注明对任务做过的处理
told-rollbacks = 回滚 { NUMBER($times) } 次（作废 { NUMBER($steps) } 步）
told-skipped = 跳过 { NUMBER($rows) } 行
told-rate = 最终学习率 x{ $scale }
done-title = 人工干预

# tunedeck status
status = 人工干预：
status-spikes = 突增的步：

# 监视器
panel = 第 { NUMBER($step) } 步损失突增
panel-not-finite = 第 { NUMBER($step) } 步的结果不是有限数值
figures = 损失 { LOSS($loss) }，此前约为 { LOSS($expected) }；梯度范数 { NUMBER($norm) }；学习率 { RATE($rate) }
held = 这一步有 { NUMBER($rows) } 行数据，损失最高的在前：
row = { $source } 第 { $row } 行，{ NUMBER($tokens) } 个词元，损失 { LOSS($loss) }
actions = K 跳过这些数据   h 学习率减半   z 回滚   ! 关闭
actions-watched = ! 关闭
key-spike = 突增
    .help = 显示或关闭最近一次损失突增的面板：那一步的数据，以及可以采取的处理。
key-skip = 跳过数据
    .help = 回到突增之前的检查点，不再用那一步的数据训练。
key-lower = 学习率减半
    .help = 将剩余所有步的学习率减半。
key-back = 回滚
    .help = 回到最后一个检查点（有损失突增时回到突增之前），并继续训练。
ask-skip = 跳过这一步的数据？
ask-lower = 学习率减半？
ask-back = 回滚到第 { NUMBER($step) } 步？
abandons = 回到第 { NUMBER($step) } 步，作废 { NUMBER($steps) } 步，它们仍保留在日志中。
skips = 不再用其中 { NUMBER($rows) } 行训练。
lowers = 从下一步起，学习率调度整体乘以 { $factor }。
rollback-asked = 已请求回滚。
rate-asked = 已请求降低学习率。
abandoned = 已作废
