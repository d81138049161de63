# 训练开始前的检查结果。字段名写在句子前面。

refused = { WHOLE($error) }

memory-short = 放不下，{ $phase }时缺 { GIB($lacks) }。
memory-short-for-good = 放不下，{ $phase }时缺 { GIB($lacks) }。
    .hint = 请换更小的模型或更大的 GPU。
gpus-unused = { $why }
unwritable-runs = 任务目录不可写
    .message = { $path }：{ $reason }
    .hint = 请修改其权限，或将 TUNEDECK_HOME 设为可写的文件夹。

model-not-here = 本机还没有这个模型；运行时会先下载。
no-tokenizer = { $path } 里没有分词器。
    .hint = 请把分词器文件复制到那里。
stored-quantized = 权重以 { $format } 格式保存。
    .hint = 请指定 16 位模型；要用 4 位或 8 位训练，请设置 model.quantization。
no-chat-template = 这个模型没有对话模板。
    .hint = 请设置 model.chat_template，例如 "chatml"。
no-sdpa = { $family } 模型不支持 sdpa。
    .hint = 请设为 "auto"。
template-not-adapters = 适配器是用它自己文件夹里的模板训练的；这里用的是另一个。
    .hint = 将 model.chat_template 留空即可沿用适配器的模板。
template-of-adapter = 对话按适配器文件夹里的模板书写，与训练时一致；模型自带的模板不同。

mixers-left-out = "{ $targets }" 不包括 { COUNT($count, "层") }，例如 { $first }：Mamba 内核会绕过适配器读取权重。
mixer-named = { $first } 在这个模型上无法训练：Mamba 内核会绕过适配器读取权重。
    .hint = 请从列表里去掉 { LIST($names) }。
name-as-pattern = “{ $targets }”会被当作正则表达式，必须匹配层的完整名称。
    .hint = 请写成列表：["{ $targets }"]
pattern-without-layer = 模型文件里没有一层能完整匹配“{ $targets }”。
no-such-layer = 模型里没有名为“{ $name }”的层。
    .hint = 请去掉它，或用 "all-linear"。
no-such-layer-but = 模型里没有名为“{ $name }”的层。
    .hint = 是不是想写“{ $near }”？
fused-experts = "all-linear" 会把每层 { COUNT($experts, "个专家") }作为一个张量来适配：每次都更新全部专家，速度慢，占内存多。
fused-experts-but = "all-linear" 会把每层 { COUNT($experts, "个专家") }作为一个张量来适配：每次都更新全部专家，速度慢，占内存多。
    .hint = target_modules = { $attention } 只适配注意力层。

adapter-pickled = 无法合并 pickle 格式的适配器
    .message = { $path }
    .hint = 请转换为 safetensors，或设置 strategy.kind = "continue"。
adapter-zero = 所有 B 矩阵都是零：适配器还没有任何作用。
adapter-vouched = { $reason } 已用 strategy.trust_base 确认。
no-replay = 没有混入旧数据，适配器学到的内容可能被遗忘。
    .hint = { $why }
no-optimizer-state = 适配器旁没有优化器状态；优化器从零开始。
other-strategy = 新数据{ $verdict ->
        [same] 与适配器训练过的是同一任务
        [related] 与适配器训练过的内容相关
       *[other] 与适配器训练过的内容无关
    }：建议{ $better ->
        [continue] 继续训练
        [merge] 合并后新建 LoRA
       *[other] 新建适配器
    }，而不是{ $chosen ->
        [continue] 继续训练
        [merge] 合并后新建 LoRA
       *[other] 新建适配器
    }。

rows-left-out = { COUNT($count, "行") }被排除；第一处是 { $file } 的第 { $row } 行：{ $reason }
columns-unused = 这些列没有用到：{ $names }。
rows-remarked = { COUNT($count, "行") }：{ $what }。
    .hint = { $why }
rows-unknown = 还不知道各行的词元数：{ $why }
rows-fatal = { $what }（{ COUNT($rows, "行") }中的 { NUMBER($count) } 行）。
rows-warned = { $what }（{ COUNT($rows, "行") }中的 { NUMBER($count) } 行）{ $more ->
        [0] {""}
       *[other] ，另有 { $more } 条警告
    }。
few-rows = { NUMBER($rows) } 行只能看出 { NUMBER($points, digits: 1) } 个百分点以上的差异；看出 5 个百分点需要 { NUMBER($needed) } 行。
too-few-rows = { NUMBER($rows) } 行看不出任何差异；看出 5 个百分点需要 { NUMBER($needed) } 行。
rows-too-long = { COUNT($count, "行") }（{ PERCENT($share) }）超长，将被{ $how ->
        [drop] 排除
        [split] 切分
       *[other] 截断
    }。

set-to = 设为 { $value }
set-to-nothing = 留空
set-to-auto = 设为 auto
set-to-no = 设为否
hold-out = 留出 { PERCENT($share) }
use-cpu = 使用 CPU
choose = 选择{ $way ->
        [continue] 继续训练
        [merge] 合并后新建 LoRA
       *[other] 新建适配器
    }
mix-in = 混入 { PERCENT($share) }
set-fields = { $fields }
changes = { $count } 项修改
