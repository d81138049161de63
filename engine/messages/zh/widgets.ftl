# Widgets: dialogs, chart, forms, and the bar that shows whether a run fits.

yes = 是
no = 否
keys = 按键
everywhere = 任意界面
terms = 本页术语
no-terms = 这里没有需要解释的术语，按键见对话框。
close-help = 关闭
too-small =
        当前窗口为 { $size }。
        tunedeck 至少需要 { $least }，建议 80x24。
        
        请放大窗口后继续。
        内容不会丢失，训练会继续运行。
        
        ctrl+q  退出
find = 搜索日志
filter = 列表中的文字
filter-nothing = 列表中没有包含这些文字的行。
no-match = 没有匹配：{ $wanted }
place = 第 { $at } 项，共 { $all } 项
named = { $name }：{ $value }

# The chart
at-time = { $time } 处
at-tokens = { NUMBER($x) } 词元
at-step = 第 { NUMBER($x) } 步
at-strength = 强度 { $x }
no-steps = 尚无训练步
not-measured = 尚未测量
log-y = 对数轴
zoomed = 已放大
not-a-number = 非数值
checkpoint = 检查点
event = 事件
pause = 暂停
rate = 降低学习率
rollback = 回滚
out-of-memory = 内存不足
best = 最佳验证
spike = 突增
above = { $level }（在上方）
below = { $level }（在下方）

# Whether it fits
needs = 需要 { GIB($needed, unit: 0) } / 空闲 { GIB($free) }
needs-ram = 需要 { GIB($needed, unit: 0) } / 空闲内存 { GIB($free) }
fits = 放得下，余 { GIB($spare) }
tight = 勉强放下，{ $moment }时余 { GIB($spare) }
too-much = 放不下，{ $moment }时超出 { GIB($spare) }
at-load = 加载
at-loss = 计算损失
at-backward = 反向传播
at-backward-end = 反向传播结束
at-step-phase = 优化器更新
at-evaluation = 评估
at-save = 保存
at-merge = 合并
peak = 峰值：{ $moment }
bar-others = 其他 { GIB($size, unit: 0) }
bar-run = 任务 { GIB($size, unit: 0) }
bar-free = 空闲 { GIB($size, unit: 0) }
bar-of = { " " }/ { GIB($total) }
load = 加载
backward = 反向传播
optimizer = 优化器
evaluation = 评估
save = 保存
merge = 合并
calibrated = 校准后 { GIB($needed) }，{ $spread }
others-hold = 其他进程 { GIB($used) }
and-more = { $first }，另有 { NUMBER($more) } 个共 { GIB($held) }
user = 用户 { $user }
process = 进程 { $pid }
