# 数据行中的问题，以及为什么重要。

unreadable = 无法读取的行
unreadable-why = 含有这种行的文件无法训练。
nothing-left = 没有可训练的行
nothing-left-why = 训练无法开始。
empty-answers = 空回答
empty-answers-why = 空白回答会让模型学会什么都不说。没有其他回答的行会被排除。
missing-user = 没有问题的回答
missing-user-why = 没有问题，回答就无法示范如何作答。
untrained-rows = 标记为不训练的行
untrained-rows-why = 这些行或其全部回答要求不训练，因此被排除。若该列不是标记，请写 columns = {"{"}weight = ""{"}"}。
untrained-turns = 标记为不训练的回答
untrained-turns-why = 模型会读到它们，但不在其上训练。
unclear-marks = 含义不明的训练标记
unclear-marks-why = 这些标记被忽略，回答照常训练。请写 true 或 false。若要给整行加权，请映射一列：columns = {"{"}weight = "..."{"}"}。
marked-questions = 非回答轮次上的训练标记
marked-questions-why = 只有 dataset.train_on = "all" 才会训练回答以外的轮次。
turn-keys = 轮次中未使用的字段
turn-keys-why = 模型看不到它们。
nulls = 工具或调用中的 null 字段
nulls-why = 它们会被去掉，因为表格用它们填充对象。若要保留，请把工具或参数写成 JSON 文本。
role-order = 轮次顺序错误
role-order-why = 许多模板会拒绝这种行，有的会渲染错误。
unanswered = 末尾没有回答的轮次
unanswered-why = 它们不参与训练，却占用内存和时间。
whitespace = 回答首尾的空白
whitespace-why = 模型会学着以空白开头或结尾。
placeholders = 未填写的占位符
placeholders-why = 模型会原样说出它们。
html-in-prose = 正文中的 HTML
html-in-prose-why = 从网页遗留下来，会出现在回答里。
mojibake = 乱码或丢失的字符
mojibake-why = 用错误编码读取的文本会让模型学到无意义的字符。
control = 控制字符或不可见字符
control-why = 它们会影响终端、隐藏文本并浪费词元。
secrets = 密钥或密码
secrets-why = 模型可能把训练数据复述给任何人。
emails = 电子邮件地址
emails-why = 模型可能把他人的地址告诉任何人。
phones = 电话号码
phones-why = 模型可能把他人的号码告诉任何人。
exact-duplicates = 完全重复的行
exact-duplicates-why = 出现更多次的行权重更大，会被背下。
near-duplicates = 近似重复的行
near-duplicates-why = 几乎相同的行等于同一行重复。
conflicts = 同一提示词的不同回答
conflicts-why = 模型会学着在其中猜测。
leakage = 也参与训练的留出行
leakage-why = 在它们上测得的指标会偏高。
languages = 多种语言
languages-why = 模型可能用错语言作答。
label-balance = 标签不均衡
label-balance-why = 总是给出常见标签就能得到好成绩。请按标签评估。
label-typos = 仅大小写或空格不同的标签
label-typos-why = 对模型来说这是不同的回答。
too-long = 超过 max_length 的行
too-long-why = 它们会被排除或截断，见 dataset.too_long。
no-supervised = 没有可训练词元的行
no-supervised-why = 它们会被排除：其中没有可训练的内容。
refused = 模板拒绝的行
refused-why = 它们会被排除。
stop-token = 末尾没有停止词元的回答
stop-token-why = 模型永远学不会停止。
written-specials = 写在文本中的特殊词元
written-specials-why = 模型会把它们当作真的：在回答中途停止，或把文本当作轮次。
unwritten-turns = 模板未写出的轮次
unwritten-turns-why = 模型在训练和之后提问时都看不到其内容。
double-bos = 连续两个 BOS token
double-bos-why = 模型训练时看到的开头在使用时不会出现。
unknown-pieces = 分词器不认识的字符
unknown-pieces-why = 它们对模型来说都一样。
costly-language = 分词器切分过细的语言
costly-language-why = 行会占用更多词元，学得也更差。

# 修复的作用。

leave-out = 排除这些行
leave-out-named = 排除行：{ $what }
trim-whitespace = 去掉首尾空白
drop-unanswered-turn = 删去最后一个回答之后的轮次
merge-system-turn = 把系统文本放到第一个问题之前
fix-mojibake = 还原字符（ftfy）
strip-control = 去掉这些字符
unescape-html = 把 &amp; 之类还原为字符
one-answer-per-prompt = 每个提示词只保留第一个回答
keep-first = 每组只保留第一行
keep-first-of-cluster = 每簇只保留第一行
raise-max-length = 把 max_length 提高到 { NUMBER($length) }，可容纳 { PERCENT($share) }；会多占内存
split-text = 切分纯文本

# 在某一行看到的情况。

row-says = { COMMAS($parts) }
row-ends = { COMMAS($parts) }，之后的内容无法读取
row-marked = 该行注明 { $mark }
answers-marked = 所有回答都注明 { $mark }
text-empty = 文本为空
turn-blank = 第 { $turn } 轮为空
ends-with = 以 { $role } 结尾
no-answer = 没有任何回答
no-question = 第一个回答之前没有问题
system-in-middle = 第 { $turn } 轮：系统消息出现在中间
tool-uncalled = 第 { $turn } 轮：没有调用却有工具结果
user-twice = 第 { $turn } 轮：连续两个用户轮次
answer-twice = 第 { $turn } 轮：连续两个回答
answer-first = 第 { $turn } 轮：问题之前就有回答
blank-edges = 某个回答以空白开头或结尾
as-row = 与第 { NUMBER($row) } 行相同
as-row-of = 与 { $file } 第 { NUMBER($row) } 行相同
none-trained = { NUMBER($tokens) } 个词元中没有参与训练的
last-token = 以 { $token } 结尾
row-tokens = { NUMBER($tokens) } 个词元
answer-too-long = { NUMBER($tokens) } 个词元，回答超出上限
unknown-of = { NUMBER($tokens) } 个词元中有 { NUMBER($unknown) } 个未知

# 问题的细节。

all-left-out = 全部被排除
label-counts = { $most } { NUMBER($highest) } 次，{ $least } { NUMBER($lowest) } 次
labels-alike = { COMMAS($pairs) }
turn-unwritten = 第 { $turn } 轮（{ $role }）未写出
labels-pair = { LIST($labels) }
tokens-per-character = { $language }：每个字符 { NUMBER($rate, digits: 2) } 个词元
long-dropped = 它们被排除；其中 { NUMBER($cut) } 行的回答在 max_length 之前没有结束
long-cut = 从末尾截断，若会截断回答则排除；其中 { NUMBER($cut) } 行的回答在 max_length 之前没有结束
long-split = 纯文本被切分，对话被排除；其中 { NUMBER($cut) } 行的回答在 max_length 之前没有结束

# 哪些内容只抽样或没有检查。

languages-sampled = 语言由约 { NUMBER($rows) } 行判断。
near-sampled = 在 { NUMBER($rows) } 行中抽取 { NUMBER($looked) } 行查找近似重复，因为超过 { NUMBER($limit) } 行。
no-model = 计算词元长度需要模型：用 --model 指定，或给出配置。
tokens-sampled = 长度、停止词元和模板取自 { NUMBER($rows) } 行的样本。

# 文本报告。

fatal = 致命
warning = 警告
note = 说明
fatal-findings = { NUMBER($count) } 个致命问题：训练无法开始。
fatal-findings-and = { NUMBER($count) } 个致命问题：训练无法开始。另有 { LIST($rest) }。
nothing-fatal = 没有致命问题：{ LIST($rest) }。
warnings = { NUMBER($count) } 个警告
notes = { NUMBER($count) } 条说明
nothing-wrong = 没有发现问题。
nothing-wrong-in-text = 文本中没有发现问题。尚未经过分词器。
source = { $name }：{ NUMBER($rows) } 行 { $format }，{ NUMBER($characters) } 个字符
source-left-out = 排除 { NUMBER($rows) } 行，其中没有可训练的内容
source-languages = 语言 { COMMAS($shares) }
source-labels = 标签 { COMMAS($labels) }
source-labels-more = 标签 { COMMAS($labels) } 等，另有 { $more } 个
source-unused = 未使用：{ $columns }
lengths = 词元长度：平均 { NUMBER($mean, digits: 0) }，{ PERCENT($trained) } 的词元参与训练，max_length { NUMBER($limit) }
lengths-needed = 不截断所需的 max_length：{ COMMAS($sizes) }
up-to = 至 { $end }
per-language = 各语言每个字符的词元数
rows = { NUMBER($rows) } 行
rows-unknown-pieces = { NUMBER($rows) } 行，{ NUMBER($pieces) } 个未知词元
head = { $what }：{ NUMBER($rows) } 行中的 { NUMBER($count) } 行（{ $share }）
head-text = { $what }：{ NUMBER($rows) } 行中的 { NUMBER($count) } 行（{ $share }），占文本的 { $text }
head-tokens = { $what }：{ NUMBER($rows) } 行中的 { NUMBER($count) } 行（{ $share }），约 { NUMBER($tokens) } 个词元（{ $text }）
in-source = { $source }：{ $head }
place = { $file } 第 { NUMBER($row) } 行
more = 另有 { NUMBER($count) } 行
tried = { $what }（试过：{ NUMBER($tried) } -> { NUMBER($left) }）：{ $setting }
hint-of = { HINT($reason) }
escape-sequence = 转义序列
