# 系统拒绝的原因，或文件位置上的东西为何不可用：跟在冒号或文件名之后。

denied = 权限不足
not-permitted = 操作不被允许
missing = 没有这个文件或文件夹
exists = 文件已存在
no-folder = 不是文件夹
is-folder = 是文件夹
no-space = 磁盘空间已满
quota = 超出磁盘配额
read-only = 文件系统为只读
broken = 读写出错
open-files = 打开的文件过多
long-name = 文件名过长
links = 符号链接层数过多
busy = 设备或资源正忙
too-slow = 连接超时
is-pipe = 是管道，不是文件
is-a-folder = 是文件夹，不是文件
is-socket = 是套接字，不是文件
is-device = 是设备，不是文件
is-no-file = 不是文件
too-large = 有 { NUMBER($bytes) } 字节，超过上限 { NUMBER($most) } 字节
grew = 超过 { NUMBER($most) } 字节
unreadable = 无法读取（{ $reason }）
