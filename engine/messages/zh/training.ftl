# 训练中的错误。

merge-unproven = 合并未通过验证
    .message = { $folder }：{ $reason }
    .hint = 没有删除任何内容。请设置 strategy.kind = "continue"，它不需要合并。
packed-rows-mix = 该模型中打包的各行会互相看见
    .message = dataset.packing：把两个短行放进同一序列后，第二行的结果不同。
    .hint = 将 dataset.packing 设为 "auto" 或 false，改用填充。
loss-not-finite = 损失不是有效数值
    .message = 第 { NUMBER($step) } 步：损失 { $loss }，梯度范数 { $norm }。这一步没有执行，保留最后一个有效的适配器。
    .hint = `tunedeck rollback --skip-rows` 跳过这一步的数据继续训练，`tunedeck rollback --lower-rate 0.5` 以一半的学习率继续。新建任务时可将 model.dtype 设为 bfloat16 或 float32。
gradient-not-finite = 梯度不是有效数值
    .message = 第 { NUMBER($step) } 步：损失 { $loss }，梯度范数 { $norm }。这一步没有执行，保留最后一个有效的适配器。
    .hint = `tunedeck rollback --skip-rows` 跳过这一步的数据继续训练，`tunedeck rollback --lower-rate 0.5` 以一半的学习率继续。新建任务时可将 model.dtype 设为 bfloat16 或 float32。
checkpoint-unwritable = 无法写入检查点
    .message = { $path }：{ $reason }。
    .hint = { $help }。此前没有检查点。
checkpoint-unwritable-again = 无法写入检查点
    .message = { $path }：{ $reason }。
    .hint = { $help }。之后运行 `tunedeck resume`，从 { $newest } 继续。
checkpoint-unreadable = 无法读取检查点
    .message = { $path }：{ $reason }。
    .hint = 删除其中的 COMPLETE 文件，即可从前一个检查点恢复。
checkpoint-of-another = 其张量不属于此次训练的适配器
adapter-unwritable = 无法写入适配器
    .message = { $path }：{ $reason }。
    .hint = 请释放空间，然后从 { $checkpoint } 复制。
run-unwritable = 无法写入任务目录
    .message = { $path }：{ $reason }。
    .hint = 请在该处释放空间。
model-not-here = 模型尚未下载
    .message = { $model }
    .hint = 下载之后才能测量训练速度。

# 哪一步是结果
by-loss = 验证损失
kept-best = 结果取第 { NUMBER($step) } 步：按{ $by }最佳（{ $best }）；最后的第 { NUMBER($last) } 步为 { $last_value }
kept-best-so-far = 结果取第 { NUMBER($step) } 步：已评估各步中按{ $by }最佳（{ $best }）；第 { NUMBER($last) } 步未评估
kept-last-best = 结果取第 { NUMBER($step) } 步：最后一步按{ $by }也是最佳（{ $best }）
kept-last = 按 eval.keep = "last"，结果取最后的第 { NUMBER($step) } 步；按{ $by }最佳的是第 { NUMBER($best_step) } 步（{ $best }）
best-unknown = 没有一次评估得到数值
    .message = 无法按{ $by }判断哪一步最佳，因此结果取最后一步。
    .hint = 请降低 train.learning_rate，或检查验证集。
best-unmeasured = 无法判断最佳的一步
    .message = 没有一次评估能测出{ $by }，也就无法提前停止：结果取最后一步。
    .hint = 将 eval.best_by 设为 loss，或设为这些数据与 eval.metric_file 能给出的指标。
best-gone = 最佳检查点不完整
    .message = checkpoint-{ $step }：{ $reason }。结果取最后的第 { NUMBER($last) } 步。
worse-than-base = 训练使模型变差
    .message = 按{ $by }，训练前为 { $before }，训练后最好为 { $best }（第 { NUMBER($step) } 步，即结果）。
    .hint = 请直接使用基座模型，或降低 train.learning_rate 后重新训练。
worse-than-adapter = 训练使模型变差
    .message = 按{ $by }，以前的模型为 { $before }，本次最好为 { $best }（第 { NUMBER($step) } 步，即结果）。
    .hint = 请保留旧适配器，或降低 train.learning_rate 后重新训练。
