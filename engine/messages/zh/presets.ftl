# 预设的名称和说明；英文在 presets/ 中。

continued-pretraining = 在纯文本上继续预训练
    .description = 文档的每个词元都参与训练，长文档会被切分。秩比问答更高，学习率更低。
demo = 演示：订单转 JSON
    .description = 一个 135M 模型在几分钟内学会用一行 JSON 回答订单。460 行训练，100 行测试。
first-steps = 入门：LoRA
    .description = 适合第一次用问答数据微调的设置。需要放得下 16 位模型，再多一点。
qlora = QLoRA：小显存训练较大的模型
    .description = 基座权重量化为 4 位（NF4）：显存约为四分之一，精度和速度略有损失。
