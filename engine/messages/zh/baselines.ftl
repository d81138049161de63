# 运行与什么比较，以及评估必须说明的事项。

examples-shown = 少样本提示含 { NUMBER($least) } 到 { NUMBER($most) } 个来自训练数据的示例
answers-unwritable = 无法保存回答
    .message = { $path }：{ $reason }。
    .hint = 请释放磁盘空间或检查权限，然后恢复运行。已保存的回答不会丢失。
