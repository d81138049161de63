# The monitor: one run's curves, result and log, and what steers it.

help = 查看任务
    .about = 图中有每步损失（暗）、滑动平均（亮）和留出行上的损失（o）。损失应先快后慢地下降。若平均值下降而 o 上升，说明模型过拟合。按 1 至 6 打开或关闭各面板，v 切换面板中的曲线，c 叠加更早任务的曲线。训练在独立进程中运行，离开不会停止。
this-run-keys = 本任务
chart-keys = 图表（获得焦点时）
reading-log = 正在读取日志

# Panes
pane-loss = 损失
pane-rate = 学习率
pane-memory = 显存
pane-sources = 来源
pane-samples = 样例
pane-result = 结果
pane-log = 日志
one-source = 本任务只有一个来源，无需区分。
from-first-step = 从第一个训练步开始显示。
memory-awaited = 任务测得显存后显示。
no-earlier = 没有相同模型和数据的更早任务。

# Gauges
eval = 验证
rate = 学习率
gradient = 梯度
speed = 词元/秒
took = 用时
left = 剩余
epoch = 轮次
tokens = 词元

# Curves
memory-over-time = 显存（GiB）
learning-rate = 学习率
gradient-norm = 梯度范数
tokens-per-second = 词元/秒
memory-by-step = 每步显存（GiB）
loss-by-source = 各来源损失
train = 训练
average = 平均
allocated = 已分配
each-step = 每步
this-run = 本任务
resident = 常驻内存
predicted = 估计 { GIB($bytes, unit: 0) }
total = 总量 { GIB($bytes, unit: 0) }
more-sources = 另有 { NUMBER($more) } 个来源
flat = 持平

# Memory
memory = 显存
ram = 内存
of = { GIB($used, unit: 0) } / { GIB($total) }
peak = 峰值 { GIB($bytes, unit: 0) }
busy = 占用率 { PERCENT($share) }
others = 其他进程：{ $who }
more = 另有 { NUMBER($more) } 个
measured-run = 本任务的显存（GiB）
measured-test = 最长行的显存测试（GiB）
phase = 阶段
predicted-head = 估计
measured = 实测
difference = 相差

# What the runner does
never-started = 该任务从未启动
loading-libraries = 正在启动，加载训练库需要几秒
getting-ready = 正在准备
training = 训练中
curve-awaited = 曲线从第一个训练步开始。在此之前，会加载模型和数据，用最长的数据做显存测试，并测量未经训练的模型：结果将与它比较。
now = 当前：{ $what }。
now-left = { $now }这一项约剩 { ABOUT($left) }。
then-training = 之后：训练 { NUMBER($steps) } 步。
no-step-done = 任务在第一个训练步之前结束。
for = { $what }，已 { ABOUT($time) }
done-still-working = { $what }：已完成，仍在处理，已 { ABOUT($time) }
count-of = { NUMBER($done) } / { NUMBER($total) }
bytes-of = { BYTES($done) } / { BYTES($total) }
next-evaluation = { NUMBER($steps) } 步后评估（{ ABOUT($time) }）
next-checkpoint = { NUMBER($steps) } 步后保存检查点（{ ABOUT($time) }）
next-both = { NUMBER($steps) } 步后评估并保存检查点（{ ABOUT($time) }）
save-asked = 已请求保存检查点。
pause-asked = 已请求暂停。
resume-asked = 已请求恢复。
sample-asked = 已请求采样，本步结束后生成。
pausing = 本步结束后暂停，按 p 恢复。
pausing-first = 第一步结束后暂停，按 p 恢复。
stop = 停止训练？
resuming = 正在恢复
resuming-from = 正在从 { $checkpoint } 恢复。
the-beginning = 开头
restarts = 任务已修改，正在重新开始。

# How it ended
ended-after = { $state }，历时 { DURATION($time) }
ended-at = { $ending }，第 { NUMBER($step) } 步
resumes-from = { $ending }；按 r 从 { $checkpoint } 恢复
can-resume-from = { $ending }；可从 { $checkpoint } 恢复
no-checkpoint = { $ending }；没有可恢复的检查点
damaged = 该任务的文件已损坏
crashed = 训练进程意外退出，没有报错信息
failed = 训练失败
way-on = 按 r 从 { $checkpoint } 恢复。
way-on-watched = 可从 { $checkpoint } 恢复。
no-way-on = 没有可恢复的检查点，可在主界面按 n 新建任务。
no-way-on-watched = 没有可恢复的检查点。

# After memory ran out
way-checkpoint = 从检查点恢复
way-new-optimizer = 恢复训练，优化器状态重新开始
way-new-run = 重新开始新任务
way-restart = 重新开始
no-remedy = 没有任何设置组合放得下。请换用更小的模型、更短的行或更大的 GPU。
also-on-gpu = GPU 上还有：{ $who }
apply-remedy = 用上下键选择办法，按 Enter 应用，执行前会询问。
remedies-watched = 以上办法都有帮助，可由操作该任务的人应用。
apply = 应用此办法？
retry = 重试
edit-and-retry = 修改后重试
details = 日志
start = 开始

# The result
validation-rows = 验证行
test-rows = 测试行
metric-change = { $metric } { $before } -> { $after }
change-of = { $change }（n = { NUMBER($n) }）
change-of-test = { $change }（n = { NUMBER($n) }；测试集 { $test }，n = { NUMBER($of) }）
loss-change = 损失 { LOSS($before) } -> { LOSS($after) }
loss-change-of-test = { $change }（测试集 { LOSS($test) }）
rows-of = { NUMBER($rows) } 个{ $kind }
before = 训练前
after = 训练后
no-samples = 没有样例。
no-samples-yet = 还没有样例，按 g 让模型现在回答。
before-training = 训练前
after-training = 训练后
at-step = 第 { NUMBER($step) } 步
not-yet = 尚未再次提问
matches = 一致
reference = 参考答案：
empty-answer = （空回答）
characters = （共 { NUMBER($count) } 个字符）
is-finished = { $run } 已完成，无需恢复。
no-verdict = 该评估没有结论。
on-test = { NUMBER($rows) } 个测试行
on-validation = { NUMBER($rows) } 个验证行
on-file = 文件中的 { NUMBER($rows) } 行
value = 数值
interval = 95% 置信区间
tuned-differs = 微调后相差
short-difference = 相差
less-forgetting = 强度（m）可以看出较弱的适配器是否遗忘更少而任务表现不变。
right = 正确
ended-unmeasured = 任务在测量结果之前就已结束。
stopped-unmeasured = 训练提前停止，未测量结果。
resume-goes-on = 按 r 恢复训练。
no-evaluation = 该任务在训练后没有评估。
measured-later = 训练完成后测量结果。目前的回答：
