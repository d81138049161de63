# 纯文本模式：逐行提问和回答，适合读屏软件、慢速线路和哑终端。

# 提问
option = { $title }：{ $about }
refused = 不可选：{ $reason }
field = { $label }（{ $name }）
hinted = { $title }  { $hint }
sentence = { $words }。
locked = { $field } 已锁定：取自适配器。
commands = 还可输入：{ COMMAS($words) }
keys = 直接回车采用方括号里的答案。b 返回上一问，? 查看说明，q 离开。
empty = 输入一个连字符（-）可清空该字段。
allowed = 无法识别。请输入{ OR($words) }。
allowed-number = 1 至 { NUMBER($most) } 的编号
allowed-text = 文字
allowed-enter = 直接回车
working = { $what }……  按 Ctrl+C 停止
cancelled = 已停止。
detail = { $label }：{ $words }
value = { $name } = { $value }（{ $source }）

# 各步骤
step = 第 { $at } 步，共 { $all } 步：{ $title }
strategy-skipped = 策略：训练新的适配器，因为本机的任务还没有产生适配器。要使用别处的适配器，请按 b。
demo-at-review = 演示：输入 s 即开始训练，需要几分钟，每个阶段开始时都会说明。
from-config = 已按 { $path } 填好。输入 s 开始训练，b 可逐步返回。
about-adapter = { $found }请输入编号，或其他适配器的文件夹。
consequence = { CLAUSES($parts) }
draft-kept = 已填写的内容保存在 { $path }。按 n 继续填写。
about-model = 输入编号、文件夹或 Hub 名称；本机没有的会下载。
comparing = 比对权重：{ BYTES($done) } / { BYTES($total) }
way = 如何使用这个适配器？
about-way = ? 可查看各种方式的详细比较。
toggle-replay = 开启或关闭回放
replay-on = 已混入旧数据，以减轻灾难性遗忘。
replay-off = 未混入旧数据。

# 数据
about-files = 再输入一个路径，或输入编号更改该文件的读取方式。回车继续。
list-files = [文件夹] 列出数据文件
remove-file = N 移除第 N 个文件
which-file = 哪个文件？请加上编号，1 至 { NUMBER($most) }。
first-row = 模型将看到的第一行：
no-files = 这里没有数据文件，也没有文件夹。
no-more = 其余保持不变
no-column = 无
needed = 必填。
column = { $name } 对应的列
share-of = { $file } 的比例
finding = { $level }：{ $what }（{ NUMBER($of) } 行中有 { NUMBER($count) } 行）
remedy = 要采用修正办法吗？
about-remedy = 只改变数据的读取方式，不改动您的文件。
no-remedy = 不采用
applied = 已采用：{ $what }

unusable = 该文件无法使用。
    .hint = 请修正文件，或输入 x 加编号从列表中移除。

# 设置
about-preset = 预设是稳妥的起点，每次只改一处。
which-field = 要更改哪个字段？
about-fields = 输入字段名，例如 train.learning_rate。回车继续。
no-such-field = 没有字段 { $name }。全部名称见上面的列表。

# 确认
about-start = 输入 s 开始训练；离开后训练会继续。
all-values = 全部取值
about-fit = 最有效的改动排在最前；每项都可在“设置”一步改回。
saves = 节省 { GIB($bytes) }，慢 { PERCENT($slower) }

# 任务
following = 正在跟随 { $run }。输入 q 并回车可离开，训练继续。p 暂停，r 继续，s 保存，g 采样，x 停止。
monitor-keys = 请输入 q、p、r、s、g 或 x，然后回车。
what-now = 接下来：`tunedeck chat { $run }`、`tunedeck report { $run }`、`tunedeck export { $run }`。

# 主页
home = 要做什么？
more-verbs = 输入编号打开对应的任务。其余命令见 `tunedeck --help`：chat、evaluate、export、compare。
list = 列出任务
run = { $name }：{ CLAUSES($parts) }
steps = { $steps } 步
loss = 损失 { NUMBER($loss) }
no-runs = 还没有任务。输入 d 运行三分钟演示，n 新建自己的训练。
more-runs = 更早的任务还有 { NUMBER($runs) } 个：输入 l 全部列出。
which-run = 哪个任务？请加上编号（1 至 { NUMBER($most) }）或名称。
needs-screen = 此功能需要界面
    .message = { $place } 没有纯文本形式。
    .hint = 请不带 --plain、不设 ACCESSIBLE，在非哑终端中运行。
