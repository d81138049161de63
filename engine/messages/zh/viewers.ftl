# 多个终端查看同一任务：谁在场、谁可操作，以及只读界面。

attached = { NUMBER($count) } 个终端
watching = 只读
refused = 当前为只读查看。要操作任务，请离开后去掉 --watch 重新连接。
came = { $who } 也已连接，并可操作该任务。
help = 当前连接：{ COMMAS($viewers) }。
since = { $who }，自 { CLOCK($since) }
here = { $viewer }（本终端）
only-watches = { $viewer }（只读）
elsewhere = { $who }，位于 { $host }
