# 导出验证：让导出的文件回答同样的行。

other-template = 文件自带的模板对第 { NUMBER($row) } 行生成的提示不同，从第 { NUMBER($at) } 个字符起：{ $theirs }，应为 { $ours }
other-tokens = 文件自带的分词器对第 { NUMBER($row) } 行的切分不同，从第 { NUMBER($at) } 个词元起：{ LIST($theirs) }，应为 { LIST($ours) }
fault = { $name }：{ $fault }
endless = { $name }：{ NUMBER($of) } 个回答中有 { NUMBER($rows) } 个没有结束，而适配器的回答会结束；文件可能缺少停止词元
no-answers = 没有可比较的回答
    .message = { $run } 用纯文本训练，没有回答可比较。
    .hint = 请加上 --no-proof 导出，并自行比较文本。
failed = 验证失败
    .message = { $reason }
    .hint = 请重新运行：已有的回答会保留。导出的文件是完整的。
