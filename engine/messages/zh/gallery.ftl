# 控件陈列（python -m tui.gallery）。

key-theme = 主题
    .help = 换到下一个主题。
key-ascii = ASCII
    .help = 只用 ASCII 字符绘制，或恢复 Unicode。
key-dialog = 对话框
    .help = 显示一个提问。
key-notices = 通知
    .help = 各显示一条通知。
wrong = 需要大于 0 的数。
empty = 这里还什么都没有。按 n 开始。
