# 开始前说明运行的评估能看出什么。

rows = 评估：{ NUMBER($rows) } 行{ $part }，由 { COMMAS($who) } 作答；可看出 { NUMBER($points, digits: 1) } 个百分点以上的差异，看出 { NUMBER($wanted, digits: 0) } 个百分点需要 { NUMBER($needed) } 行
too-few = 评估：{ NUMBER($rows) } 行{ $part }，由 { COMMAS($who) } 作答；行数太少，看不出任何差异，看出 { NUMBER($wanted, digits: 0) } 个百分点需要 { NUMBER($needed) } 行
nothing = 评估：只比较损失；{ $reason }
test-rows = 测试数据
validation-rows = 验证数据
base = 基座模型
few-shot = 少样本
old-adapter = 旧适配器
tuned = 微调后
hold-out = 留出 { NUMBER($rows) } 行
answer-more = 回答 { NUMBER($rows) } 行
short = 可看出 { NUMBER($points, digits: 1) } 个百分点以上的差异（{ NUMBER($rows) } 行{ $part }）
short-too-few = 太少，看不出差异（{ NUMBER($rows) } 行{ $part }）
short-nothing = 只比较损失
