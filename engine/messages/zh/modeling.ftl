# 加载、适配器、注意力、内核与优化器。

model-unloadable = 无法加载模型
    .message = { $folder }：{ $reason }。
    .hint = 请重新下载该模型，或换一个模型。
library-missing = 缺少依赖库
    .message = { $reason }。
    .hint = 运行 `tunedeck doctor`，查看需要安装什么。
tokenizer-too-large = 分词器与模型不匹配
    .message = { $folder } 有 { NUMBER($rows) } 个词嵌入，其分词器（{ $tokenizer }）却有 { NUMBER($tokens) } 个词元。
    .hint = 请使用与该模型一同发布的分词器。
tokenizer-of-another = 分词器与模型不匹配
    .message = { $folder } 有 { NUMBER($rows) } 个词嵌入，{ $tokenizer } 中的分词器却有 { NUMBER($tokens) } 个词元。
    .hint = 将分词器文件移出 { $tokenizer }，即改用模型自带的分词器。
attention-fails = 模型的注意力未通过检验
    .message = { $folder }：{ COMMAS($faults) }。
    .hint = 请选择因果语言模型，其他类型无法训练。
attention-fails-as-set = 模型的注意力未通过检验
    .message = { $folder }：{ COMMAS($faults) }。
    .hint = 设置 model.attn_implementation = "auto"。
model-fails = 模型无法运行
    .message = { $folder }：{ $reason }。
    .hint = 请换一个模型。
loss-unknown = 无法复现该模型的损失
    .message = { $folder }：前向计算由最后隐藏状态得到的 logits 与输出头的结果不同。
    .hint = 请换一个模型，此类模型无法在这里训练。
weights-misshapen = 权重与 config.json 不符
    .message = { $folder }：文件中 { $tensor } 为 { $stored }，而 config.json 要求 { $wanted }。{ $more ->
        [0] 其余张量均相符。
       *[other] 另有 { NUMBER($more) } 个张量不符。
    }
    .hint = 请重新下载该模型。
weights-misshapen-vocabulary = 权重与 config.json 不符
    .message = { $folder }：文件中 { $tensor } 为 { $stored }，而 config.json 要求 { $wanted }。
    .hint = 请重新下载该模型。若它本应有 { $tokens } 个词元，请在 config.json 中设置 vocab_size = { $tokens }。
no-text-model = 该模型不能生成文本
    .message = { $folder }：{ $type } 模型没有语言模型输出头。
    .hint = 请选择因果语言模型。
attention-unsupported = 该模型不支持这种注意力
    .message = model.attn_implementation：{ $model } 没有 { $attention }。
    .hint = 设置 model.attn_implementation = "auto"。
attention-unfit = 注意力内核不适用于该模型
    .message = 该模型的注意力需要 { $what }，而此内核不计算它。
    .hint = 设置 model.attn_implementation = "eager"。
liger-needs-gpu = Liger 内核需要 NVIDIA GPU
    .message = train.use_liger_kernel 为 true，但此次训练在 CPU 上进行。
    .hint = 将 train.use_liger_kernel 设为 "auto" 或 false。
liger-missing = 未安装 Liger 内核
    .message = train.use_liger_kernel 为 true。
    .hint = 运行 `pip install 'liger-kernel>=0.8,<0.9'`，或将 train.use_liger_kernel 设为 "auto"。
liger-unusable = 无法使用 Liger 内核
    .message = train.use_liger_kernel 为 true。{ $fault }。
    .hint = 将 train.use_liger_kernel 设为 "auto" 或 false。
optimizer-needs-gpu = 该优化器需要 NVIDIA GPU
    .message = train.optim = { $optimizer }：bitsandbytes 只在 CUDA 上保存 8 位状态。
    .hint = 设置 train.optim = "adamw"，LoRA 的优化器状态很小。
token-unknown = 要训练的词元不在模型中
    .message = adapter.trainable_token_indices：{ $token }。该模型有 { NUMBER($rows) } 个词嵌入。
    .hint = 请填写其词表中的词元（如 <|im_start|>）或其编号。
layers-unknown = 无法确定模型的结构
    .message = { $folder }：{ $reason }。
    .hint = 请升级 transformers，或换一个模型。
adapter-unfit = 无法在该模型上加载适配器
    .message = { $folder }：{ $reason }。
    .hint = 请使用训练该适配器时的基座模型。
adapter-tensors-left = 无法在该模型上加载适配器
    .message = { $folder }：PEFT 会忽略 { NUMBER($count) } 个张量，例如 { $tensor }。
    .hint = 请使用训练该适配器时的基座模型。
adapter-incomplete = 适配器不完整
    .message = { $folder } 缺少 { $tensor }，而其 target_modules 需要它。
    .hint = 请从来源处重新复制，或合并现有部分：strategy.kind = "merge"。
targets-unfit = 适配器与该模型不匹配
    .message = adapter.target_modules = { $targets }：{ $reason }。
    .hint = 使用 target_modules = { $names }。
targets-unfit-named = 适配器与该模型不匹配
    .message = adapter.target_modules = { $targets }：{ $reason }。
    .hint = 使用 target_modules = "all-linear"，或 target_modules = { $names }。
adapter-not-continuable = 无法继续训练该适配器
    .message = { $folder }：其中的 { $tensor } 只被设定、未被训练。
    .hint = 请先并入基座模型，再训练新的适配器：strategy.kind = "merge"。

# 内核有什么问题。
fault-of = { $attention }：{ $fault }
faults = { COMMAS($faults) }
fault-raises = 无法计算（{ BRIEF($reason) }）
fault-not-finite = 结果不是有限数值
fault-leaks = 词元能看到后面的内容
fault-differs = 结果与模型自身代码不同
fault-apart = 数值相差 { PERCENT($share) }
liger-has-none = 该库没有适用于 { $type } 的内核
liger-raises = 试运行因 { $kind } 结束：{ $reason }
liger-differs = 试运行的结果与模型不同
over-packed-rows = 打包数据行上的 { $what }
weights-not-finite = 模型权重已损坏
    .message = { $folder }：{ $tensor } 中有 NaN 或无穷大。
    .hint = 请重新下载该模型。如果它是在本机训练的，说明训练发散了：请使用更早的检查点。
