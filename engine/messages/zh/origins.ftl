# 训练运行的来源，以及开始之后的变化。

changed = 该任务的来源已改变
    .message = { LINES($changes) }
    .hint = 请恢复原样，或按现在的内容继续：`tunedeck resume { $run } --accept-changes`（在界面上按 r 会询问）。

change = { $part } { $path }：{ $how }。
part-data = 数据
part-model = 模型
part-template = 对话模板
part-adapter = 旧适配器
part-run = 划分
part-settings = 配置

unreadable = { BRIEF($error) }
model-gone = 本机已没有它
file-gone = 已不在文件之列
file-new = 是新增的文件
run-reads-otherwise = 那个任务现在以另一种方式划分或读取数据
settings-otherwise = 随机种子、划分或读取数据的方式与开始时不同
written-again = 文件被重新写入，而当时没有记下哈希，内容可能不同
other-count = 开始时 { COUNT($before, "行") }，现在 { NUMBER($now) } 行
other-rows = 行的内容与开始时不同
other-size = 开始时 { COUNT($before, "字节") }，现在 { NUMBER($now) } 字节
other-content = 与开始时不同
