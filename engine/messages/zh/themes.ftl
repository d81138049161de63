# 选择配色的界面。

help = 主题
    .about = 主题决定全部颜色。每种颜色在各主题中含义相同：强调色表示焦点，其余依次为正常、需留意、出错。移动光标即可预览。Enter 保存，以后每次启动都使用；Esc 恢复原来的主题。
title = 主题
list = 主题
sample = 预览
dark = 深色
    .about = 适合 256 色及以上
light = 浅色
    .about = 适合明亮环境
contrast = 高对比度
    .about = 黑底强色
color-blind = 色盲友好
    .about = 蓝、黄、橙
terminal = 终端配色
    .about = 使用终端自身的颜色
needs-more = 不可用
sixteen = 该终端只有 16 色，因此只能选择“高对比度”和“终端配色”。若终端支持更多颜色，请设置 COLORTERM=truecolor 或使用 --colors。
no-colours = 已设置 NO_COLOR 或 --colors=none，只能选择“高对比度”和“终端配色”。
decided = 本次的主题由 { $variable } 或 --theme 指定；去掉它之后启动，这里的选择才生效。
kept = 主题：{ $name }，下次启动继续使用。
not-kept = 无法将主题保存到 { $path }：{ $why }。
unknown = 没有这个主题
    .message = { $name } 不是主题名。
    .hint = --theme 或 TUNEDECK_THEME 可用的主题：{ COMMAS($themes) }。
key-keep = 保存
    .help = 保存光标处的主题，以后每次启动都使用。
key-leave = 取消
    .help = 恢复原来的主题。
key-themes = 主题
    .help = 选择配色：深色、浅色等五种。
