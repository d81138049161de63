# X 光界面：逐个词元查看数据。

name = X 光
place = X 光  { $file }，第 { NUMBER($row) } 行
count = { NUMBER($at) }/{ NUMBER($count) }
count-so-far = { NUMBER($at) }/{ NUMBER($count) }（仍在读取）
starting = 正在启动……
searching = 正在查找……
working = { $what }……
search-for = 查找
search-hint = 回车查找下一处
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

help = 训练掩码 X 光
    .about = 按训练代码的处理方式显示一行数据。损失只计算标为“训练”的词元，从回答开头到停止词元，其余为上下文。以下情况为坏行：回答被截断、停止词元未参与训练、模板拒绝该行，或正文中含有特殊词元。填充取决于同一批的其他行；此处只显示该行单独时的填充。
