# 纯文本模式：逐行提问和回答，适合读屏软件、慢速线路和哑终端。

# 提问
option = { $title }：{ $about }
refused = 不可选：{ $reason }
field = { $label }（{ $name }）
hinted = { $title }  { $hint }
sentence = { $words }。
locked = { $field } 已锁定：取自适配器。
commands = 还可输入：{ COMMAS($words) }
keys = 直接按 Enter 采用方括号里的答案。b 返回上一问，? 查看说明，q 离开。
keys-without-enter = b 返回上一问，? 查看说明，q 离开。
empty = 输入一个连字符（-）可清空该字段。
allowed = 无法识别。请输入{ OR($words) }。
allowed-number = 1 至 { NUMBER($most) } 的编号
allowed-text = 文字
allowed-enter = 直接按 Enter
working = { $what }……  按 Ctrl+C 停止
cancelled = 已停止。
detail = { $label }：{ $words }
value = { $name } = { $value }（{ $source }）

# 各步骤
step = 第 { $at } 步，共 { $all } 步：{ $title }
strategy-skipped = 策略：训练新的适配器，因为本机的任务还没有产生适配器。要使用别处的适配器，请按 b。
demo-at-review = 演示：输入 s 即开始训练，需要几分钟，每个阶段开始时都会说明。
from-config = 已按 { $path } 填好。输入 s 开始训练，b 可逐步返回。
about-adapter = 请输入编号，或其他适配器的文件夹。
consequence = { CLAUSES($parts) }
draft-kept = 已填写的内容保存在 { $path }。按 n 继续填写。
about-model = 输入编号、文件夹或 Hub ID；本机没有的会下载。
comparing = 比对权重：{ BYTES($done) } / { BYTES($total) }
way = 如何使用这个适配器？
about-way = ? 可查看各种方式的详细比较。
toggle-replay = 开启或关闭回放
replay-on = 已混入旧数据，以减轻灾难性遗忘。
replay-off = 未混入旧数据。

# 数据
about-files = 再输入一个路径，或输入编号更改该文件的读取方式。Enter 继续。
list-files = [文件夹] 列出数据文件
remove-file = N 移除第 N 个文件
which-file = 哪个文件？请加上编号，1 至 { NUMBER($most) }。
first-row = 模型将看到的第一行：
no-files = 这里没有数据文件，也没有文件夹。
no-more = 其余保持不变
no-column = 无
needed = 必填。
column = { $name } 对应的列
about-mix = 2 30 表示来源 2 占 30%；2 - 表示其每行各用一次。Enter 采用，b 取消。
mix-share = { "  " }{ $number }  { $name }：{ $share }，每行出现 { SETTING($passes) } 次。{ $about }
mix-all = { "  " }{ $number }  { $name }：每行一次，{ $share }，每行出现 { SETTING($passes) } 次。{ $about }
mix-role = N 加 new、replay 或 general，设置角色
mix-weight = N 加数值，设置在损失中的权重
mix-temperature = T：介于按大小与均衡之间
mix-not-kept = 未设份额的来源分不到数据。请降低其他份额，或取消一个：2 -。
mix-no-replay = 没有回放来源：r 2 replay 把来源 2 设为回放。
which-source = 哪个来源？请先输入编号，1 至 { NUMBER($most) }。
which-role = 哪个角色？请在编号后输入{ OR($roles) }。
finding = { $level }：{ $what }（{ NUMBER($of) } 行中有 { NUMBER($count) } 行）
finding-rows = { "  " }行 { COMMAS($rows) }
remedy-tried = 试用后，{ NUMBER($tried) } 行中还剩 { NUMBER($left) } 行
mend-all = 采用全部 { NUMBER($count) } 项安全的修复
xray = N 加行号，逐词元显示第 N 个文件的一行
remedy = 要采用修复办法吗？
about-remedy = 只改变数据的读取方式，不改动数据文件。
no-remedy = 不采用
applied = 已采用：{ $what }

unusable = 该文件无法使用。
    .hint = 请修正文件，或输入 x 加编号从列表中移除。

# 设置
about-preset = 预设是稳妥的起点，每次只改一处。
which-field = 要更改哪个字段？
about-fields = 输入字段名，例如 train.learning_rate，或其中一部分来查找。default 加字段名恢复默认值。Enter 继续。
no-such-field = 没有字段 { $name }。全部名称见上面的列表。

# 确认
about-start = 输入 s 开始训练；离开后训练会继续。
all-values = 全部取值
saves = 节省 { GIB($bytes) }，慢 { PERCENT($slower) }
then-fits = 之后即可放下
other-result = 结果会不同
keep-settings = 保持目前的设置
nothing-saves = 勉强放得下，没有能再节省的设置。
fits-already = 显存足够，无需改动。
undo = 撤销：{ $what }
undone = 已撤销：{ $what }

# 任务
following = 正在跟踪 { $run }。输入 q 再按 Enter 可离开，训练继续。p 暂停，r 恢复，x 停止，? 列出全部。
monitor-keys = 无法识别。请输入 q、p、r、s、g、x、X、w、h、z 或 K，再按 Enter。? 列出全部。
what-now = 接下来：`tunedeck --plain chat { $run }`、`tunedeck evaluate { $run }`、`tunedeck report { $run }`。
next-here = 接下来，加上编号：t 对话，e 评估，o 写报告，u 导出。

# 对话与评判
chat-who = { LIST($names) }。输入消息，按 Enter 发送。{ $manner }
chat-more = 全部命令
chat-base = 基座模型一同回答，或不再回答
chat-again = 重新回答上一条消息
chat-edit = 文字，替换上一条消息
chat-keep = [文件]，把对话存为一行数据；.toml 则把消息存为样例提示词
chat-clear = 清空对话
chat-system = 文字，设置系统提示词
chat-temperature = T；0 表示总取最可能的词元
chat-top-p = P，从累计概率达到该值的词元中抽取
chat-tokens = N，回答的最大长度
chat-stop = 文字，文字：回答在最先出现的一个之前结束，用英文逗号分隔，\n 表示换行；单独输入则取消
chat-text = 续写文本，或恢复为回答消息
chat-voice = { $name }：
chat-answering = 正在回答，已有 { NUMBER($words) } 个词。按 Ctrl+C 停止
chat-no-base = 没有可并列的基座模型：该模型没有适配器。
chat-cleared = 对话已清空。
chat-nothing-yet = 还没有消息。
judge-first = 回答 1 更好
judge-second = 回答 2 更好

# 主页
home = 要做什么？
number-opens = N 是任务的编号。直接按 Enter 重新列出任务。
all-commands = 全部命令
all-verbs = `tunedeck --help` 中的命令在这里也可用，用编号代表任务：status 1，或 evaluate 1 --rows 50。
quotation = 引号不成对。
export-type = 文件用哪种类型？
about-type = 位数越少，文件越小、速度越快，质量略有下降。
type-bits = 每个权重约 { SETTING($bits) } 位
export-to = 导出作何用途？
one-run-of-group = { $run } 是一组种子任务。输入 { $number } 列出其中的任务，再指定一个，例如 { $number }.1。
list = 列出任务
run = { $name }：{ CLAUSES($parts) }
steps = { $steps } 步
loss = 损失 { NUMBER($loss) }
no-runs = 还没有任务。输入 d 运行三分钟演示，n 新建自己的训练。
matter = ! { SENTENCES($words) }请输入 { OR($commands) }。
more-runs = 更早的任务还有 { NUMBER($runs) } 个：输入 l 全部列出。
which-run = 哪个任务？请加上编号（1 至 { NUMBER($most) }）或名称。
needs-screen = 此功能需要界面
    .message = { $place } 没有纯文本形式。
    .hint = 请不带 --plain、不设 ACCESSIBLE，在非哑终端中运行。
