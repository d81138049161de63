# 命令面板：各条目旁的说明。

wanted = 操作、任务、模型、设置或文件
run = 打开任务 { $run }
adapter = 任务 { $run } 的适配器
model = 微调此模型：{ $path }
setting = 设置：{ $label }，当前为 { $value }
field = 设置：{ $label }，默认 { $value }
field-of-run = 本任务的设置：{ $label }，{ $value }
file = 用此文件微调，位于 { $path }
add-file = 将此文件加入数据，位于 { $path }
nothing = 没有匹配的条目。
copies = ctrl+y 复制
