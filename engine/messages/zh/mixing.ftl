# 训练之前应当知道的数据配比问题。

shares-leave-nothing = 份额没有给其他来源留下空间
    .message = data：份额合计 { PERCENT($asked) }，而有的来源没有份额。
    .hint = 减小份额，或给每个来源设置份额。
replay = { $source }：回放占配比的 { PERCENT($share, digits: 1) }，{ $effect }。
dominates = { $source } 占全部词元的 { PERCENT($share) }，其他来源几乎不起作用。
    .hint = 给其他来源设置份额，或使其均衡。
dropped = { $source }：{ PERCENT($share) } 的行被丢弃。它们太长，或没有参与训练的词元。
    .hint = 增大 dataset.max_length，或检查这些行。
unusable = { $source }：没有一行可用。
    .hint = 检查这些行，或移除该来源。
capped = { $source } 占配比的 { PERCENT($share, digits: 1) }，而非 { PERCENT($asked, digits: 1) }。再多就会使它的 { NUMBER($rows) } 行重复次数超过 dataset.epochs_cap。
    .hint = 提高上限，或增加数据。
one-row = { $source } 占配比的 { PERCENT($share, digits: 1) }，而非 { PERCENT($asked, digits: 1) }。它的一行就已超过。
    .hint = 提高它的份额，或移除它。
repeated = { $source } 在任务中重复 { NUMBER($times, digits: 1) } 次。它的 { NUMBER($rows) } 行可能被背下。
    .hint = 降低它的份额，或设置 dataset.epochs_cap。
