# 读不了的数据行和列，以及处理办法。

unusable = 某一行无法使用
    .message = { $path }，第 { NUMBER($row) } 行：{ $reason }。
    .hint = { $cure }
lacks-column = 没有“{ $column }”
cure-column = 每行都需要它。请删除该行，或补上内容。
label-unnamed = 标签“{ $label }”在 labels 中没有名称
cure-label = 请添加：{ $setting }
history-no-pairs = “history”不是成对内容的列表
cure-history = 每一对是 [问题, 回答]。
tools-unreadable = “{ $column }”不能作为工具读取：{ $reason }
cure-tools = 工具是由 { $example } 组成的列表。
no-weight = “{ $column }”不是权重
cure-weight = 权重是不小于 0 的数字。
is-list = “{ $name }”是列表，不是文本
is-object = “{ $name }”是对象，不是文本
is-other = “{ $name }”是 { $kind }，不是文本
cure-text = 请写成文本；JSON 请写成带引号的字符串。
no-turns = “{ $name }”不是消息列表
turn-lacks-key = 第 { NUMBER($turn) } 条消息没有“{ $key }”
cure-turns = 每条消息都要有“{ $role }”和“{ $content }”。
unknown-role = 第 { NUMBER($turn) } 条消息的角色“{ $role }”未知
cure-role = 请在 [[data]] 中说明它属于谁，例如 { $setting }，或改用以下之一：{ $known }。
call-unreadable = 第 { NUMBER($turn) } 条消息中的调用无法读取：{ $reason }
cure-call = 调用的写法是 { $example }。
turn-unreadable = 第 { NUMBER($turn) } 条消息：{ $reason }
no-text-part = “{ $name }”含有类型为“{ $kind }”的部分，不是文本
cure-media = 此版本不能用图片、声音和文件训练。请去掉该行。
cure-call-part = 调用请写在助手消息的 "tool_calls" 中，每个结果写成单独一条消息：{ $example }。
too-deep = 嵌套过深
call-no-object = 调用不是带名称和参数的对象
call-unnamed = 调用没有名称
tool-no-object = 工具不是带名称的对象
tool-unnamed = 工具没有名称
not-json = 不是 JSON

# 整个文件。
preference-pairs = 这是偏好数据
    .message = { $path } 的每行都有较好和较差两个回答。此版本不用这种数据训练。
    .hint = 要用较好的回答训练：{ $columns }
preference-pairs-unmapped = 这是偏好数据
    .message = { $path } 的每行都有较好和较差两个回答。此版本不用这种数据训练。
    .hint = 要用较好的回答训练，请把它接在问题之后，作为同一消息列表的最后一条。
judged-answers = 这是带评判的回答
    .message = { $path } 的同一列中既有好回答也有坏回答，由“{ $column }”区分。此版本不用这种数据训练。
    .hint = 请只保留好的回答，并去掉“{ $column }”列。
with-media = 这些数据行带有{ $what }
    .message = { $path } 有“{ $column }”列。此版本只用文本训练。
    .hint = 要只用其中的文本训练，请映射：{ $columns }
with-media-unmapped = 这些数据行带有{ $what }
    .message = { $path } 有“{ $column }”列。此版本只用文本训练。
    .hint = 请去掉它们。
pictures = 图片
videos = 视频
sound = 声音
single-turns = 每行只有一条消息，不是一段对话
    .message = { $path } 中“{ $role }”是说话人，“{ $content }”是所说内容。
    .hint = 请把每段对话的消息写进同一行：{ $example }
printed-lists = 列的内容无法读取
    .message = { $path }：“{ $column }”中是 Python 打印出来的列表，不是列表本身。
    .hint = 如果要当作文本：{ $columns }。否则：{ $convert }
printed-turns = 列的内容无法读取
    .message = { $path }：“{ $column }”中是 Python 打印出来的消息，不是消息本身。
    .hint = { $convert }
unknown-tag = “{ $tag }”不是标签字段
    .message = { $path }
    .hint = tags 可以包含：{ COMMAS($known) }。

# 文件如何读取，一行中的各个分句。
evidence = { CLAUSES($parts) }
columns-by-name = 列：{ COMMAS($columns) }
columns-by-shape = 列：{ COMMAS($columns) }（按结构识别）
column-as = { $column } 作为 { $field }
marks-rows = { COMMAS($columns) } 标明哪些行参与训练
not-used = 未使用：{ $columns }
lacking = 前 { NUMBER($of) } 行中有 { NUMBER($rows) } 行缺少其中之一
labels-are = 标签：{ $labels }
labels-are-numbers = 标签 { $labels } 是数字，请用 { $setting } 为其命名
names = { COMMAS($names) }
names-and-more = { COMMAS($names) } 等，另有 { NUMBER($more) } 个
names-one-a-weight = { $names }（如要给行加权：{ $setting }）
recorded = 来自该任务的记录，其文件已不存在

# 为什么无法从某一行学到内容。
marked-untrained = 该行标明不参与训练（{ $mark }）
answers-marked = 所有回答都标明不参与训练（{ $mark }）
no-text = 没有文本
no-assistant-text = 没有助手的文本
prompt-empty = 提示为空
dropped = 被 dataset.fixes 去掉

# 某一行中没有照原样采用的内容。
turn-has-key = 第 { NUMBER($turn) } 条消息含有“{ $key }”
turn-says = 第 { NUMBER($turn) } 条消息标有 { $mark }
turn-has-nulls = 第 { NUMBER($turn) } 条消息含有空字段（null）
column-has-nulls = “{ $column }”含有空字段（null）
part-says = { $name } 的一部分标有 { $mark }
row-says = 该行标有 { $mark }
of-turn = 第 { NUMBER($turn) } 条消息的 { $field }

# 不符合任何格式的列。
unknown-columns = 无法识别这些列
    .message = { $path } 的列为：{ $columns }。
    .hint = 可接受：{ $accepted }。请在 [[data]] 中映射：{ $example }
no-such-column = 没有列“{ $column }”
    .message = { $path } 的列为：{ $columns }。
    .hint = 可接受：{ $accepted }。请在 [[data]] 中映射：{ $example }
no-field = 映射中没有任何格式的字段
    .message = columns 映射了 { COMMAS($given) }，可用的字段是 { COMMAS($fields) }。{ $path } 的列为：{ $columns }。
    .hint = 可接受：{ $accepted }。请在 [[data]] 中映射：{ $example }
not-of-format = “{ $field }”不是 { $format } 的字段
    .message = 它的字段是 { COMMAS($fields) }。{ $path } 的列为：{ $columns }。
    .hint = 可接受：{ $accepted }。请在 [[data]] 中映射：{ $example }
field-without-column = { $format } 的“{ $field }”没有对应的列
    .message = { $path } 的列为：{ $columns }。
    .hint = 可接受：{ $accepted }。请在 [[data]] 中映射：{ $example }
unclear-text = 无法确定要训练什么
    .message = { $path } 的“{ $column }”中有文本，旁边没有标签。
    .hint = 只训练文本时，请在 [[data]] 中设置：{ $plain }
unclear-text-beside = 无法确定要训练什么
    .message = { $path } 的“{ $column }”中有文本，旁边还有：{ COMMAS($beside) }。
    .hint = 请在 [[data]] 中设置以下之一。只训练文本：{ $plain }。训练标签：{ $labels }。训练回答：{ $answers }。

# 消息列中是别的内容，以及处理办法。
no-list-of-turns = 列的内容无法读取
    .message = { $path }：“{ $column }”中是{ $what }。
    .hint = { $cure }
json-object = 一个对象的 JSON 文本，键为 { COMMAS($keys) }
lists-as-printed = Python 打印出来的列表，不是列表本身
only-text = 文本：“{ $words }”
one-object = 一个对象，不是消息列表
object-with-turns = 一个对象，消息在它的“{ $key }”中
no-speakers = 没有说明由谁说话的列表
several-conversations = 多段对话，消息各在“{ $key }”中
texts-by-speaker = 按说话人分开的文本，键为 { COMMAS($keys) }
pairs = 成对的输入和输出，不是消息
turns-with-keys = 键为 { COMMAS($keys) } 的消息
write-turns = 请写成消息列表：{ $example }
write-speakers = 请把每条写成说明了说话人的对象：{ $example }
write-one-conversation = 每行请只写一段对话：{ $example }
write-each-turn = 请把每段文本写成单独一条消息：{ $example }
write-pairs = 请把每一对写成两条消息：{ $asked } 和 { $answered }。“system”中的内容写成它们之前的一条同角色消息。
write-again = 请用原来的列表重新写出该文件，格式用 JSONL 或 parquet。
name-keys = 请指明哪个键是说话人、哪个键是文本：{ $setting }
convert-by = 转换命令：{ $command }
take-out = 请把它从对象中取出：{ $example }
take-out-by = 取出命令：{ $command }
