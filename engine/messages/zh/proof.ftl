# 导出验证：让导出的文件回答同样的行。

other-template = 文件自带的模板对第 { NUMBER($row) } 行生成的提示不同，从第 { NUMBER($at) } 个字符起：{ $theirs }，应为 { $ours }
other-tokens = 文件自带的分词器对第 { NUMBER($row) } 行的切分不同，从第 { NUMBER($at) } 个词元起：{ LIST($theirs) }，应为 { LIST($ours) }
