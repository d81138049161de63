# 指标、对比对象与结论的名称。

accuracy = 准确率
macro-f1 = 宏平均 F1
precision = 精确率
recall = 召回率
f1 = F1
of-class = { $metric }（{ $label }）
exact-match = 完全匹配
token-f1 = 词元 F1
json-valid = 有效 JSON
json-keys = JSON 键正确
json-values = JSON 值正确
json-exact = JSON 全对
exact-number = 数值正确
chrf = chrF
bleu = BLEU
rouge-l = ROUGE-L
tool-name = 工具名正确
tool-arguments = 工具参数正确
loss = 损失
perplexity = 困惑度
bits-per-byte = 每字节比特数
user-metric = 自定义指标

base = 基座模型
few-shot = 基座（少样本）
old-adapter = 旧适配器
tuned = 微调后
mix = 混合
full = 微调模型
at-strength = 强度 { $scale }

better = 更好
worse = 更差
unclear = 无法判断
interval = { $low } 至 { $high }
secondary = { $metric }（次要）
beside = { $value }（{ $about }）
