# 为什么无法划分数据。

too-many-test-rows = 留出的行太多
    .message = dataset.test_rows 为 { $asked }，另有 { NUMBER($heldout) } 行用于验证。共 { NUMBER($rows) } 行，没有剩下可训练的行。
    .hint = 把 dataset.test_rows 设为不超过 { NUMBER($most) }，或不设置。
too-large-test-share = 留出的行太多
    .message = dataset.test_share 为 { $asked }，{ NUMBER($rows) } 行中已有 { NUMBER($heldout) } 行用于验证。没有剩下可训练的行。
    .hint = 减小 dataset.test_share 或 dataset.eval_share，两者之和必须小于 1。
too-many-eval-rows = 留出的行太多
    .message = dataset.eval_rows 为 { $asked }。共 { NUMBER($rows) } 行，没有剩下可训练的行。
    .hint = 把 dataset.eval_rows 设为不超过 { NUMBER($most) }，或不设置。
groups-too-large = 分组后没有可留出的行
    .message = 可留出的行都在同一组，或最小的组也超过一半。
    .hint = 把 group 映射到另一列，或设置 { $field } = 0。
