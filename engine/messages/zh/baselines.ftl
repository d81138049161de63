# 运行与什么比较，以及评估必须说明的事项。

examples-shown = 少样本提示含 { NUMBER($most) } 个来自训练数据的示例。
examples-fewer = 少样本提示含 { NUMBER($least) } 至 { NUMBER($most) } 个来自训练数据的示例，以能放下为限。
because = 没有测量基线：{ $reason }。
answers-unwritable = 无法保存回答
    .message = { $path }：{ $reason }。
    .hint = 请释放磁盘空间或检查权限，然后恢复任务。已保存的回答不会丢失。

# 是否询问基线
no-rows = 没有以回答结尾的留出数据，因此只比较损失
only-loss = eval.metrics 为空，因此只比较损失
asked-few-shot = eval.baseline 要求询问基座模型：带示例和不带示例各一次
asked-zero-shot = eval.baseline 要求不带示例地询问基座模型
asked-none = eval.baseline = "none"：不与基座模型比较
long = 回答平均 { NUMBER($tokens) } 个词元；超过 { NUMBER($most) } 个时，仅在 eval.baseline = "few_shot" 时询问基座模型
short = 回答较短：平均 { NUMBER($tokens) } 个词元
no-examples = 没有训练数据可以作为提示词中的示例，因此没有少样本基线。
merged-base = 旧适配器已合并，因此没有询问合并前的基座。少样本结果来自合并后的模型。
on-validation = 这些数据也用于选择检查点或停止时机，因此结果略偏乐观。可用 dataset.test_rows 另留测试集。
unknown-length = 尚不知道回答的长度
