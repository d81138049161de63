# 开始前说明运行的评估能看出什么。

rows = { NUMBER($rows) } 行{ $part }（由{ LIST($who) }作答）能看出 { NUMBER($points, digits: 1) } 个百分点的差异；要看出 { NUMBER($wanted, digits: 0) } 个百分点，需要 { NUMBER($needed) } 行
too-few = { NUMBER($rows) } 行{ $part }（由{ LIST($who) }作答）太少，看不出任何差异；要看出 { NUMBER($wanted, digits: 0) } 个百分点，需要 { NUMBER($needed) } 行
nothing = 只比较损失；{ $reason }
test-rows = 测试集数据
validation-rows = 验证集数据
base = 基座模型
few-shot = 少样本
old-adapter = 旧适配器
tuned = 微调后
hold-out = 留出 { NUMBER($rows) } 行
answer-more = 回答 { NUMBER($rows) } 行
short = { NUMBER($rows) } 行{ $part }能看出 { NUMBER($points, digits: 1) } 个百分点的差异；要看出 { NUMBER($wanted, digits: 0) } 个百分点，需要 { NUMBER($needed) } 行
short-too-few = { NUMBER($rows) } 行{ $part }太少，看不出任何差异；要看出 { NUMBER($wanted, digits: 0) } 个百分点，需要 { NUMBER($needed) } 行
short-nothing = 只比较损失
