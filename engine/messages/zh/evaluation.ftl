# 对模型的测量：基座还是对话模型，新数据与早先适配器的关系。

reading-embeddings = 正在读取嵌入
asking-in-template = 正在用模板提一个问题
continuing-text = 正在续写纯文本
embedding-untrained = { $token } 的嵌入看来未经训练：比 { PERCENT($longer, digits: 1) } 的行都短
head-untrained = { $token } 的输出头看来未经训练：比 { PERCENT($longer, digits: 1) } 的行都短
marks-trained = { COMMAS($tokens) } 的嵌入与普通词元一样长
no-template = 没有可用来提问的模板
stopped = 用模板提问时，它作答并自行停在 { $token }
never-stopped = 用模板提问时，它在 { NUMBER($tokens) } 个词元内没有停下
loss-new-base = 正在基座模型上测量新数据
loss-old-base = 正在基座模型上测量旧数据
similarity = 正在测量数据行的相似度
loss-new-adapter = 正在用适配器测量新数据
loss-old-adapter = 正在用适配器测量旧数据
no-answer = [没有回答：提示词超过模型的 { NUMBER($positions) } 个位置]
