# The draft: what its answers come to, its fields, and the processes that are asked about it.

at-work = 处理中
count-of = { NUMBER($done) } / { NUMBER($total) }
since = { $what }，{ ABOUT($since) }
left = { $what }，约剩 { ABOUT($left) }
no-start = 无法启动检查
    .message = { $program }：{ $reason }。
    .hint = 请用 `tunedeck doctor` 检查安装。
no-answer = 检查未给出结果便结束
    .message = { $how }：{ $words }
    .hint = 请重新检查，或跳过检查直接开始。
xray-ended = 检查未给出结果便结束
    .message = { $how }：{ $words }
    .hint = 请关闭后重新打开。
exit-code = 退出码 { $code }
signal = 信号 { $signal }
no-words = 没有输出
not-saved = 无法保存草稿
    .message = { $path }：{ $reason }。
    .hint = 请释放空间、修正权限，或将 TUNEDECK_HOME 设为可写的文件夹。

# Memory that can't be told
reading-machine = 显存：正在读取本机信息
gpus-unused = 未使用 GPU：{ $reason }。按 F4 查看解决办法。
unknown-size = 显存用量未知：模型的 config.json 没有给出规模。
unknown-yet = 填写有效之前，无法得知显存用量。
memory = 显存：{ WHOLE($reason) }

# What the answers come to
nothing-yet = 所需显存、时间和磁盘空间显示在这里。
model-size = 模型 { GIB($figure) }
rows = { NUMBER($figure) } 行
many-rows = { AMOUNT($figure) } 行
steps = { NUMBER($figure) } 步
many-steps = { AMOUNT($figure) } 步
checkpoint = 检查点 { BYTES($figure) }
disk = 磁盘 { BYTES($figure) }

# Fields
yes = 是
no = 否
label-rank = 秩（r）
label-alpha = alpha
label-epochs = 轮次
label-learning-rate = 学习率
label-batch-size = 批大小
label-quantization = 量化
label-max-steps = 最大步数
label-schedule = 学习率调度
label-eval-share = 验证集比例
label-eval-rows = 验证集行数
label-stratify = 按标签分层
label-max-length = 最大行长
label-every = 每 N 步
either = { OR($values) }
under = 小于 { $value }
over = 大于 { $value }
from-to = { $low } 至 { $high }
or-more = { $low } 以上
over-to = 大于 { $low }，至 { $high }
hint-rows = 按 F5 查看这些行和处理办法。
hint-figures = 按 F9 查看数字。
kept = 向导中尚未完成的设置，下次打开向导时会提供。
