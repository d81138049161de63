# 适配器：查找、读取文件、与基座模型匹配，以及它的信息。

unusable-path = 适配器路径无法使用
    .message = { $path }：{ $reason }。
    .hint = 请给出一个文件夹或一个任务。
not-found = 找不到适配器
    .message = { $name } 既不是文件夹，也不是任务。
    .hint = 请给出含有 adapter_config.json 的文件夹，或一个任务。用 `tunedeck runs` 查看所有任务。
unnamed = 没有指定适配器
    .message = strategy.adapter 为空。
    .hint = 请将 strategy.adapter 设为一个任务或一个适配器文件夹。
none-here = 文件夹中没有适配器
    .message = { $folder } 中没有 adapter_config.json。
    .hint = 请给出 PEFT 保存的文件夹，其中有 adapter_config.json 和 adapter_model.safetensors。
is-model = 这是模型，不是适配器
    .message = { $folder } 中有 config.json，但没有 adapter_config.json。
    .hint = 请把它用作基座模型。
run-without = 该任务没有适配器
    .message = { $run } 既没有结果，也没有检查点。
    .hint = 用 `tunedeck status { $run }` 查看它的情况。
newest-checkpoint = { $checkpoint } 是 { $folder } 中最新的检查点。
unfinished-run = 任务 { $run } 还没有结果，最新的检查点是 { $checkpoint }。

unreadable = 无法读取适配器
    .message = { $path }：{ $reason }。
    .hint = 请检查文件权限。
broken-config = 适配器的配置已损坏
    .message = { $path }：{ $reason }。
    .hint = 请重新复制适配器。
json-error = 第 { $line } 行第 { $column } 列：{ $reason }
no-object = 不是 JSON 对象
no-rank = r = { $value } 不是有效的秩
no-number = { $field } = { $value } 不是数字
no-table = { $field } 不是表
no-names = { $field } 不是名称列表
no-integers = { $field } = { $value } 不是整数列表
not-lora = 这不是 LoRA 适配器
    .message = { $path } 的类型是 { $type }。
    .hint = 请使用 LoRA 或 DoRA 适配器，tunedeck 不能在其他类型上继续训练。
untyped = 这不是 LoRA 适配器
    .message = { $path } 中没有 peft_type。
    .hint = 请使用 LoRA 或 DoRA 适配器，tunedeck 不能在其他类型上继续训练。

no-weights = 适配器没有权重
    .message = { $folder } 中没有 adapter_model.safetensors。
    .hint = 请重新复制适配器，上次复制可能中断了。
pickled = 适配器的权重是 pickle 格式
    .message = { $path }：加载 pickle 可以执行任意代码。
    .hint = 如果信任它，请在其文件夹中转换：python -c "import torch, safetensors.torch as s; s.save_file(torch.load('adapter_model.bin', weights_only=True), 'adapter_model.safetensors')"
cut-off = 适配器文件不完整
    .message = { $path }：{ $reason }。
    .hint = 请重新复制适配器，或使用另一个检查点。
not-finite = 适配器含有 NaN 或 Inf
    .message = { $path }：{ NUMBER($of) } 个张量中有 { NUMBER($bad) } 个，例如 { $tensor }。
    .hint = 它的训练已经发散。请使用更早的检查点，或重新开始。
ignored-tensors = PEFT 不会加载这个适配器
    .message = { $folder }：{ NUMBER($of) } 个张量中有 { NUMBER($count) } 个会被 PEFT 忽略，例如 { $first }。{ $why }模型将在缺少它们的情况下作答。
    .hint = 请在适配器文件夹中重命名张量：{ $command }
name-begins = 名称以 "{ $prefix }" 开头。
name-lacks = 名称开头缺少 { $prefix }。
name-contains = 名称中含有 "{ $part }"。
name-has-adapter = 名称中含有适配器名 "{ $name }"。
empty-tensors = 适配器的张量没有内容
    .message = { $folder }：{ NUMBER($of) } 个张量中有 { NUMBER($count) } 个，例如形状为 [{ COMMAS($shape) }] 的 { $first }。
    .hint = 它是分片保存的（DeepSpeed ZeRO-3 或 FSDP），请合并后再保存。ZeRO-3 请设置 stage3_gather_16bit_weights_on_model_save 或运行 zero_to_fp32.py；FSDP 请使用 FULL_STATE_DICT。
incomplete = 适配器不完整
    .message = { $folder }：{ $tensor } 缺少与之配对的矩阵。
    .hint = 请重新复制适配器，配置与张量不属于同一个适配器。
empty = 适配器是空的
    .message = { $folder }：adapter_model.safetensors 中没有 LoRA 矩阵。
    .hint = 有些训练程序在分片时会这样保存。请使用更早的检查点。
left-out-targets = PEFT 不会加载这个适配器
    .message = { $folder }：张量改动了 { NUMBER($of) } 个层，其中 { NUMBER($count) } 个不在 target_modules 中，例如 { $first }。PEFT 会忽略它们的张量。
    .hint = 请在 adapter_config.json 的 target_modules 中加入 { COMMAS($names) }，或重新复制配置。
left-out-layers = PEFT 不会加载这个适配器
    .message = { $folder }：张量改动了 { NUMBER($of) } 个层，其中 { NUMBER($count) } 个不在 layers_to_transform 中，例如 { $first }。PEFT 会忽略它们的张量。
    .hint = 请在 adapter_config.json 中将 layers_to_transform 设为 null，或重新复制配置。
left-out-excluded = PEFT 不会加载这个适配器
    .message = { $folder }：张量改动了 { NUMBER($of) } 个层，其中 { NUMBER($count) } 个被 exclude_modules 排除，例如 { $first }。PEFT 会忽略它们的张量。
    .hint = 请在 adapter_config.json 中将 exclude_modules 设为 null，或重新复制配置。
rank-mismatch = 适配器的秩与配置不符
    .message = { $folder }：adapter_config.json 中 r 为 { $expected }，但 { $layer } 的秩是 { $rank }。
    .hint = 请重新复制适配器，配置与张量不属于同一个适配器。

does-not-fit = 适配器与该模型不匹配
    .message = { $adapter } 用于 { $model }：
        { LINES($reasons) }
    .hint = 请使用训练它时的模型，或重新开始。
base-uncertain = 基座模型可能不对
    .message = { $adapter } 用于 { $model }：
        { LINES($reasons) }
    .hint = 请使用训练它时的模型。如果确定无误，请设置 strategy.trust_base = true。
resized = 适配器与该模型不匹配
    .message = { $adapter } 用于 { $model }：
        { LINES($reasons) }
    .hint = 请先合并，再在结果上训练新的适配器：strategy.kind = "merge"。
layers-adapter-pickled = 适配器是 pickle 格式，加载之前无法比较各层。
layers-model-pickled = 模型权重是 pickle 格式，加载之前无法比较各层。
layers-multimodal = 它是在多模态模型上训练的：它改动 { $layer }，而 PEFT 在该模型中找不到这个层。
layers-body = 它只在模型主体上训练：它改动 { $layer }，该层在此模型中名为 { $here }。PEFT 一个层也找不到。请在张量名称的 base_model.model. 之后加上 { $prefix }。
layers-found = 它改动的 { NUMBER($layers) } 个层都在模型中（{ COMMAS($names) }）。
layers-deeper = 训练它的模型至少有 { $theirs } 层，此模型只有 { $ours } 层。
layers-missing = 它改动的 { NUMBER($of) } 个层中有 { NUMBER($missing) } 个不在模型中，例如 { $first }。它属于另一种架构。
widths-unknown = 模型以 { $format } 格式存储，无法比较各层的宽度。
widths-equal = 各层的宽度与模型一致。
widths-differ = 有 { NUMBER($layers) } 个层的宽度不同。{ $layer } 在适配器中为 { NUMBER($inputs) } 至 { NUMBER($outputs) }，在模型中为 { NUMBER($model_inputs) } 至 { NUMBER($model_outputs) }。
shape-differs = { $tensor } 在适配器中是 { $ours }，在模型中是 { $theirs }。
vocabulary-grown = { $tensor } 在适配器中有 { NUMBER($ours) } 行，在模型中有 { NUMBER($theirs) } 行：增加过词元。可以合并，但不能继续训练。
vocabulary-cut = { $tensor } 在适配器中有 { NUMBER($ours) } 行，在模型中有 { NUMBER($theirs) } 行：删去过行。可以合并，但不能继续训练。
token-beyond = 它训练了词元 { NUMBER($token) } 的嵌入，而模型只有 { NUMBER($tokens) } 个词元。可以合并，但不能继续训练。
base-unnamed = 适配器没有说明是在哪个模型上训练的。
base-same-name = 它是在 { $base } 上训练的，权重是否改变过无法得知。
base-like-name = 它是在 { $base } 上训练的，从名称看可能就是此模型（{ $model }）。
base-other-folder = 它是在 { $base } 上训练的，那是另一个文件夹，可能是另一个模型。
base-other = 它是在 { $base } 上训练的，不是 { $model }。
base-same-weights = 权重与训练它时完全相同（哈希一致）。
base-other-weights = 模型的权重与训练它时不同（{ COMMAS($changes) }）。
weights-changed = 已改变：{ COMMAS($files) }
weights-missing = 缺少：{ COMMAS($files) }
weights-new = 新增：{ COMMAS($files) }

locked-field = 为 { $given }，但要继续训练的适配器为 { $value }。
    .hint = 请留空。要用别的值，请使用 strategy.kind = "merge" 或 "fresh"。

data-unknown = 适配器没有记录训练时用了哪些行。
data-gone = 旧数据已不在：{ $path } 不再存在。
data-at-hand = 旧数据可用。
data-at-hand-skipped = 旧数据可用，不含该任务跳过的 { NUMBER($rows) } 行。
data-sample = 原来的文件已不在，用任务记录下的至多 { NUMBER($rows) } 行代替。
data-unreadable = 无法读取旧数据：{ BRIEF($reason) }。
data-partly-gone = { NUMBER($of) } 个旧数据来源中有 { NUMBER($gone) } 个已不在。

fits = 匹配
unsure = 不确定
refused = 不匹配
unknown = 未知
folder = 文件夹
base-model = 基座模型
base-with-revision = { $base }，版本 { $revision }
base-weights = 基座权重
no-hash = 未知：没有记录哈希
hash = { $file } { $hash }
hashes = { COMMAS($hashes) }
hashes-more = { COMMAS($hashes) } 等，另有 { NUMBER($more) } 个
method = 方法
lora = LoRA，缩放系数为 alpha / 秩
lora-rs = LoRA，缩放系数为 alpha / sqrt(秩)，rsLoRA
dora = DoRA，缩放系数为 alpha / 秩
dora-rs = DoRA，缩放系数为 alpha / sqrt(秩)，rsLoRA
rank = 秩
alpha = alpha
varied = { $value }，部分层取别的值
dropout = dropout
layers = 层
layers-counted = { COMMAS($names) }（共 { NUMBER($count) } 个）
names = { COMMAS($names) }
saved-whole = 整体保存
trained-tokens = 训练的词元
bias = bias
parameters = 参数
parameters-in-file = { NUMBER($count) }，{ BYTES($size) } { $dtype }
parameters-unknown = 未知，{ BYTES($size) }
values = 数值
values-pickled = 未知：文件是 pickle 格式
values-finite = 全部有限
values-no-effect = 全部有限，但每个 B 都为零：它没有任何作用
values-broken = 已损坏：{ NUMBER($bad) } 个张量含有 NaN 或 Inf，例如 { $tensor }
made-by = 来源
made-by-run = 任务 { $run }
made-by-peft = PEFT { $version }
made-by-unknown = 未知版本的 PEFT
trained-on = 训练数据
trained-on-unknown = 未知：没有 tunedeck.json
strategy = 策略
parent = 上一代
parent-weighed = { $parent } x { $weight }
parent-since = { $parent }（{ $since }）
parent-gone = 已移动或删除
parent-changed = 之后有改动
source = { $path }（{ $role }）
source-counted = { $path }（{ $role }，{ NUMBER($tokens) } 个词元）

# 要在其上继续的 adapter，从文件能看出什么。
none-chosen = 没有选择适配器。
as-told = { WHOLE($reason) }
not-finite-in = 它已损坏：{ $tensor } 中有 NaN 或无穷大。它的训练发散了。
against = { SENTENCES($reasons) }
pickle-unmergeable = pickle 格式的适配器不能合并。请先转换为 safetensors。
without-effect = 所有 B 矩阵都是零，目前不起作用。
base-not-here = 模型下载到这台机器后，才能检查它是否匹配。
shape = { COMMAS($parts) }
kinds-of-layers = { NUMBER($kinds) } 种层
comparing-hash = 正在比较权重的哈希
