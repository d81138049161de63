# 训练在别处的代价：训练中的度量、训练前后的对比及其标记。

measuring = 正在测量遗忘程度
line = 遗忘：{ $mark }；{ COMMAS($figures) }
fine = 低
look = 中等
stop = 高
unknown = 未知
figure-task = 任务上的 KL 为 { NUMBER($value, digits: 3) }
figure-general = 通用文本上为 { NUMBER($value, digits: 3) }
figure-general-from = 通用文本上 { NUMBER($before, digits: 3) } -> { NUMBER($after, digits: 3) }
figure-loss = { NUMBER($rows) } 段通用文本的损失 { LOSS($before) } -> { LOSS($after) }
figure-loss-of-base = { NUMBER($rows) } 段通用文本的损失 { LOSS($before) } -> { LOSS($after) }（基座 { LOSS($base) }）
figure-parts = 其中文本 { $texts }，回答 { $answers }
figure-old = 旧数据损失 { LOSS($before) } -> { LOSS($after) }
by-divergence = 对通用文本的预测已改变（每个词元的 KL 上升了 { NUMBER($value, digits: 2) } nat）
by-general-loss = 通用文本上的损失上升了 { NUMBER($value, digits: 2) }
by-old-loss = 旧数据上的损失上升了 { NUMBER($value, digits: 2) }
no-memory = 显存或内存不足，无法测量遗忘程度
    .hint = 训练继续。如需测量，请减小 train.micro_batch_tokens。
text-unusable = 改用内置的通用文本：{ BRIEF($reason) }
    .hint = 请更正 eval.general_text。
text-too-short = 通用文本太少
    .message = { $path } 只有 { NUMBER($passages) } 段、{ NUMBER($characters) } 个字符。
    .hint = 请至少提供 { NUMBER($fewest) } 段（以空行分隔）和 { NUMBER($least) } 个字符，或将 eval.general_text 留空。
old-unreadable = 无法检验任务 { $run } 学到的内容：{ BRIEF($reason) }
old-sample = 任务 { $run } 的验证行已不存在，改用它训练过的 { NUMBER($rows) } 行来检验
no-old-rows = 任务 { $run } 没有保留任何行
    .message = { $run } 没有留出验证行，也没有记录样本。
    .hint = 无法测量对该训练内容的遗忘。

# 训练前后
reason = 与任务无关的通用文本和问题
metric-answered = 非空回答
metric-ended = 自行结束的回答
metric-no-loops = 没有循环重复的回答
metric-language = 与问题语言一致的回答
metric-distinct = 不与其他问题雷同的回答
metric-length = 每个回答的词元数
general-fine = 在 { NUMBER($rows) } 段通用文本上看不出遗忘（损失 { $difference }）
general-look = 通用文本的预测变差：{ NUMBER($rows) } 段文本的损失 { $difference }
general-stop = 遗忘严重：{ NUMBER($rows) } 段通用文本的损失上升（{ $difference }）
general-unclear = { NUMBER($rows) } 段文本不足以判断通用文本是否预测得更差：损失 { $difference }
general-unknown = 无法判断遗忘了多少：没有训练前的测量
by-part = 分项损失：{ NUMBER($text_rows) } 段文本 { $texts }，{ NUMBER($answer_rows) } 个对一般问题的回答 { $answers }。回答比文本损失更多，而标记按全部词元计算。
beside-base = { $about }；与基座模型相比 { $after }，本次训练前为 { $before }
old-kept = { $run } 得以保住：{ $metric } { $difference }，与之前相差不超过 { PERCENT($margin) }（{ NUMBER($rows) } 行）
old-lost = { $run } 已被遗忘：{ $metric } { $difference }，变差超过 { PERCENT($margin) }（{ NUMBER($rows) } 行）
old-unclear = { NUMBER($rows) } 行不足以判断 { $run } 是否保住：{ $metric } { $difference }
old-unknown = 无法判断 { $run } 是否保住：没有训练前的测量
not-measured = 不再测量遗忘程度：{ $reason }
    .hint = 训练继续，结果不受影响。

# 训练中增加回放
no-replay = 本次训练没有回放数据
    .message = 没有任何来源的角色是 replay 或 general。
    .hint = 启动训练时加上一个，例如上一次训练：path = "run:NAME", role = "replay", share = 0.1。
no-share = 不是回放的份额
    .message = { $given } 不是份额。
    .hint = 请给出 0 至 1 之间的数，例如 replay=0.2，或 replay=more。
no-setting = 训练期间不能更改这项设置
    .message = { $given } 既不是 replay=份额，也不是 rate=倍数。
    .hint = 请写 replay=0.2、replay=more 或 rate=0.5。其他设置需要新建任务。
replay-at-most = 回放份额已达上限
    .message = 当前份额为 { PERCENT($share) }；再多会拖慢学习。
    .hint = 如确有需要，请直接给出份额：replay=0.6。
replay-set = 从第 { NUMBER($step) } 步起，回放占数据配比的 { PERCENT($share) }

# 监视界面
gauge = 遗忘
keys = (w, X)
curve = 遗忘：KL(基座 || 微调后)
general = 通用文本
prompts = 任务的提示词
key-replay = 增加回放
    .help = 从下一步起，旧数据或通用数据的份额加倍，最多一半，以减轻遗忘。
key-best = 停在最佳
    .help = 停止训练，并以最佳检查点作为结果。
replay-asked = 已请求增加回放。
stop-at-best = 停在最佳检查点？
status = 遗忘：
