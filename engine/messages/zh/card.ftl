# 模型卡：导出适配器时的 README.md。

what = { $base } 的 LoRA 适配器，由 tunedeck 训练。
limits = 局限
measured = 在与训练数据相似的 { NUMBER($rows) } 行上测得。除此处写明外，其他任务上的表现未测量。
use = 使用方法
seed = 随机种子
on-base = 加载 { $base } 及其上的适配器
