# 向导的框架：步骤栏、按钮、前两步、文件选择器和“为什么？”说明。

title = 新建微调
step-welcome = 欢迎
step-task = 类型
step-model = 模型
step-strategy = 策略
step-data = 数据
step-settings = 设置
step-review = 确认
back = 上一步
next = 下一步
start = 开始
start-group = 开始 { NUMBER($runs) } 个任务
start-by-enter = 在“开始”上按 Enter，训练才会开始。
starting = 正在启动……
why = 为什么？
in-short = 简言之
rule-of-thumb = 经验法则
usual-mistake = 常见错误
why-step = 为什么？{ $step }
draft-saved = 草稿已保存 { CLOCK($at) }
draft-not-saved = 草稿未保存
continue-answers = 继续填写？
continue-answers-about = 目前停在“{ $step }”一步。新建会把它保留为草稿，以后按 n 可再次打开。
start-new = 新建
continue = 继续
locked = 已锁定：取自适配器
rate-of-continue = 继续训练取三分之一
not-started = 无法启动训练

unfinished = 上次有未完成的填写。
continue-draft = 继续草稿
earlier-draft = 更早的草稿
at-step = 停在“{ $step }”一步
answers-kept = 填写的内容已保存，按 n 继续。
drafts-are-kept = 草稿会保留
draft-task = 任务  { $value }
draft-model = 模型  { $value }
draft-data = 数据  { $value }
draft-preset = 预设  { $value }

model-question = 要训练哪个模型？
strategy-question = 在已有适配器的基础上训练吗？
data-question = 用哪些数据训练？
settings-question = 如何训练？
review-question = 这样可以吗？
test-model = 测试模型
    .help = 让模型回答：是基座还是对话模型，能否停止。

task-question = 想让模型学会什么？
task-instructions = 指令与对话
task-instructions-short = 学会回答
task-instructions-about = 每行包含一个问题和期望的回答，单轮或多轮均可。只训练回答部分（SFT，监督微调）。适合学习技能、格式、语气或角色。
task-text = 纯文本
task-instructions-example =
    这类数据的一行（JSON）：
    
    { "{" }"instruction": "这份订单送到哪个城市？",
     "input": "两份披萨，送到杭州文三路 12 号",
     "output": "杭州"{ "}" }
task-text-example =
    这类数据的一行（JSON），也可以是普通文本文件：
    
    { "{" }"text": "压力低于 2 bar 时，阀门 V-12 关闭……"{ "}" }
chosen-instructions = 指令与对话
chosen-text = 纯文本
chosen-files = { NUMBER($files) } 个文件
chosen-own = 自定取值
task-text-short = 学会这样写作
task-text-about = 没有问题的文档，每个词元都参与训练（继续预训练）。适合学习某个领域的语言和知识，所需文本远多于指令数据。
task-hint = 拿不准是否需要训练？先在提示词中放几个示例试试：往往已经够用。每一步按 Enter 都采用建议的选择。

picker-keys = Enter 打开   左方向键返回上级   / 筛选   . 选整个文件夹   Esc 关闭
picker-above = 上级文件夹

about-welcome = 每一步之后都会保存填写的内容，断线不会丢失任何内容。
    .rule = “继续”会原样打开草稿；“新建”会把旧草稿一并保留。
about-task = 指令数据教模型如何回答：每行是一个问题和期望的回答，只训练回答部分。纯文本教模型一种语言、一个领域或一种文风，每个词元都参与训练。
    .rule = 技能和格式靠指令数据；大范围的新知识需要大量纯文本。请先试试提示词，放几个示例：如果效果已经够好，就不需要训练。
    .mistake = 用文档训练却期待好的回答。数据里没有问题，模型只会续写。
about-model = 基座模型只会续写文本。对话模型经过回答训练，并带有标明说话者的模板。模型越大懂得越多，但显存和时间随参数量增长。
    .rule = 做对话选对话模型，学文本选基座模型。先把小模型做对。
    .mistake = 给基座模型套用别人的对话模板：其特殊词元从未训练过，回答可能停不下来。pickle 格式的权重（.bin、.pt）加载时可以执行任意代码，请优先使用 safetensors。
about-strategy = LoRA 适配器是在基座模型之外训练的一小组权重，基座模型保持不变。“新建”训练新的适配器；“继续”接着训练已有的适配器；“合并”把旧适配器并入模型，再训练新的适配器。
    .rule = 同类数据用“继续”，相关任务用“合并”，第一次训练或无关任务用“新建”。按 F9 可测量新数据与旧适配器的关系。
    .mistake = 在无关数据上继续训练：旧能力消退，新能力也学得慢。回放，即混入部分旧数据，可减轻灾难性遗忘。
about-data = 数据比任何设置都更能决定结果。部分行会留作验证集，从不参与训练，只有它们能说明模型是学会了还是背下来了。
    .rule = 几百行干净、一致的数据胜过成千上万行粗糙的数据。请像模型那样阅读预览：回答是否完整，有没有不希望模型学会的文字？
    .mistake = 回答被截断、同一问题大量重复、列映射有误。F5 可找出这些问题并给出修复办法，F2 可指定列的含义。
about-settings = 预设是稳妥的起点，每次只改一处。学习率决定每步走多远，轮次决定每行看几遍，秩决定适配器能容纳多少。为适应显存而切分批次，绝不会改变结果。
    .rule = 秩取 8 至 32 足以应付多数任务。4 位权重（nf4，QLoRA）所需显存约为 16 位的四分之一，训练略慢。F7 列出能让训练放得下的改动。
    .mistake = 学习率过高：损失跳动或变为 NaN。数据少而轮次多：超过三至五轮就会背下数据，训练损失下降而验证损失上升。
about-review = 这里是整个训练：每个取值及其来源。训练独立运行：关闭终端也会继续。显示的命令可不用界面重复同一次训练。
    .rule = 开始之前，会用分词器处理一部分数据。训练比例接近零，说明回答不在预期的位置。
    .mistake = 不看有多少行超长：它们会被丢弃或截断。按 F5 查看。
