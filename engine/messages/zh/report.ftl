# 训练报告：一个 HTML 文件。

page-title = { $run } - tunedeck 报告
report = 报告
skip = 跳到结论
contents = 目录
footer = 由 tunedeck { $version } 于 { $made } 根据任务自身的文件生成。

# 结论
verdict-title = 微调有效吗？
later = 来自训练之后的评估 { $name }。
outcome = 训练前后对比：{ $what }。
no-interval = 该任务没有保存回答，因此没有置信区间，也没有对差异做检验。
failed = 训练在第 { NUMBER($step) } 步失败：{ $reason }。
crashed = 训练在第 { NUMBER($step) } 步终止，没有结果（{ $state }）。
running = 训练进行到第 { NUMBER($step) } 步，共 { NUMBER($of) } 步，尚未测量结果。
running-note = 报告反映的是生成时的状态。
never-started = 该任务从未启动。
unmeasured = 结果未测量（任务状态：{ $state }，第 { NUMBER($step) } 步）。

# 顶部数字
eval-loss = 验证损失
was = 训练前 { LOSS($before) }
rows-trained = 训练行
tokens = { NUMBER($tokens) } 个词元
time = 用时
of-steps = { NUMBER($done) } / { NUMBER($of) } 步
peak-memory = 内存峰值
predicted-bytes = 预计 { GIB($bytes) }

# 结果
results = 结果
by-the-run = 由任务自身在训练前后测量
about = { NUMBER($rows) } 行，{ $part }（{ $data }）。
about-own = { NUMBER($rows) } 行，{ $part }。
chosen = 指标：{ $reason }。
part-test = 测试集，未用于任何决策
part-validation = 验证集
part-general = 通用文本与问题
part-old = 以前任务的留出行
part-tasks = lm-eval 的任务
part-file = 来自文件
bars = 各模型的{ $metric }及 95% 置信区间
bars-note = 圆点为均值，横条为 95% 置信区间
metric = 指标
all-metrics = 全部指标及 95% 置信区间
comparisons = 相同各行上的差异
comparison = 对比
against = { $first }对比{ $second }
difference = 差异（95% 置信区间）
verdict = 结论
test = 检验
test-mcnemar = McNemar 精确检验
test-bootstrap = 配对自助法
test-clustered = 按行分组的 t 检验
test-none = 无法检验
rows = 行数
changes = 与基座模型相比：{ NUMBER($up) } 行变好，{ NUMBER($down) } 行变差，{ NUMBER($same) } 行不变。
classes = 微调后各类别的表现
class = 类别
confusion = 混淆矩阵：{ $candidate }
confusion-note = 行为正确类别，列为回答，顺序与行相同
other = 其他
before-and-after = 训练前后对比
before = 训练前
after = 训练后

# 其他方面的代价
forgetting = 遗忘
forgetting-title = 其他方面的代价
forgetting-note = 微调后的模型在未训练内容上偏离基座模型的程度。
gauge-of = 在 { NUMBER($task) } 行任务数据和 { NUMBER($general) } 段通用文本上测量。
of-texts = { $reason }（n = { NUMBER($rows) }）
counted = n = { NUMBER($rows) }
gauge-caption = 遗忘程度（每词元 nat）
general = 通用文本与问题：训练前后
old-run = 以前的任务 { $run }：训练前后
measure = 度量
at-start = 训练开始时
newest = 最新
change = 自开始以来的变化
look-from = 中等起点
stop-from = 高起点
general-loss = 通用文本上的损失
old-loss = 旧数据上的损失
kl-general = 与基座的 KL（通用文本）
kl-task = 与基座的 KL（本任务）
limit-look = 中等
limit-stop = 高

# 回答
answers = 回答对照
samples = 样例提示词
first-rows = 前几行
first-rows-note = 按数据顺序排列，未经挑选。
worst-rows = 最差的行
worst-note = 微调后{ $metric }最{ $low ->
    [1] 低
   *[0] 高
  }的行；基座模型原本答对的排在前面。
row = 第 { NUMBER($number) } 行
prompt = 提示词
reference = 参考答案
empty = （空回答）
right = 正确
wrong = 错误
endless = 没有自行停止，在词元上限处截断。
characters = （共 { NUMBER($count) } 个字符）
before-training = 训练前
after-training = 训练后
at-step = 第 { NUMBER($step) } 步

# 训练内容
done = 做了什么
base = 基座模型
licence = 基座模型许可证
revision = 版本
strategy = 策略
fresh = 新建适配器
continue = 继续训练已有适配器
merge = 合并后新建适配器
from = 来自 { $adapter }
method = 方法
trainable = 训练 { AMOUNT($trained) } 参数，占模型的 { PERCENT($share, digits: 1) }
learning-rate = 峰值学习率
learning-rate-curve = 学习率
batch = 批次
batch-of = 每批 { NUMBER($rows) } 行，每行最长 { NUMBER($length) } 词元
steps = 步数
epochs = { NUMBER($epochs) } 轮
trained-tokens = 处理的词元
supervised = 其中 { NUMBER($tokens) } 个参与监督
machine = 设备
threads = { NUMBER($threads) } 个线程
started = 开始时间
adapter = 适配器
of-step = 来自第 { NUMBER($step) } 步的检查点
notes = 备注
not-known = 未知

# 数据
data = 数据
data-caption = 数据来源
source = 来源
role = 角色
role-new = 新数据
role-replay = 回放
role-general = 通用
tokens-trained = 训练词元
size = 大小
sha256 = SHA-256（前 12 位）
files = { NUMBER($files) } 个文件，见下文
split = { NUMBER($train) } 行用于训练，{ NUMBER($validation) } 行用于验证，{ NUMBER($test) } 行用于测试。
nothing-left-out = 没有排除任何行。

# 曲线
curves = 曲线
loss = 损失
average = 移动平均
each-step = 每步
gradient = 梯度范数
step-axis = 步
time-axis = 距开始的时间
memory-over-time = 内存随时间变化
memory = 内存
loss-curve = 损失（移动平均）
alt = { $what }：{ NUMBER($points) } 个点，起始 { $first }，最终 { $last }，最低 { $low }，最高 { $high }。
above = { NUMBER($points) } 个点超出上边界

# 内存
memory-title = 内存
memory-run = 训练各阶段的内存
memory-rehearsal = 最长行的内存测试，按阶段
phase = 阶段
predicted = 预计
measured = 实测
off = 预计偏差
device = 设备
total = 共 { GIB($bytes) }

# 警告与历史
warnings = 警告
times = { NUMBER($count) } 次
ended = { WHOLE($error) }
accepted = 启动后有变化，已确认接受：{ $change }
broken-lines = 日志中有 { NUMBER($lines) } 行无法读取，已排除。
history = 模型与适配器的来历
kind-model = 基座模型
kind-merged = 合并后的模型
kind-adapter = 适配器
kind-export = 导出
see-above = 见上文

# 复现
repeat = 如何复现
repeat-note = 使用相同的配置、数据、基座模型和版本即可复现。换用其他设备时，末位数字可能不同。
versions = 版本
hashes = 文件及其 SHA-256
settings = 设置
settled = auto 的实际取值
config-note = 每个值都注明了来源。

# 未知之处
unknown = 未知之处
unknown-config = 配置文件无法读取，因此基座模型、数据和设置未知。
unknown-licence = 基座模型的许可证未知，发布结果之前请先查明。
unknown-interval = 没有置信区间：该任务没有保存回答。tunedeck evaluate 可以重新测量并给出置信区间。
unknown-result = 结果未测量。
unknown-baseline = 没有与基座模型逐行检验，不能排除偶然因素。
unknown-test = 没有测试集：验证集可能参与了检查点的选择。
unknown-forgetting = 没有测量模型遗忘了什么。
unknown-memory = 内存未测量。
unknown-data = 没有记录数据文件，因此无法确认它们今天是否相同。
unknown-versions = 没有记录各个库的版本。
unknown-seeds = 只有一个随机种子：不同任务之间的波动未知。

# 写入
exists = 报告会覆盖已有文件
    .message = { $path } 已经存在，而且不是该任务的报告。
    .hint = 请用 --to 指定其他文件，或用 --force 覆盖。
not-a-file = 报告无法写到这里
    .message = { $path } 是文件夹、链接或设备。
    .hint = 请用 --to 指定一个文件。
unwritable = 报告无法写入
    .message = { $path }：{ $reason }。
    .hint = 请用 --to 选择有写入权限的文件夹。
writing = 正在写报告……
written = 报告：{ $path }
opened = 报告已在浏览器中打开：{ $path }
no-browser = 此处无法打开浏览器，请将文件复制到自己的电脑上打开。
