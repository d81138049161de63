micro-batch-below-row = { $tokens } 小于 dataset.max_length（{ $longest }）：更长的行仍会单独完整计算。
optim-8bit = 8 位优化器状态需要 NVIDIA GPU。
    .hint = 没有 GPU 时请用 optim = "adamw"。
int8-slow = 每一层都要检查离群值，在 GPU 上每个微批次会让主机等待数百次。
    .hint = "nf4" 显存减半，通常也更快；放得下时 "none" 最快。
rate-high = { $rate } 对 LoRA 来说也偏高，训练可能发散。
    .hint = 通常取 1e-4 至 5e-4。
alpha-high = 超过秩的 8 倍：更新会被大幅放大。
remote-code = 将运行模型自带的 Python 代码。
pickle = pickle 格式的权重在加载时可能运行任意代码。
nothing-held-out = 没有留出任何行，无法得到验证损失。
nothing-to-train = 与 dataset.eval_share 合计 { PERCENT($share) }：没有数据可供训练。
    .hint = 两者之和必须小于 1。
whole-copies = 此版本在每个 GPU 上放一份完整模型。
    .hint = 请设为 "auto"；多个 GPU 写作 launch.gpus = "0,1"。
patience-without-rows = 需要留出行。
    .hint = 请设置 dataset.eval_share。
best-by-without-rows = 需要留出行。
    .hint = 请设置 dataset.eval_share，或设 eval.best_by = "loss"。
baseline-unused = 不起作用：eval.metrics 为空，不生成任何回答。
    .hint = 请设 eval.metrics = "auto"，或让 eval.baseline 保持 auto。
no-metric-file = user_metric 需要自定义指标的文件。
    .hint = 请在 eval.metric_file 中填写，或删去 user_metric。
only-text-is-split = 只有纯文本会被切分；过长的对话会被丢弃。
packing-by-mask = { $kernel } 用覆盖整个序列的掩码隔开各行：占用更多显存，速度不会提高。
    .hint = 请用 "auto"，或 attn_implementation = "flash_attention_2"，它逐行隔离。
no-template-file = 没有这个文件：{ $path }
gpu-named-twice = 同一个 GPU 写了两次：{ $gpus }
    .hint = 每个只写一次。
no-list-of-gpus = { $gpus } 不是 GPU 列表。
    .hint = 请逐个列出，例如 "0,1"。
batch-below-devices = 每步 { COUNT($rows, "行") } 数据不够分给 { $devices } 个设备。
    .hint = 请设为 { $devices } 或更大。
no-layers = 没有指定任何层。
    .hint = 请写 "all-linear"，或层名列表。
list-as-text = “{ $given }”是一段文本，会被当作正则表达式。
    .hint = 请写成列表：{ $names }
no-pattern = “{ $given }”不是有效的正则表达式：{ $reason }。
overlap-unused = 只在 too_long = "split" 时有效。
overlap-whole = { $overlap } 不小于 dataset.max_length（{ $longest }）：每段都不会有新内容。
    .hint = 请设为 { $enough }，或去掉它。
overlap-large = 每段有 { PERCENT($share) } 与前一段重复：文本会被计算 { NUMBER($times, digits: 1) } 遍。
    .hint = 通常 { $enough } 就够了。
adapter-needed = “{ $kind }”需要一个已有的适配器。
    .hint = 请写它的文件夹，或产生它的任务。
adapter-unused = 新建时不会使用已有的适配器。
optimizer-unused = 只有“continue”能沿用优化器状态。
shares-take-all = 各份额合计 { PERCENT($share) }，没有份额的来源分不到数据。
    .hint = 请降低份额，或给每个来源都设份额。
all-replay = 所有来源都是回放，没有新内容可学。
    .hint = 请用 role = "new"。
endless-stream = 流式数据的长度未知，需要指定取多少行。
    .hint = 可以从 10_000 开始。
replay-without-share = 没有份额的回放数据会在每个轮次全部使用。
    .hint = 通常取 0.1（十分之一的词元）。
replay-share = 回放占 { PERCENT($share, digits: 1) }，{ $effect }。
    .hint = 通常取 0.1（十分之一的词元）。
replay-too-small = 几乎无法减轻遗忘
replay-too-large = 会拖慢对新数据的学习
