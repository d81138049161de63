# 配置字段的说明；英文在 engine/config/schema.py 中。一个条目对应一个字段，点和下划线写作连字符。
run-name = 任务名称；留空时由日期和模型生成
run-seed = 行顺序、数据划分、适配器权重和 dropout 的随机种子
run-split-seed = 仅用于数据划分的随机种子；留空则与 seed 相同。无论 seed 为何，留出的行不变
run-notes = 随任务保存的备注

model-name-or-path = 模型文件夹、入门模型名称或 Hub ID
model-revision = Hub 模型的分支、标签或提交
model-kind = 基座模型（base）或对话模型（chat）；auto：由文件判断
model-quantization = 基座精度：4 位（nf4，QLoRA）、8 位（int8）或 16 位（none）；auto：取放得下的
model-double-quant = NF4 的缩放常数也量化（每个权重省 0.05 B）
model-dtype = 计算数据类型；auto：支持时用 bfloat16
model-attn-implementation = 注意力内核
model-trust-remote-code = 运行模型自带的 Python 代码
model-allow-pickle = 加载 .bin/.pt 权重；加载时可能运行代码
model-chat-template = 替换对话模板：.jinja 文件，或内置的 plain、chatml

strategy-kind = 是否基于已有适配器：fresh（新建）、continue（继续）或 merge（先合并）
strategy-adapter = 已有适配器：其文件夹，或产生它的任务
strategy-trust-base = 接受可能不是适配器原基座的模型
strategy-take-optimizer = 如果有，沿用之前任务的优化器状态

adapter-r = 更新的秩；秩越高，可学的越多，开销也越大
adapter-lora-alpha = 更新的缩放：乘以 alpha / r
adapter-lora-dropout = 训练时适配器输入被置零的比例
adapter-target-modules = 加适配器的层
adapter-use-rslora = 按 alpha / sqrt(r) 缩放，秩高时更稳定
adapter-use-dora = 幅度与方向分开训练；较慢，有时更好
adapter-init-lora-weights = A 和 B 的初始值
adapter-modules-to-save = 除适配器外完整训练的模块
adapter-trainable-token-indices = 训练其嵌入的词元（编号或文本），例如 <|im_start|>

data-path = 文件、文件夹、通配符（data/*.jsonl）、Hub ID 或 run:NAME
data-subset = Hub 数据集的子集（configuration）
data-split = Hub 数据集的划分
data-format = 数据格式；auto：由列识别
data-columns = 本程序的字段名 -> 数据中的列名
data-tags = 对话轮次内的名称 -> 数据中的名称：role、content、user
data-labels = 标签列的值 -> 类别名称
data-role = 此来源在数据配比中的角色：new、replay 或 general
data-share = 数据配比中的份额；留空：全部数据
data-max-rows = 最多使用多少行
data-streaming = 从 Hub 数据集流式读取 max_rows 行，不下载全部
data-weight = 每个训练词元在损失中的权重

dataset-max-length = 最长行的词元数
dataset-train-on = 计入损失的词元
dataset-eval-share = 留作验证集的比例，不参与训练
dataset-eval-rows = 验证集行数，代替比例
dataset-test-share = 只在训练前后测试的比例
dataset-test-rows = 测试集行数，代替比例
dataset-stratify = 分类数据的验证集保持各类比例
dataset-too-long = 如何处理过长的行
dataset-split-overlap = 切分文本时每段与前一段重复的词元数
dataset-packing = 将多个样本拼成一个序列（需要能隔离样本的内核）
dataset-mix = 份额的单位
dataset-epochs-cap = 任一来源最多使用多少遍
dataset-fixes = 读取时采用的修复，按名称

train-num-train-epochs = 训练轮次
train-max-steps = 优化器步数，代替轮次
train-batch-size = 每个优化器步的样本数，所有 GPU 合计
train-micro-batch-tokens = 一次计算的词元数（含填充）；只影响显存和速度，不影响结果
train-learning-rate = 峰值学习率
train-lr-scheduler-type = 学习率调度
train-warmup-ratio = 学习率从 0 上升的步数比例
train-weight-decay = 训练权重的权重衰减
train-max-grad-norm = 梯度裁剪的范数；0：不裁剪
train-gradient-checkpointing = 反向时重新计算各层以节省显存
train-optim = 优化器
train-use-liger-kernel = Liger 的 norm、rope 和 SwiGLU GPU 内核；auto：已安装且验证通过时使用
train-neftune-noise-alpha = NEFTune：训练时在输入嵌入上加噪声，例如 5；留空：不加
train-kl-to-base = 损失中 KL(基座 || 微调后) 的权重，用于减轻遗忘，例如 0.1；留空：不加

eval-every = 每隔多少步评估；留空：共十次，短训练更少
eval-metrics = 回答的指标，第一个起决定作用；auto：按数据选择；留空：只看损失
eval-metric-file = 自定义指标的 Python 文件：score(answer, reference, row)
eval-generate-rows = 为指标生成回答的验证行数
eval-max-new-tokens = 生成回答的最大长度
eval-baseline = 与基座模型比较：few_shot 表示带示例和不带示例都问；auto：回答较短时两者都问
eval-few-shot = 少样本基线的提示词中展示几行训练数据
eval-keep = 哪个检查点成为结果
eval-best-by = “最佳”的标准：验证损失，或某个指标（每次评估都要生成回答）
eval-early-stopping-patience = 连续多少次评估没有改善就停止
eval-forgetting = 在训练中及训练前后测量遗忘程度；auto：开销小时测量
eval-forgetting-margin = 旧任务最多变差多少仍算保住：0.02 即 2 个百分点
eval-general-text = 用来测量遗忘的通用文本文件；留空：使用内置文本

checkpoint-every = 每隔多少步保存检查点；留空：全程五次
checkpoint-keep = 保留最新检查点的数量

sample-prompts = 训练中让模型回答的提示词
sample-every = 每隔多少步采样；留空：每次评估时
sample-rows = 训练前、中、后回答的验证行数

launch-gpus = GPU 的编号、UUID 或名称，例如 0 或 0,1；auto：最空闲的；cpu：不用 GPU
launch-precision = 训练循环的混合精度
launch-distributed = 多个 GPU 如何分工

notify-command = 发生下列事件时运行的程序；事件以 JSON 从标准输入传入
notify-shell = 将命令作为一行 shell 运行
notify-url = 以 JSON 接收事件的地址；其中的环境变量在发送时代入
notify-on = 何时通知：end（结束）、failure（失败）、attention（损失突增、遗忘严重）
notify-allow-private = 允许私有网络中的地址
