# 向导第 4 步：数据。

add = 添加文件
add-hint = 输入路径后按 Enter
browse = F3 浏览
complete = 右方向键：{ $name }
format = 格式
strategy-skipped = 已跳过“策略”：没有已训练的适配器。Ctrl+K 打开。
eval-share = 验证集比例
eval-rows = 验证集行数
listed-already = 该文件已在列表中。
no-file = 请至少添加一个文件。
    .hint = F3 可浏览。
no-new-file = 请至少添加一个包含新数据的文件。
    .hint = F3 可浏览。
unusable = 该文件无法使用。
    .hint = 请修正文件，或按 Delete 从列表中移除。
reading = 正在读取……
not-readable = ! { $title }
summary = { $format }，{ NUMBER($rows) } 行，{ BYTES($size) }
summary-about = { $format }，约 { NUMBER($rows) } 行，{ BYTES($size) }
accepted = JSON、JSONL、CSV、parquet 或文本。内容可为问答、对话或文档。
map-columns = ! { BRIEF($reason) }。按 F2 指定各列的含义。
read-as-set = 按 { $format } 读取（已指定）：{ $evidence }
read-as = 按 { $format } 读取（把握 { PERCENT($confidence) }）：{ $evidence }
read-as-unsure = 按 { $format } 读取（把握 { PERCENT($confidence) }；不对？按 F2 指定各列）：{ $evidence }
error = ! { WHOLE($reason) }
forms =
    以下形式均可：
    
    问答    { "{" }"instruction": "...", "output": "..."{ "}" }
    对话    { "{" }"messages": [{ "{" }"role": "user", ...{ "}" }]{ "}" }
    表格    CSV 或 parquet，列名如 question、answer
    文档    { "{" }"text": "..."{ "}" } 或文本文件
    文件夹  其中的所有数据文件
first-rows = 前几行在模型眼中的样子；F6 逐个词元查看
rows-beside = 前几行在模型眼中的样子
text-row = 文本
role-share = { $role } { PERCENT($share) }
by-continue = { $role }，因继续训练
no-replay = ! 未混入旧数据：模型可能遗忘。
compare = 按 F9 将新数据与适配器的训练数据比较。
fatal = { $what }
    .hint = 按 F5 查看这些行和处理办法。
