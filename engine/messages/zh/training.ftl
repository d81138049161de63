# 训练中的错误。

merge-unproven = 合并未通过验证
    .message = { $folder }：{ $reason }
    .hint = 没有删除任何内容。请设置 strategy.kind = "continue"，它不需要合并。
packed-rows-mix = 该模型中打包的各行会互相看见
    .message = dataset.packing：把两个短行放进同一序列后，第二行的结果不同。
    .hint = 将 dataset.packing 设为 "auto" 或 false，改用填充。
loss-not-finite = 损失不是有效数值
    .message = 第 { NUMBER($step) } 步：损失 { $loss }，梯度范数 { $norm }。这一步没有执行，保留最后一个有效的适配器。
    .hint = 请降低 train.learning_rate，将 model.dtype 设为 bfloat16 或 float32，或检查这一步的数据行。
gradient-not-finite = 梯度不是有效数值
    .message = 第 { NUMBER($step) } 步：损失 { $loss }，梯度范数 { $norm }。这一步没有执行，保留最后一个有效的适配器。
    .hint = 请降低 train.learning_rate，将 model.dtype 设为 bfloat16 或 float32，或检查这一步的数据行。
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
run-unwritable = 无法写入训练目录
    .message = { $path }：{ $reason }。
    .hint = 请在该处释放空间。
model-not-here = 模型尚未下载
    .message = { $model }
    .hint = 下载之后才能测量训练速度。
