# 训练过程中的各个时刻，用在句子中间。

phase-load = 加载模型
phase-loss = 计算损失（前向传播末尾）
phase-backward = 单层的反向传播
phase-backward-end = 反向传播末尾
phase-step = 优化器更新
phase-evaluation = 评估
phase-save = 保存检查点
phase-merge = 合并适配器

# 占用内存的各项。

term-block-weights = 各层权重
    .about = 所有层的矩阵，含量化常数。
term-tables = 词嵌入与输出头
    .about = 各层量化后，它们仍保持 16 位。
term-other-weights = 归一化与偏置
    .about = 从不量化的少量权重。
term-adapters = 适配器
    .about = 参与训练的权重，float32；随秩和目标模块增大。
term-optimizer = 优化器状态
    .about = AdamW 为每个可训练权重保存两个数。
term-gradients = 梯度
    .about = 每个可训练权重一个数，在微批次累加期间保留。
term-step-workspace = 优化器工作区
    .about = 应用之前的全部权重更新量。
term-buckets = 梯度通信
    .about = GPU 之间交换梯度用的缓冲区。
term-checkpoints = 保存的激活值
    .about = 每层为反向传播保留的内容，随词元数增大。
term-layer = 重新计算的一层
    .about = 一层反向传播所需的全部内容。
term-backward = 单层的梯度
    .about = 一层中间结果的梯度。
term-forward = 前向传播
    .about = 不保留中间结果时，一层的中间结果。
term-kv-cache = KV 缓存
    .about = 评估时生成的回答的键和值。
term-logits = logits 与损失
    .about = 计算损失时，每个词元对词表中每个词的分数。
term-head-hidden = 损失处的隐藏状态
    .about = 输出头之前的隐藏状态及其梯度。
term-dequantized = 反量化的矩阵
    .about = 量化矩阵在相乘时展开为 16 位。
term-unsharded = 聚合的权重
    .about = 分片的权重在使用时是完整的。
term-merge = 合并中的矩阵
    .about = 一个权重矩阵、它的更新量以及两者之和。
term-cast-cache = 16 位副本
    .about = 混合精度使用的 float32 权重副本。

# 结论。

fits = 放得下，余 { GIB($spare) }
tight = 勉强放得下，{ $phase }时余 { GIB($spare) }
too-much = 放不下，{ $phase }时缺 { GIB($missing) }
of-free = { $verdict }（可用 { GIB($available) }）
still-short = 仍缺 { GIB($missing) }
calibrated = ± { PERCENT($spread) }，依据 { NUMBER($runs) } 个任务

# auto 为什么这样选。

auto-micro-batch = 一次计算 { NUMBER($rows) } 行最长的数据；{ $room }
auto-recompute = 重新计算各层以节省内存；{ $room }
auto-no-recompute = 不需要；{ $room }
auto-16-bit = 16 位权重；{ $room }
auto-4-bit = { $why }；4 位权重：{ $room }
auto-4-bit-faster = 此处 4 位更快
auto-4-bit-tight = 16 位权重只是勉强放得下
auto-4-bit-needed = 16 位权重放不下
auto-32-bit-states = 32 位优化器状态只占 { GIB($states) }
auto-8-bit-states = 32 位优化器状态占用过多

# 节省内存的改动，以及各自的作用。

smaller-micro-batch = 微批次 { NUMBER($tokens) } 个词元，而非 { NUMBER($now) }
    .why = 一步拆成更小的部分计算，结果不变。
one-row = 每次一行
    .why = 一步能拆成的最小部分，结果不变。
recompute = 梯度检查点
    .why = 每层只保留输入，反向传播时重新计算。
fused-attention = 融合注意力
    .why = eager 注意力为每一对词元保留一个分数。
nf4 = 4 位基座模型（NF4，QLoRA）
    .why = 占用为 16 位的四分之一；适配器在略有舍入的权重上训练。
double-quantization = 双重量化
    .why = 量化常数也被量化，每个权重省 0.05 字节。
states-8-bit = 8 位优化器状态
    .why = 占用为原来的四分之一；秩较高或词嵌入参与训练时值得。
plain-lora = 用 LoRA 代替 DoRA
    .why = DoRA 每层保留两份输出。
lower-rank = 秩 { $rank }，而非 { $now }
    .why = 可训练权重减半，能学到的更少。
all-of = { $count } 项改动一起
    .why = { COMMAS($changes) }。
other-gpu = 使用 GPU { $gpu }（{ $name }）
    .why = 该卡现在空闲 { GIB($free) }，任务的其他设置不变。
other-gpu-unnamed = 使用 GPU { $gpu }
    .why = 该卡现在空闲 { GIB($free) }，任务的其他设置不变。
wait-for = 等 { $who } 结束后再启动
    .why = 任务的设置不变；届时显存空闲才会启动。
wait = 等 GPU 空闲后再启动
    .why = 任务的设置不变；届时显存空闲才会启动。

saves = 省 { GIB($bytes) }
frees = 腾出 { GIB($bytes) }
has-more = 多 { GIB($bytes) }
slower = 慢 { PERCENT($share) }
less-time = 用时少 { PERCENT($share) }
not-enough = 单独还不够
change-line = { $what }：{ COMMAS($gain) }

# 某项设置再往上一档的代价。

rank-to = 秩 { $value }
rows-to = 行长至 { $value }
batch-to = 批大小 { $value }
micro-batch-to = { $value } 个词元
recomputing-on = 开启重新计算
recomputing-off = 关闭重新计算
weights-16-bit = 16 位权重
weights-4-bit = 4 位权重
double-quantization-on = 开启双重量化
double-quantization-off = 关闭双重量化
states-to-32-bit = 32 位状态
states-to-8-bit = 8 位状态
to-lora = 普通 LoRA
to-dora = DoRA
no-dropout = 不用 dropout
dropout-to = dropout { $value }
costs-more = +{ GIB($bytes) }
costs-less = -{ GIB($bytes) }
costs-nothing = 不多占内存
cost = { $step }：{ $memory }
cost-line = { $step }：{ COMMAS($parts) }
split-automatically = 自动拆分
no-longer-row = 没有超过 { NUMBER($tokens) } 个词元的行
fewer-rows-at-once = 一次 { NUMBER($rows) } 行，而非 { $before }
no-more-rows = 一步没有更多的行可以一起计算
would-not-fit = 会放不下

# 速度、时间与磁盘。

pace-run = 依据本机 { NUMBER($runs) } 个任务的实测
pace-probe = 依据本机的短测试
pace-other-method = 由本机 { NUMBER($runs) } 个其他方法的任务折算
pace-cpu = 按这颗 CPU 计算得出
pace-gpu = 按这块 GPU 计算得出
about = 约 { ABOUT($seconds) }
roughly = 粗略估计 { ABOUT($seconds) }
duration-line = { $time }：{ COMMAS($parts) }
tokens-at = { AMOUNT($tokens) } 个词元，每秒 { NUMBER($rate) } 个
guessed-tokens-at = 约 { AMOUNT($tokens) } 个词元（由文件大小估计），每秒 { NUMBER($rate) } 个
beside-training = 其中 { ABOUT($seconds) } 用于加载、评估和生成回答
disk = { BYTES($run) }，含 { NUMBER($checkpoints) } 个检查点和适配器
disk-merging = { BYTES($run) }，含 { NUMBER($checkpoints) } 个检查点和适配器，其中合并后的模型占 { BYTES($merging) }
disk-later = 之后合并需 { BYTES($merged) }，导出再需同样多
remove-files = 删除该磁盘上的文件：inode 已用完，见 `df -i`
free-disk-space = 在该磁盘上腾出空间
disk-takes-no-files = 磁盘无法再容纳文件
    .message = { $place }：还能容纳 { NUMBER($left) } 个文件，该任务约需 { $needed } 个。
    .hint = 删除该磁盘上的文件（`df -i` 可查看 inode），或把 TUNEDECK_HOME 设为另一磁盘上的文件夹。
disk-too-small = 磁盘空间不足以运行该任务
    .message = { $place } 剩余 { BYTES($free) }。该任务需要 { $disk }。
    .hint = 腾出空间，减小 checkpoint.keep 或 adapter.r，或把 TUNEDECK_HOME 设为更大磁盘上的文件夹。

# 一个任务的需求，一行说明。

needs = { $device } 可用 { GIB($available) }，需要 { GIB($needed) }
device-gpu = GPU { $gpu }（{ $name }）
device-each = { $device }（{ $count } 个进程，每个）
in-use = 共 { GIB($total) }，已用 { GIB($used) }

# 不能使用的设备。

no-common-dtype = 这些 GPU 没有共同的 dtype
    .message = launch.gpus = { $gpus }：GPU { COMMAS($without) } 不支持 bfloat16，其他的支持。
    .hint = 设置 model.dtype = "float16"，或只选同一种 GPU。
memory-unknown = 这块 GPU 不报告显存
    .message = GPU { $gpu }：{ $reason }。
    .hint = 换一块 GPU，或把 launch.gpus 设为 cpu。
no-memory-figure = 没有显存数据
gpu-unusable = 这块 GPU 不能使用
    .message = GPU { $gpu }：{ $reason }。
    .hint = { $advice }
gpu-named-twice = 同一块 GPU 写了两次
    .message = launch.gpus 指的是 { COMMAS($gpus) }。
    .hint = 每块 GPU 只写一次。
one-instance-per-gpu = 同一块 GPU 的两个 MIG 实例
    .message = 一个任务不能同时使用：{ COMMAS($gpus) }。
    .hint = 选择不同 GPU 的实例，或只选一个实例，或关闭 MIG。

# 拼接（packing）。

as-configured = 由配置指定
packed-row-by-row = 由配置指定；注意力逐行计算
packed-by-mask = 由配置指定；用掩码隔开各行
packs = 注意力逐行计算，无需填充
mixes-rows = 模型含有{ $mixer }，会把各行混在一起
needs-mask = 这种注意力内核需要覆盖整个序列的掩码
unknown-layers = 不了解这个模型的层
untried-family = 这类模型从未试过打包
mixer-state-space = 状态空间层
mixer-linear-attention = 线性注意力
mixer-recurrent = 循环层
mixer-convolutions = 卷积层
cannot-pack = 这个模型不能用打包的行训练
    .message = dataset.packing：模型含有{ $mixer }，会把前一行的内容带入下一行。
    .hint = 把 dataset.packing 设为 "auto" 或 false，改用填充。

# 模型可以怎样训练。

method = { $kind } { $bits } 位
method-int8 = LoRA（int8）
method-recomputed = { $method }，重新计算
column-fits = { $method }，放得下
column-tight = { $method }，勉强
column-short = 缺 { GIB($missing) }

# 内存为什么用尽。

before-first-step = 第一步之前
at-step = 第 { NUMBER($step) } 步
out-of-memory = 内存不足，{ $when }
out-of-memory-in = { $phase }时内存不足，{ $when }
killed = 内存用尽，被系统终止，{ $when }
killed-in = { $phase }时内存用尽，被系统终止，{ $when }
what-did-not-fit = { $phase }：{ $term }，约 { GIB($bytes) }
what-did-not-fit-beside = { $phase }：{ $term }，约 { GIB($bytes) }，另有权重 { GIB($weights) }
most-likely = 很可能是{ $what }
held = 任务占用 { GIB($held) }。
held-and-asked = 任务占用 { GIB($held) }，又申请了 { GIB($asked) }。
held-last = 最后一次查看时，任务占用 { GIB($held) }。
gpu-has = 该 GPU 共有 { GIB($total) } 显存。
gpu-has-others = 该 GPU 共有 { GIB($total) } 显存，其中 { GIB($others) } 被其他进程占用。
ram-has = 本机共有 { GIB($total) } 内存。
ram-has-others = 本机共有 { GIB($total) } 内存，其中 { GIB($others) } 被其他进程占用。
estimate-missed = 估计值为 { GIB($estimated) }。以下办法以实测为准。
process = 进程 { $pid }
process-of = { $program }，用户 { $user }
process-holds = { $who }，{ GIB($bytes) }
more-processes = 另有 { NUMBER($count) } 个进程

# 某一项由什么构成。

batch = { NUMBER($rows) } 行 x { NUMBER($tokens) } 个词元
of-logits = { $batch } x 词表 { NUMBER($vocab) } 的 logits
of-logit-chunks = 每次 { NUMBER($chunk) } 个词元 x 词表 { NUMBER($vocab) } 的 logits（{ $batch }）
of-layer-inputs = { $layers } 层各自的输入（{ $batch }）
of-activations = { $layers } 层的激活值（{ $batch }）
of-weights = { $layers } 层的权重（{ $format }）
of-adapter = 秩 { $rank } 的适配器：{ $term }
of-tables = 词嵌入与输出头（词表 { NUMBER($vocab) } x { NUMBER($hidden) }）
of-kv-cache = { NUMBER($tokens) } 个提示词与回答词元的键和值
of-batch = { $term }（{ $batch }）
