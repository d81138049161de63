# 使用模型：名称指的是什么，以及加载时有什么问题。

not-found = 没有这个名称的任务、适配器或模型
    .message = { $name } 不是任务，也不是文件夹或入门模型。
    .hint = 运行 `tunedeck runs` 查看所有任务，或指定模型或适配器的文件夹。
no-checkpoint = 没有这个检查点
    .message = { $run } 没有检查点 { $step }，现有 { LIST($steps) }。
    .hint = 请指定其中之一，或去掉 --checkpoint，使用任务的结果。
no-checkpoints = 没有这个检查点
    .message = { $run } 没有检查点 { $step }，也没有其他检查点。
    .hint = 去掉 --checkpoint。
checkpoint-damaged = 检查点已损坏
    .message = { $run } 的检查点 { $step }：{ $why }。
    .hint = 指定其他检查点，或去掉 --checkpoint，使用任务的结果。
base-unnamed = 适配器没有注明基座模型
    .message = { $adapter } 没有写明它属于哪个模型。
    .hint = 用 --base MODEL 指定。
base-unusable = 基座模型无法使用
    .message = { $adapter } 需要该模型。{ WHOLE($reason) }
    .hint = 用 --base MODEL 指定基座模型现在的位置。
base-not-here = 基座模型不在这台机器上
    .message = { $adapter } 是在 { $base } 上训练的。
    .hint = 运行 `tunedeck model get { $base }`，或用 --base 指定它的文件夹。
base-uncertain = 基座模型可能不对
    .message = { $adapter } 与 { $model }：
        { LINES($reasons) }
    .hint = 用 --base 指定训练时的基座模型。如果确定就是这个模型，请加上 --trust-base。
resized = 适配器的词表不同
    .message = { $adapter } 与 { $model }：
        { LINES($reasons) }
    .hint = 先用 `tunedeck merge` 合并两者，再使用合并后的模型。
pickled = 权重是 pickle 格式
    .message = { $path }：加载 pickle 可能执行任意代码。
    .hint = 请把权重转换为 safetensors。如果信任其来源，请加上 --allow-pickle。
own-code = 模型自带代码
    .message = { $folder }：{ $type } 类型的模型需要运行权重旁边的 Python 代码。
    .hint = 请先阅读这些代码。如果信任，请加上 --trust-remote-code。
other-base = 两个适配器的基座模型不同
    .message = { $one } 属于 { $base }，{ $other } 属于 { $other_base }。
    .hint = 两个适配器在内存中共用一个模型。请选择基座模型相同的适配器。
biases = 适配器不能与其他适配器共用模型
    .message = { $adapter } 训练了偏置，会取代模型自己的偏置。
    .hint = 请先后分别使用这两个适配器。
