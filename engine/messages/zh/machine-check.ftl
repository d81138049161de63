# `tunedeck doctor` 检查项的名称。

machine = 机器
runs = 任务目录
models = 模型文件夹
terminal = 终端
disconnects = 断线
hub-token = Hub 令牌
gpu = GPU { $gpu }
gpus = GPU
self-test = 自检
libraries = 库

# Python 与机器。

python-at = { $version }，位于 { $path }
python-32-bit = { $version }，位于 { $path }，32 位
needs-64-bit = 训练库需要 64 位 Python
cores-and-memory = { NUMBER($cores) } 个核心，内存 { GIB($total) }，空闲 { GIB($free) }
needs-memory = 演示需要 3 GiB。请先结束其他程序
folder-free = { $folder }，剩余 { BYTES($free) }
folder-silent = { $folder }：{ $reason }
folder-not-writable = { $folder }，剩余 { BYTES($free) }，不可写
set-home = 把 TUNEDECK_HOME 设为另一个文件夹
fix-permissions = 修正该处的权限，或把 TUNEDECK_HOME 设为可写的文件夹
free-space = 腾出空间，或把 TUNEDECK_HOME 设为更大磁盘上的文件夹

# 终端。

terminal-found = TERM={ $term }，{ $colours }，{ $columns }x{ $lines }，{ $encoding }
terminal-not-there = TERM={ $term }，{ $colours }，{ $columns }x{ $lines }，{ $encoding }；stderr 不是终端
term-unset = （未设置）
truecolor = 真彩色
colours-256 = 256 色
colours-16 = 16 色
no-colours = 无颜色（NO_COLOR）
not-utf-8 = 非 UTF-8
use-commands = 界面绘制在 stderr 上。命令不需要它：见 `tunedeck --help`
needs-terminal = 界面需要真正的终端；在这里可以使用命令
make-larger = 请调到 80x24 或更大
use-utf-8 = 界面使用纯 ASCII。如需更多：export LC_ALL=C.UTF-8
size-for-all = 80x24 可显示全部内容

# 连接与 Hub。

survives = 断线后训练继续（{ $place }）
inside-tmux = 在 tmux 或 screen 中
outside-tmux = 不在 tmux 中
has-token = 有
no-token = 无。只有受限和私有模型需要（HF_TOKEN）

# GPU。

driver-silent = 驱动没有响应
reload-driver = 运行 nvidia-smi。重新加载驱动
no-gpu-is-fine = 没有 NVIDIA GPU 时这是正常的：训练使用 CPU。否则请检查驱动
unset-visible = 取消 CUDA_VISIBLE_DEVICES 即可使用
no-memory-figure = 不报告显存
restart = 运行 nvidia-smi。重启机器
gpu-free = { $name }，驱动 { $driver }，显存 { GIB($total) }，空闲 { GIB($free) }
gpu-not-used = { $name }，驱动 { $driver }，显存 { GIB($total) }，空闲 { GIB($free) }，未使用：{ $reason }
used-by-others = 其他程序正在使用。`nvidia-smi` 可列出它们
self-test-passed = 在这些 GPU、这个驱动和这个 torch 上已通过
self-test-not-run = 尚未在这些 GPU、这个驱动和这个 torch 上运行
self-test-failed = 未通过：{ COMMAS($failed) }
run-self-test = 运行 `tunedeck selftest`，需一两分钟
read-self-test = `tunedeck selftest` 会说明该做什么

# 库。

reinstall = { $command }
nf4-reinstall = QLoRA 需要它，LoRA 不需要。{ $command }
missing = 未安装
no-answer = { DURATION($seconds) }内没有响应
odd-answer = 返回的内容无法理解
ended = 以代码 { $code } 结束
nf4-works = 4 位权重可以打包和解包
nf4-wrong = 结果错误
cuda-found = { $version }，{ COMMAS($devices) }
cuda-no-kernels = { $version }，{ COMMAS($devices) }；没有计算能力 { COMMAS($lacking) } 的内核，只有 { COMMAS($built) }
device-bf16 = { $name }（bfloat16）
device-fp16 = { $name }（不支持 bfloat16，使用 float16）
cuda-sees-no-gpu = torch 为 CUDA { $version } 构建，但看不到 GPU
cuda-sees-no-gpu-why = torch 为 CUDA { $version } 构建，但看不到 GPU：{ $reason }
torch-for-cpu = 这个 torch 是 CPU 版：只适合小模型
no-gpu-or-see-above = 没有 NVIDIA GPU 时这是正常的。有的话，请看上面那一行
