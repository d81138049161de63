# X 光界面：逐个词元查看数据。

as-tokens = 逐个词元
name = 透视
place = 透视  { $file }，第 { NUMBER($row) } 行
count = { NUMBER($at) }/{ NUMBER($count) }
count-so-far = { NUMBER($at) }/{ NUMBER($count) }（仍在读取）
starting = 正在启动……
searching = 正在查找……
working = { $what }……
search-for = 查找
search-hint = Enter 查找下一处
go-to-row = 跳转到行
go-hint = 行号，或“文件 行号”
not-yet = 本机还没有该模型
    .message = { $reason }
    .hint = 请在向导第 2 步获取模型（Ctrl+K 返回）。
no-more = 后面没有匹配项：{ $reason }。
searched = 已查找：{ $reason }。
first-row = 已是第一行。
no-number = ! 请输入该行在文件中的行号。
text = 文本
bounds = 词元
ids = ID

help = 训练掩码透视
    .about = 按训练代码的处理方式显示一行数据。损失只计算标为“训练”的词元，从回答开头到停止词元，其余为上下文。以下情况为坏行：回答被截断、停止词元未参与训练、模板拒绝该行，或正文中含有特殊词元。填充取决于同一批的其他行；此处只显示该行单独时的填充。

# 一行的去向，先用两个词，再用一句话。
title = { $file }，第 { NUMBER($row) } 行：{ $fate }
fate-trained = 参与训练
fate-heldout = 留作验证
fate-test = 测试
fate-used = 使用
fate-left-out = 排除
fate-unreadable = 无法读取
is-trained = 该行参与训练。
is-heldout = 该行留作验证：训练中用来评估，不参与训练。
is-test = 该行属于测试集：训练前后各评估一次，不参与训练。
is-used = 该行会被使用。读完所有行后，才知道它参与训练还是留作验证。
dropped-repeated = 该行被排除：它与另一行重复，由 dataset.fixes 去掉。
left-out-long = 该行过长，被排除。请调大 dataset.max_length。
left-out-long-text = 该行过长，被排除。请调大 dataset.max_length，或把 dataset.too_long 设为 split。
left-out-cut = 该行的回答会被截断，因此排除。
left-out-untrained = 该行没有可训练的内容，因此排除。
left-out-weightless = 该行的权重为 0，因此排除。
left-out-repeated = 该行与另一行重复，因此排除。
left-out = 该行被排除。{ WHOLE($reason) }
left-out-as = 该行被排除：{ $reason }。
unreadable-skipped = 该行无法读取，dataset.fixes 会跳过它。{ WHOLE($reason) }
unreadable-refused = 该行无法读取，训练不接受含有这种行的文件。{ WHOLE($reason) }
weight = 该行的权重为 { $weight }。
ended-by-size = 前 { NUMBER($rows) } 行，更多会占用过多磁盘空间
ended-by-disk = 前 { NUMBER($rows) } 行，磁盘上无法再保存更多：{ $reason }

# 哪里正确，哪里有问题。
begin-none = 没有起始词元：此模型不使用。
begin-twice = 起始词元 { $token } 连续出现两次。
begin-not-in-template = 没有起始词元：模板不写 { $token }。
begin-not-by-tokenizer = 没有起始词元：此分词器不添加 { $token }。
begin-late = 该行不以起始词元 { $token } 开头，它出现在后面。
begin-once = 以 { $token } 开头，只出现一次。
begin-often = 以 { $token } 开头，共出现 { NUMBER($count) } 次，没有连续出现。
stop-none = 没有训练任何停止词元。
stop-trained = 以停止词元 { $token } 结尾，该词元参与训练。
stop-passed = 对话一直训练到结尾，包括最后一个停止词元之后的内容。
stop-other = 最后一个参与训练的词元是 { $token }，生成不会在此停止。
whole = 没有截断：{ NUMBER($tokens) } 个词元，上限 { NUMBER($limit) }。
whole-in-pieces = { NUMBER($tokens) } 个词元分成 { NUMBER($pieces) } 段，每段最多 { NUMBER($limit) } 个。
whole-answers = 每个回答都完整，其后的 { NUMBER($cut) } 个词元被截断。
answer-too-long = 过长：最后一个回答结束于第 { NUMBER($token) } 个词元，而 max_length 为 { NUMBER($limit) }。
text-too-long = 过长：文本结束于第 { NUMBER($token) } 个词元，而 max_length 为 { NUMBER($limit) }。
cut-after = 共 { NUMBER($tokens) } 个词元，在第 { NUMBER($kept) } 个之后截断。
tokens-trained = { NUMBER($tokens) } 个词元中有 { NUMBER($trained) } 个参与训练（{ PERCENT($share) }）。
tokens-would-be = { NUMBER($tokens) } 个词元中本来有 { NUMBER($trained) } 个会参与训练（{ PERCENT($share) }）。
turn-marked = 第 { NUMBER($turn) } 条消息不参与训练，因为该行标明：{ $mark }。
all-trained = 所有词元都参与训练（train_on = all）。
not-all-trained = 虽然 train_on = all，但并非所有词元都参与训练。
turn-changed = 第 { NUMBER($turn) } 条消息没有照原文训练：缺少“{ $lost }”。
last-answer-whole = 最后一个回答完整地参与训练（train_on = last）。
answer-whole = 回答完整地参与训练（train_on = assistant）。
answers-whole = 全部 { NUMBER($answers) } 个回答都完整地参与训练（train_on = assistant）。
other-answer-whole = 另一个回答完整地参与训练（train_on = assistant）。
other-answers-whole = 其余 { NUMBER($answers) } 个回答都完整地参与训练（train_on = assistant）。
turn-unwritten = 第 { NUMBER($turn) } 轮（{ $role }）未被模板写出：模型读不到它。
specials-written = 文本中写有特殊词元，它们会变成真正的特殊词元：{ $tokens }。

# token 周围的标记，以及上方的一行。
trained = 训练
context = 上下文
special = 特殊
legend-cut = [截断：超出 max_length]
legend-padding = [填充]
cut = [截断：
padding = [填充：{ NUMBER($tokens) } x { $token }]
piece = [第 { NUMBER($piece) } 段，共 { NUMBER($pieces) } 段：{ NUMBER($tokens) } 个词元]
hidden = [还有 { NUMBER($tokens) } 个词元未显示]
own-words = [该行的原文，没有词元]
tokens-in-all = { NUMBER($tokens) } 个词元
share-trained = 训练 { NUMBER($trained) } / { NUMBER($tokens) } 个词元，{ PERCENT($share) }
pieces = { NUMBER($pieces) } 段
right = 正常：{ COMMAS($what) }
right-begin = 起始
right-stop = 停止
right-whole = 完整
right-answers = 回答
