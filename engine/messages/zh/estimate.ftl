# `tunedeck estimate` 在数字周围所说的话。

lora = LoRA
lora-int8 = int8 上的 LoRA
qlora = QLoRA，nf4
qlora-dq = QLoRA，nf4 双重量化
rank = 秩 { NUMBER($rank) }
rows = 同时 { NUMBER($rows) } 行，每行 { NUMBER($tokens) } 个词元
recomputed = 重计算各层
job = { $model }：{ COMMAS($how) }
place = 设备：{ CLAUSES($parts) }
free = { $name }：空闲 { GIB($free, unit: 0) } / { GIB($total) }
held = { $whose } 占用 { GIB($memory) }
some-held = { $whose } 占用一部分
process = 进程 { $pid }
of-user = { $user } 的 { $program }
settled = 配置中为 auto，由程序选定
setting = { $field } = { $value }：{ $reason }
time = 时间：{ $time }。
disk = 磁盘：{ CLAUSES($parts) }。
rows-unreadable = 未知，因为数据行无法读取
device-unknown = 此设备上未知；请指定一种 GPU，或先训练一次
