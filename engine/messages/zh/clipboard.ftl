# 按 y 复制、按 F12 截屏之后的提示。

sent = 已发送到终端剪贴板，同时保存于 { $path }
only-kept = 文本过长，终端剪贴板放不下，已保存于 { $path }
only-sent = 已发送到终端剪贴板；未能写入文件：{ $reason }
neither = 文本过长，终端剪贴板放不下；也未能写入文件：{ $reason }
nothing = 这里没有可复制的内容。
picture = 截图：{ $path }
no-picture = 未能截图：{ $reason }
