# 向导第 5 步：设置，以及让训练放得下的面板。

depth-preset = 预设
depth-common = 常用字段
depth-all = 全部字段
depth = 当前显示{ $depth }。F2 显示{ $following }。
depth-edit = 当前显示{ $depth }。F2 显示{ $following }。Enter 编辑。
precision = 基座模型精度
preset-sets = 该预设的取值
also-set = 此外由预设或手动设定
in-force = 生效的取值：{ COMMAS($values) }
steps = { NUMBER($steps) } 步
epochs = { $epochs } 轮
batch = 批大小 { $size }
rate = 学习率 { $rate }
rank = 秩 { $rank }
length = 每行最多 { NUMBER($tokens) } 个词元
seeds = 种子数
seeds-hint = 用这些设置训练几次
seeds-wrong = 应为 1 至 { $most } 的整数
empty = 空
field = { $about }。默认值：{ $default }。
field-range = { $about }。默认值：{ $default }。范围：{ $range }。
field-allowed = { $about }。默认值：{ $default }。可选：{ COMMAS($values) }。
filter = 按 / 筛选：名称、取值或说明
filter-nothing = 没有字段包含这些文字。
field-locked = 已锁定：由所继续的 { $source } 决定。{ $about }。
one-step-up = 再增一档：{ $cost }。
auto-is = auto 选择 { $value }：{ $reason }。
precision-auto = 放得下的最快方式：有余量时用 16 位，否则用 4 位
precision-none = 16 或 32 位原样：没有损失
precision-nf4 = 4 位（QLoRA）：略慢，几乎没有损失
precision-int8 = 8 位：较慢；4 位回答不佳时使用
precision-cost = { $about }；{ $cost }

fit-title = 使其放得下
fit-room = { $needs }，{ $device }
fit-time = 时间
fit-result = 结果
fit-legend =
    改后：* 放得下，~ 勉强放得下。每词元的时间为计算值。
    结果：是否得到同样的适配器。批大小和数据不变。
fit-keys = 1 至 9、Enter：应用   u：撤销   k：保留   ?：术语   Esc：放弃更改
fit-keep = k 保留当前设置
fit-unknown = 尚不知道这次训练需要多少。
fit-nothing = 任何设置组合都放不下：请换更小的模型或更大的 GPU。
fit-applied = 已应用：{ $changes }
fit-same = 相同
fit-other = 不同
