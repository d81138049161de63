# 给不在场的人的通知：内容，以及无法发送的原因。

line = tunedeck：{ $name } { $what }
not-sent = 通知未能发送
    .message = { $reason }。
    .hint = 训练不受影响。
no-address = { $url } 不是网址
    .hint = 请填写以 https:// 开头的地址，或将 notify.url 留空。
not-https = { $url } 没有加密
    .hint = 请使用 https://。只有 localhost 可以用 http://。
secret-in-address = { $url } 含有密码或查询参数
    .hint = 它会写入任务的配置。请把值放进环境变量，并写作 { $example }。
no-variable = 环境变量 { $name } 未设置
private-address = { $host } 位于私有网络
    .hint = 如确有需要，请设置 notify.allow_private = true。
not-reached = 无法连接 { $url }（{ $reason }）
not-taken = { $url } 返回状态码 { $status }
command-not-run = 无法启动 notify.command
    .message = { $command }：{ $reason }。
    .hint = 训练不受影响。
command-too-slow = notify.command 用时过长
    .message = { $command } 在 { DURATION($seconds) } 后被终止。
    .hint = 训练不受影响。
command-failed = notify.command 失败
    .message = { $command } 以代码 { $code } 结束。{ $last }
    .hint = 训练不受影响。
too-slow = 通知未能及时发送
    .message = 任务已结束，等待了 { DURATION($seconds) }。
failed = 通知未能发送
    .message = 意外错误：{ $kind }。
    .hint = 训练不受影响。
in-a-notice = 此任务不发送通知
    .message = 它是由通知程序自身启动的。
no-command = 找不到 { $command }
    .hint = 请填写程序的完整路径；若是一行 shell 命令，请设置 notify.shell = true。
unreadable-command = 无法解析 notify.command：{ $reason }
    .hint = 请补全引号，或设置 notify.shell = true。
