# Home: the list of runs, the history of models and adapters, one adapter in detail.

help = 主界面
    .about = 一个任务就是一次微调，包括它的设置、日志、检查点和适配器。训练在独立进程中运行：离开后仍会继续，回来可在此列表中找到。
runs = 任务
count = 共 { NUMBER($runs) } 个，{ NUMBER($running) } 个运行中
empty = 还没有任务。按 d 运行三分钟演示，按 n 开始自己的训练。
nothing-found = 没有匹配的任务。按 Esc 显示全部。
matching = “{ $wanted }”：{ NUMBER($lines) } 个
filter-about = 名称、模型、数据或状态中的词
start-new = 从这里开始
eta = 剩余 { ABOUT($left) }
column-name = 名称
column-state = 状态
column-progress = 进度
column-loss = 损失
column-result = 结果
column-gpu = GPU
column-model = 基座模型
column-age = 更新
curve = 损失
answer = 最新回答
prompt = 提示词
answered = 回答
expected = 参考答案
no-answer = 还没有回答。

# The selected run
fact-reason = 原因
fact-result = 结果
fact-step = 步数
fact-base = 基座
fact-data = 数据
fact-seeds = 种子
fact-eval = 验证损失
fact-test = 测试损失
fact-gpu = GPU
fact-folder = 文件夹

# What needs attention
alarmed = { $run }：{ $why }
broke = { $run } 失败：{ $why }
finished-since = 离开期间 { $run } 已完成。
export-failed = { $run } 导出为 { $name } 失败：{ $why }
proof-failed = { $run } 的 { $name } 导出验证失败：{ $why }
push-failed = { $run } 推送到 Hub 失败：{ $why }
evaluation-failed = { $run } 的评估 { $name } 失败：{ $why }
mix-failed = { $run } 等的混合 { $name } 失败：{ $why }
mix-waits = 混合 { $mix } 尚未决定是否保留。
more-matters = 另有 { NUMBER($more) } 个

# The machine
gpu-free = { $name }  空闲 { GIB($free, unit: 0) } / { GIB($total) }
ram-free = 内存空闲 { GIB($free, unit: 0) } / { GIB($total) }
no-gpu = 无 GPU
gpu-lost = GPU 失联
gpu-unused = 未使用 GPU
machine = 本机
ram = 内存
cores = { NUMBER($cores) } 核
disk-free = 磁盘空闲 { GIB($free) }
free-of = 空闲 { GIB($free, unit: 0) } / { GIB($total) }
no-gpu-means = { $why }。适合约 0.5B 参数以内的小模型。
gpu-unused-means = { $why }。
you = 自己
others = 其他
more-users = 另有 { NUMBER($more) } 人
new-hardware = GPU、驱动或 torch 有变化，可运行 `tunedeck selftest` 检查，约两分钟。

# Why a key does nothing now
reading-runs-first = 正在读取任务，请稍候再试。
no-runs = 还没有任务，按 n 新建。
nothing-to-resume = { $run } 已完成。按 g 可在其适配器上继续训练。
no-checkpoint = { $run } 没有可供恢复的完整检查点。
is-running = { $run } 正在运行。
not-running = { $run } 没有在运行。
stop-first = { $run } 正在运行，请先按 x 停止。
mark-first = 先用 Space 标记两个或更多任务，再按 c。在种子组上按 c 会比较其中的任务。
group-complete = { $run } 的任务都已完成或正在进行。
one-run-of-group = { $run } 是一个种子组。按 Enter 展开后选择其中一个任务。
has-no-adapter = { $run } 还没有适配器。

# Stop and delete
stop = 停止 { $run }？
stop-group = 停止种子组 { $run }？之后的种子不再开始。
seed = 种子 { $seed }
group-resumed = 种子组继续进行。
stop-asked = 已请求停止。
delete = 删除 { $run }？
delete-keeps = 将删除 tunedeck 生成的文件。模型、数据以及该文件夹中的其他文件都会保留。
delete-parent = 由它得来的 { COMMAS($names) } 共 { NUMBER($count) } 个将失去来源。
delete-total = 共 { BYTES($bytes) }，位于 { $folder }
delete-counts = 正在统计 { $run } 的文件
keep = 保留
deleted = 已删除。

# History of models and adapters
family = 模型与适配器的来历
family-help = 模型与适配器的来历
    .about = 每个适配器列在其来源之下：基座模型、被继续训练的适配器，或合并后的模型。已移动或删除的文件标为“缺失”。用 Space 标记一个任务，移到另一个再按 d，即可比较两者的设置、数据、基座模型和版本。
family-empty = 还没有训练过任何模型。按 Esc 返回，在主界面按 d 运行演示。
column-made = 来源
column-rows = 行数
differences = 差异
scored = { $metric } { $value }（n = { NUMBER($rows) }）
reading-runs = 正在读取任务
adapters-head = 适配器
adapters = { NUMBER($here) } 个适配器
adapters-missing = { NUMBER($here) } 个适配器，{ NUMBER($missing) } 个缺失
base-model = 基座模型
merged-model = 合并模型
export = 导出
adapter = 适配器
see-above = 见上
trained-on = 训练数据：{ COMMAS($data) }
is-in = 位于 { $path }
was-in = 曾位于 { $path }
run-deleted = 该任务已删除，只在其他任务中留有记录。
marked = 已标记：{ $run }
no-differences = 两者没有记录在案的差异。

# One adapter
adapter-help = 适配器
    .about = 显示 LoRA 适配器文件中的全部信息，无论由谁训练。会读取整个文件，查找非有限数值和全零矩阵。基座模型按记录的权重哈希比对；没有记录时只按名称比对。
adapter-unreadable = 无法读取适配器
    .message = 其文件无法读取。
    .hint = 请检查该文件夹。
reading = 正在读取
hashing = 正在比对权重：{ GIB($done, unit: 0) } / { GIB($total) }
details = 详情
use-it = 在命令行中使用
layers = 带有更新的层
layers-of-a-kind = { NUMBER($layers) } 层，{ NUMBER($inputs) } 至 { NUMBER($outputs) }，秩 { NUMBER($rank) }
on-base = 与基座模型的匹配
its-data = 训练数据
unknown = 未知
no-base = 本机没有其基座模型。
