# What belongs to no single place: the app, and what home and the monitor have in common.

how-to-quit = 按 ctrl+q 离开，训练会继续运行。
keeps-running = 训练会继续运行，按 Enter 可再次打开。
come-back = 训练会继续运行。重新查看：tunedeck attach { $run }
loss = 损失
steps = { NUMBER($steps) } 步
inputs-changed = 该任务的输入已改变
inputs-changed-about = 可先还原改动，或按现在的文件恢复训练。留出的样本仍不会参与训练；前后的损失来自不同的数据。
not-now = 暂不
stop-saves = 停止前会保存检查点，之后可按 r 恢复。
nothing-to-save = 尚未完成任何训练步，没有可保存的内容，之后只能从头开始。
let-it-run = 继续运行
no-screen = 没有这个界面
    .message = { $screen } 不是界面名。
no-terminal = 没有可用的终端
    .message = 界面绘制在 stderr 上，而 stderr 现在是文件或管道。
    .hint = 请不要用 `2>` 或 `2>&1` 重定向 stderr。不用界面时，可使用 `tunedeck run CONFIG` 和 `tunedeck status`。
dumb-terminal = 该终端无法显示界面
    .message = TERM 为 dumb，不支持光标和颜色。
    .hint = 请换用其他终端，或设置 TERM，例如 xterm-256color。不用界面时，可使用 `tunedeck run CONFIG` 和 `tunedeck status`。
unsaved = 未能保存已填的内容
unsaved-about = 向导中的内容尚未写入磁盘，退出后会丢失。
stay = 留下
