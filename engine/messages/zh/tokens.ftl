# 从数据行到词元：分词器、对话模板，以及无法使用的行。

tokenizer-unloadable = 无法加载分词器
    .message = { $folder }：{ $reason }。
    .hint = 请重新下载该模型，或修复其分词器文件。
template-unreadable = 无法读取对话模板
    .message = { $path }：{ $reason }。
    .hint = 请更正 model.chat_template 中的路径。
no-stop-token = 分词器没有停止词元
    .message = { $name }：没有它，模型永远不会停止生成。
    .hint = 请在其 tokenizer_config.json 中设置 eos_token。
stop-token-unknown = 回答之后生成不会停止
    .message = 模板以 { $token } 结束回答，但它不是该模型的停止词元。
    .hint = 请把 { $token } 加入 generation_config.json 的 eos_token_id，或设置 model.chat_template。
cache-unwritable = 无法写入分词后的数据
    .message = { $folder }：{ $reason }。
    .hint = 请在该处释放空间，或将 TUNEDECK_HOME 设为可写的文件夹。
disk-full = 磁盘已满
file-unreadable = 无法读取文件
    .message = { $path }：{ $reason }。
    .hint = 请检查其访问权限。

# 模板为何无法渲染某一行。
turn-not-separable = 无法区分不参与训练的轮次
    .message = 第 { $turn } 轮：加上后文之后，模板的渲染结果不同。
    .hint = 请换用其他模板，或设置 dataset.train_on = "assistant"。
no-answer = 没有可训练的助手轮次
    .message = 该行的角色为 { COMMAS($roles) }。
answer-not-closed = 某个回答没有自己的停止词元
    .message = 第 { $turn } 轮：模板在下一轮之前没有结束它，或在之后改动了它。
    .hint = 请换用其他模板，或设置 dataset.train_on = "last"。
prompt-changes = 加上回答后提示词发生变化
    .message = 第 { $turn } 轮：加上回答之后，模板对其前文的渲染结果不同。
    .hint = 请换用其他模板，或设置 dataset.train_on = "all"。
prompt-merges = 提示词与回答共用一个词元
    .message = 分词器把提示词的结尾与回答的开头合并成了一个词元。
    .hint = 回答请勿以换行或空格开头，或设置 dataset.train_on = "all"。
template-refuses = 模板拒绝该行
    .message = { $reason }。
template-endless = 模板在 { DURATION($seconds) } 内没有完成
refused = { $file } 第 { NUMBER($row) } 行：{ BRIEF($reason) }

# 怎样才能训练这些行。
cure-merge = 设置 dataset.fixes = [{ $fixes }]：系统文本会放到第一个问题之前。
cure-last = 设置 dataset.train_on = "last"：每行只训练最后一个回答。
cure-merge-last = 设置 dataset.fixes = [{ $fixes }] 和 dataset.train_on = "last"：每行只训练最后一个回答。
cure-all = 设置 dataset.train_on = "all"：问题也会参与训练。
cure-plain = 设置 model.chat_template = "plain"：各轮会写成 Question 和 Answer。
cure-none = 请更正或删除这些行：没有任何设置能让该模板接受它们。

# 没有一行可以训练。
all-refused = 该模型的模板无法渲染任何一行
    .message = { COMMAS($reasons) }。第一处：{ $first }
    .hint = { $cure }
reason-count = { $reason }（{ NUMBER($rows) } 行）
all-too-long = 所有行都超过 max_length
    .message = dataset.max_length 为 { NUMBER($limit) }；{ NUMBER($rows) } 行中最长的有 { NUMBER($longest) } 个词元。
    .hint = 设置 dataset.max_length = { $enough } 可全部保留，但会占用更多显存；也可以缩短这些行。
all-answers-cut = 所有行都超过 max_length
    .message = dataset.max_length 为 { NUMBER($limit) }；{ NUMBER($rows) } 行中最长的有 { NUMBER($longest) } 个词元。回答在其后才结束，而回答从不截断，否则模型学不会停止。
    .hint = 设置 dataset.max_length = { $enough } 可全部保留，但会占用更多显存；也可以缩短这些行。
all-texts-too-long = 所有行都超过 max_length
    .message = dataset.max_length 为 { NUMBER($limit) }；{ NUMBER($rows) } 行中最长的有 { NUMBER($longest) } 个词元。
    .hint = 设置 dataset.too_long = "split"。
all-weightless = 所有行的权重都是 0
    .message = 数据共有 { NUMBER($rows) } 行。
    .hint = 请给要训练的行设置大于 0 的权重。
all-untrained = 没有任何可训练的词元
    .message = dataset.train_on = { $selects } 在 { NUMBER($rows) } 行中没有选中任何内容。
    .hint = 数据行需要含文本的助手轮次。若要训练全部词元，请设置 dataset.train_on = "all"。
none-usable = 没有一行可以使用
    .message = 共 { NUMBER($rows) } 行：{ NUMBER($long) } 行超过 dataset.max_length（{ NUMBER($limit) }），{ NUMBER($refused) } 行无法用该模型的模板渲染，{ NUMBER($untrained) } 行没有可训练的词元。
    .hint = 请增大 dataset.max_length，并检查各行的角色。
