# 并排比较多个任务：命令、界面，以及无法比较之处。

too-few = 没有可比较的对象
    .message = 只给出了 { $runs } 个任务。
    .hint = 请至少给出两个任务，或一个种子组。`tunedeck runs` 可列出它们。
too-many = 一次比较的任务太多
    .message = 给出了 { $runs } 个任务。
    .hint = 最多给出 { $most } 个。
same-twice = 同一任务给出了两遍
    .message = { $run }
    .hint = 每个任务只给出一遍。
no-such-metric = 没有任务具有该指标
    .message = --by { $metric }
    .hint = 请给出 { OR($known) } 之一。
no-metric-at-all = 没有任务具有指标
    .message = --by { $metric }
    .hint = 请去掉 --by。`tunedeck evaluate` 可测量指标。
config-unreadable = 不比较 { $run } 的设置（{ $reason }）。

# 无法比较之处
other-kinds = { COMMAS($texts) } 用纯文本训练，其余用对话训练，指标无法比较。
other-bases = 基座模型不同（{ COMMAS($models) }）：损失取决于分词器，无法比较。
not-finished = { $side } 尚未完成（{ $state }）：数据截至第 { $steps } 步。
not-begun = { $side } 还没有开始训练。
other-metric = 这些任务所用的自定义指标文件不完全相同：只在使用同一文件的任务之间有结论。`tunedeck evaluate RUN --against RUN2` 会用同一个文件给两者打分。
other-tokens = 困惑度取决于分词器：只在基座模型相同的任务之间有结论。可以比较每字节比特数。
other-limits = 回答的长度上限不同（{ COMMAS($limits) }），{ NUMBER($of) } 个回答中有 { NUMBER($answers) } 个达到此长度：只在截断方式相同的任务之间有结论。`tunedeck evaluate RUN --against RUN2` 以同样的方式提问两者。
limit = { $side } { LIST($tokens) } 词元
other-prompts = { COMMAS($sides) }：同样的数据行，提问的形式不同（对话模板、系统文本或分词器不同）。差异可能由此而来。
asked-unknown = { COMMAS($sides) }：由较早的版本评估，未记录回答的长度上限。
no-verdict = { COMMAS($metrics) } 没有结论：跨种子时无法逐行比较。
no-adapter = { $side } 没有可评估的适配器。
no-answers = { $side } 没有保留回答：数据来自其日志，因此没有结论。可执行 `tunedeck evaluate { $run }` 进行评估。
no-evaluation = { $side } 没有评估。可执行 `tunedeck evaluate { $run }`。
different-rows = { COMMAS($sides) } 的评估行与其他任务不同，因此没有结论。`tunedeck evaluate { $run } --against { $other }` 会用相同的行评估两者。
corrected = 每组数据以第一个指标为准，其余为次要指标。p 值已作多重比较校正（Holm）：起决定作用的 { NUMBER($comparisons) } 次比较与次要的 { NUMBER($secondary) } 次分别校正。区间未校正。
over-seeds = 种子组：逐行比较各种子的均值。区间同时计入换一批行和换种子的波动。只有两个种子时区间很宽。
losses-of-other-rows = 留出的行不同，损失无法比较。
losses-unknown = 无从得知留出的行是否相同，比较损失时请谨慎。
one-seed = { COMMAS($sides) } 只有一个种子，差异可能来自种子；`tunedeck run CONFIG --seeds 3` 可看出影响多大。
one-seed-varies = { COMMAS($sides) } 只有一个种子。这里的 { $groups } 个种子组中，{ $metric }随种子上下波动 { $by }。

# 表格
curves = 曲线
result = 指标、损失、设置
title = 对比
metrics = 指标
same-rows = { $part }，相同的 { $rows } 行
other-rows = { $part }，仅 { COMMAS($sides) } 的 { $rows } 行
test = 测试集
validation = 验证集
general = 通用文本与问题
old = 以前任务的留出行
tasks = lm-eval 的任务
file = { $data }
of-rows = { $metric }（n = { NUMBER($rows) }）
no-metrics = 没有测量任何指标。
losses = 损失
loss-validation = 验证损失
loss-test = 测试损失
settings = 不同的设置
settings-unread = 无法比较设置。
points = { $difference } 个百分点
no-settings = 所有设置都相同。
cost = 代价
seconds = 用时
tokens = 词元数
steps = 步数
peak = 内存峰值
device = 设备
result-step = 结果所在步
state = 状态
model = 模型
run = 任务
side = { $letter } { $name }
side-of-seeds = { $letter } { $name }（{ $seeds } 个种子）
value = { $value }（{ $low } 至 { $high }）
versus = { $metric }，{ $side } 与 { $against } 相比：{ $verdict }，{ $difference }（{ $low } 至 { $high }）
versus-untold = { $metric }，{ $side } 与 { $against } 相比：{ $verdict }，{ $difference }

# 曲线
loss = 损失
eval-loss = 验证损失
over-steps = { $curve }（按步）
over-tokens = { $curve }（按词元）
over-time = { $curve }（按时间）
reading = 正在读取任务
help = 对比
    .about = 只有当各个任务回答了完全相同的行时，指标才有结论：其余任务逐行与第一个比较。损失没有误差范围。下方是不同的设置和代价。种子组算作一个整体：数据取均值，结论同时考虑种子和行。
