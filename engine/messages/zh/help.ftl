# 帮助文本。长段落在此手工换行：每行不超过 39 个汉字，因为帮助程序按空格折行。

tunedeck = 在终端里一步步完成 LoRA 与 QLoRA 微调。
    .help =
        不带命令时打开界面。以路径代替命令时，从该处的内容开始，
        例如 `tunedeck rows.jsonl`。命令优先于同名文件：
        名为 run 的文件请写成 ./run。
    .version = 显示版本号。
    .ascii_only = 界面只用 ASCII 字符。
    .no_mouse = 界面不使用鼠标。
    .plain = 逐行提问和显示，不打开界面；也可设 ACCESSIBLE=1。
    .colors = 界面颜色：truecolor、256、16 或 none。
    .lang = 显示语言。
    .theme = 本次的主题：dark、light、contrast、color-blind 或 terminal。
    .install_completion = 让当前 shell 从此能用 Tab 补全命令、选项、任务名和文件名。
    .show_completion = 显示补全脚本，供自行安装。
    .help_option = 显示此帮助并退出。
    .epilog =
        数据写到 stdout，过程说明写到 stderr。
        退出码：0 完成，1 训练失败，2 配置或命令行有误，3 数据，4 模型，5 机器，
        6 任务（未找到、被拒绝或提前停止），130 被中断。

run = 按 CONFIG 训练。
    .help =
        先检查配置、模型、数据和磁盘。训练在独立进程中进行。
        不带 --detach 时在此显示进度，直到训练结束。
        按 Ctrl+C 会保存检查点并停止；再按一次立即离开，训练自行停止。
        带 --json 时，最后一行输出结果。
    .config = 任务的 TOML 文件。
    .settings = 设置一个字段，可多次使用。
    .preset = 起始预设；文件中的值优先。
    .detach = 启动后立即返回。
    .check = 只检查（包括全部数据行），不启动。
    .seeds = 用 N 个随机种子依次训练，作为一组；测试行相同。
    .as_json = 在 stdout 输出 JSON。

open = 从 PATH 处的内容开始；与 tunedeck PATH 相同。
    .help =
        数据文件或文件夹、模型：打开向导并填好它们。适配器：打开向导，继续训练它。
        任务：打开它的界面。TOML 配置：在向导的“确认”一步打开；
        `tunedeck run` 则不用界面直接开始。
    .paths = 数据文件或文件夹（可多个）、模型、适配器、任务或配置。
    .ascii_only = 界面只用 ASCII 字符。
    .no_mouse = 界面不使用鼠标。
    .colors = 界面颜色：truecolor、256、16 或 none。

attach = 在界面上查看一个任务，或以文本跟踪。
    .help = 没有终端时始终以文本跟踪。离开不会停止训练。
    .run = 路径、ID、ID 开头或名称；默认为最新任务。
    .plain = 不用界面，以文本跟踪。
    .only_watches = 只读查看：不能操作任务。

runs = 列出所有任务及其状态，最新的在前。
    .help = 种子组中的任务列在该组下方。
    .sort = 排序：newest、name、state、metric（最好在前）或 loss（最低在前）。
    .only = 只列出含有所有这些词的任务：名称、模型、数据、状态、ID 或指标。
    .as_json = 在 stdout 输出 JSON。

compare = 比较多个任务：带结论的指标、设置和代价。
    .help =
        只有当各个任务回答了完全相同的行时，指标才有结论；其余任务与第一个比较。
        无法比较之处会说明。多次比较时按 Holm 校正。种子组算作一个任务；
        只给出一个组时，比较其中的各个任务。
    .runs = 两个或更多任务或种子组：ID、ID 开头、名称或路径。
    .by = 只按该指标比较。
    .as_json = 在 stdout 输出 JSON。

status = 显示一个任务的状态。
    .run = 路径、ID、ID 开头或名称；默认为最新任务。
    .as_json = 在 stdout 输出 JSON。

logs = 显示训练进程输出的末尾。
    .run = 路径、ID、ID 开头或名称；默认为最新任务。
    .lines = 显示最后多少行。

stop = 当前步完成后停止，并保存检查点。
    .help = 用 `tunedeck resume` 可从该处继续。第一步之前没有可保存的内容。若是种子组，之后的任务不再开始。
    .run = 任务或种子组的名称或 ID；默认为唯一正在进行的任务。
    .no_wait = 不等待训练进程应答。
    .at_best = 以最佳检查点作为结果，不论 eval.keep 如何设置。

pause = 当前步完成后暂停训练。
    .run = 名称或 ID；默认为唯一正在进行的任务。
    .no_wait = 不等待训练进程应答。

resume = 继续已暂停或已结束的任务。
    .help =
        暂停的任务从原处继续；停止、失败或崩溃的任务从最后一个完整检查点继续。
        如果因内存或显存不足而结束，可先用 --remedy 修改设置，使其放得下。
        若是种子组，则训练其中尚缺的任务。
    .run = 任务或种子组的名称或 ID；默认为最新任务。
    .no_wait = 不等待训练进程应答。
    .follow = 然后跟踪到结束。
    .remedy = 先采用 `tunedeck status` 列出的第 N 条办法。
    .accept_changes = 即使数据、模型、模板或旧适配器已变也继续。

save = 立即保存检查点，训练继续。
    .run = 名称或 ID；默认为唯一正在进行的任务。
    .no_wait = 不等待训练进程应答。

set = 训练期间更改回放份额或学习率。
    .help =
        从下一步起生效。例如 `tunedeck set RUN replay=0.2`；`replay=more`
        表示加倍，最多一半，任务须有旧数据或通用数据的来源。
        `rate=0.5` 将剩余所有步的学习率减半。
    .first = 任务名或 ID；默认：唯一正在运行的任务。
    .second = 新的份额（0 至 1）或 more；或学习率的倍数（0 至 1）。
    .no_wait = 不等待训练进程应答。

rollback = 回到某个检查点，并从那里继续训练。
    .help =
        适用于正在训练、已暂停、已停止、失败或崩溃的任务。
        不带 --to 时，回到最近一次损失突增之前的最后一个检查点；
        没有突增时，回到最后一个检查点。其后的步作废：仍保留在日志中，
        但不再计入。那一步之后的设置会撤销，已跳过的数据仍然跳过。
    .run = 任务名或 ID；默认：正在运行的任务，否则最新的任务。
    .to = 检查点的步数；0：从头开始。
    .lower_rate = 从那里起学习率乘以此数，例如 0.5。
    .skip_rows = 那一步之后损失突增所涉及的数据，不再用于训练。
    .no_wait = 不等待训练进程应答。
    .accept_changes = 即使数据、模型、模板或旧适配器有变化也恢复。
    .as_json = 以 JSON 输出所做的操作。

merge = 将 LoRA 适配器合并到基座模型，并输出新文件夹。
    .help =
        内存只需容纳若干块数据；磁盘须能再放下一份完整模型。
        全部写完后文件夹才会出现。
        验证未通过时退出码为 4，合并后的模型会保留，供检查。
    .base = 16 位模型：文件夹、入门模型或 Hub ID。
    .adapters = 适配器文件夹，或产生它们的任务。
    .target = 合并后模型的存放位置。
    .weight = 各适配器的权重，按顺序；默认为 1。
    .dtype = bfloat16、float16 或 float32；默认同基座。
    .rows = 用这些数据验证合并结果。
    .proof = 合并后与“基座 + 适配器”比较。
    .trust_base = 即使基座可能不是适配器的原基座也合并。
    .as_json = 在 stdout 输出 JSON。

export = 将任务的适配器导出给其他程序使用；打印文件路径。
    .help = 目标：adapter（供 PEFT 使用）、merged（16 位模型，供 Transformers 和 vLLM 使用）、
        gguf（供 llama.cpp 和 Ollama 使用）、
        gguf-lora（仅适配器，配合其基座的 GGUF 使用）、ollama（GGUF 与 Modelfile）、
        vllm（适配器与启动脚本）。重新运行时会保留已完成的文件。
    .name = 任务，或适配器所在的文件夹。
    .target = adapter、merged、gguf、gguf-lora、ollama、vllm 或 hub。
    .kinds = GGUF 类型：q8_0、q6_k、q5_k_m、q4_k_m、q3_k_m、q2_k、f16、bf16 或 f32。可多次给出。
    .folder = 文件的存放位置；不给出时放在该任务旁边。
    .repo = 与 --to hub 一起使用：推送到哪里。除非给出 --public，否则为私有。
    .public = 所有人可见。
    .dry_run = 只显示将推送的内容，不推送。
    .yes = 不询问，直接推送。
    .proof = 让导出的文件回答该训练留出的行，并与适配器比较。
    .base_id = 基座模型的 Hub ID，写入适配器配置：别人无法加载本机的文件夹。
    .base = 基座模型现在的位置（若已不在适配器所写的位置）。
    .trust_base = 接受可能不是训练该适配器时所用的基座模型。
    .as_json = 在标准输出打印 JSON。
serve = 为任务的导出结果提供服务，直到按下 Ctrl+C。
    .help = 仅限本机、兼容 OpenAI 接口的服务器，选用已安装的最佳程序：vLLM、llama.cpp、transformers serve。
        打印一行可用来提问的命令。
    .run = 省略时为最新的任务。
    .port = 监听的端口。
lineage = 显示模型与适配器的来历。
    .help = 以树形列出基座、合并模型和适配器，及其产生方式和训练数据。
    .run = 只看它的来源，以及由它产生的模型。
    .against = 显示两个任务的差异。
    .as_json = 在 stdout 输出 JSON。

report = 将任务的过程与结果写成一个 HTML 文件，输出其路径。
    .help = 该文件无需网络和脚本，包含结论、数值、回答、数据、设置以及复现方法。
        报告只根据任务自身的文件生成，正在训练或失败的任务也可以。
    .run = 任务；不指定时为正在运行的任务，否则为最新的任务。
    .to = 要写入的文件或文件夹；不指定时为任务目录中的 report.html。
    .force = 覆盖不属于该任务报告的文件。
    .open_it = 在浏览器中打开。

demo = 教一个 135M 模型把订单写成 JSON。
    .help =
        在界面上会打开已填好的向导。
        带 --headless 时完成同样的训练、跟踪和比较：
        留出行上的完全匹配率与损失，以及三条回答的对照。
    .headless = 不用界面：训练，然后比较。
    .settings = 设置一个字段，可多次使用。
    .as_json = 配合 --headless：最后一行输出结果。

estimate = 估算显存、时间和磁盘，不加载任何模型。
    .help =
        对 CONFIG：显存峰值的每一项、auto 的选择、是否放得下、放不下时如何修改。
        对 MODEL（文件夹、入门模型、Hub ID 或 --shape）：
        各种方法和行长下最大的微批次。
        不带 --gpu 时针对本机最空闲的 GPU，没有 GPU 时针对内存。
    .what = 任务的 TOML 文件，或模型。
    .gpu = 针对此 GPU，而非本机的 GPU。
    .rank = 对模型：适配器的秩。
    .shape = 不在本机的模型的各项维度。
    .settings = 设置一个字段，可多次使用。
    .as_json = 在 stdout 输出 JSON。

evaluate = 任务结束后的评估：用它留出的数据行或任意文件。
    .help =
        任务的适配器、基座模型以及 --against 指定的对象回答同样的数据行。
        打印结论、每个数字的 95% 区间和回答最差的数据行。
        回答随时保存在任务的文件夹中：按 Ctrl+C 之后，同一命令会接着进行。训练过的数据行会被找出并指明。
    .run = 路径、ID、ID 开头或名称；默认：最新任务。
    .data = 数据行文件，可用任何能训练的格式；默认：任务留出的数据行。
    .settings = 描述该文件，例如 data.0.columns.prompt=question；可多次给出。
    .against = 与 base、few-shot 或另一个任务比较；可多次给出；默认：base。
    .name = 保存用的名称；默认：取自文件名。
    .rows = 行数；0：全部；默认：任务的 eval.generate_rows。
    .max_new_tokens = 回答的最大词元数；默认：与任务相同。
    .unseen_only = 排除训练过的数据行。
    .tasks = 改用 lm-eval 的任务，例如 gsm8k,arc_easy（需要 pip install "tunedeck[eval]"）。
    .task_folder = 自己的 lm-eval 任务所在的文件夹。
    .trust_base = 即使基座模型可能与训练时不同也进行评估。
    .worst = 显示多少个最差的数据行。
    .as_json = 在 stdout 打印 JSON。

extract = 从基座模型与微调模型中提取 LoRA 适配器。
    .help =
        每个线性层的改动以低秩保留，并按层和总体给出舍去了多少。有改动但 LoRA 无法表示的张量（词嵌入、
        归一化、新词元）会逐一列出。给出 --data 时，由基座模型、微调模型和适配器回答文件中的行。
        适配器保留为一个任务。
    .base = 模型文件夹、入门模型名称或 Hub ID。
    .tuned = 微调模型。
    .rank = 适配器的秩：越大保留的改动越多。
    .name = 任务的名称；默认：微调模型与秩。
    .data = 一个文件，其行由基座模型、微调模型和适配器回答。
    .rows = 回答其中多少行；0：全部。
    .as_json = 在 stdout 输出 JSON。
mix = 把多个适配器混合为一个，并在各自的任务上测量。
    .help =
        基座模型、各适配器与混合结果回答每个适配器所属任务的留出行，并给出与该适配器之差及其区间。
        混合结果先作为候选，可保留（成为一个任务）或丢弃：单独给出其编号并加 --keep 或 --discard。
        不给名称时列出候选。方法：linear（精确加权和）、ties、dare_linear、dare_ties。原适配器保持不变。
    .names = 任务或适配器文件夹，至少两个；或一个候选的编号。
    .method = linear、ties、dare_linear 或 dare_ties。
    .weights = 每个适配器一个权重；默认：全部相同，总和为 1。
    .density = 用于 ties 与 dare：每个更新保留的比例。
    .seed = 用于 dare：决定丢弃哪些值的随机种子。
    .rank = 把混合结果截到该秩；默认：各适配器的秩之和。
    .name = 混合结果的名称；默认：由适配器与方法组成。
    .rows = 每个任务的留出行数；0：全部；默认：该任务的 eval.generate_rows。
    .data = 另一项任务的行所在文件。可多次给出。
    .margin = 比原适配器差多少仍算保住，0.02 即 2 个百分点；默认：eval.forgetting_margin。
    .keep = 把混合结果保留为任务。
    .discard = 测量后丢弃混合结果。
    .trust_base = 即使基座模型可能不是训练适配器时的那一个，也进行混合。
    .as_json = 在 stdout 输出 JSON。
strength = 在若干强度下测量适配器，或保留其中一个。
    .help =
        在每个强度下，适配器回答任务留出的数据行并阅读通用文本：0 是基座模型，1 是训练所得的适配器。
        --keep 把一个强度写入保存的适配器（lora_alpha），PEFT 在任何地方都以该强度加载；
        完整强度的配置保留在旁边，--keep 1 可恢复。
    .run = 路径、ID、ID 开头或名称；默认：最新任务。
    .scales = 要测量的强度；默认：0,0.25,0.5,0.75,1,1.25。
    .keep = 保留该强度；不给 --scales 时不作测量。
    .rows = 留出行数；0：全部；默认：任务的 eval.generate_rows。
    .general = 通用文本文件；默认：与任务相同，或内置文本。
    .losses_only = 只测损失，不生成回答：快得多。
    .trust_base = 即使基座模型可能与训练时不同也进行测量。
    .as_json = 在 stdout 打印 JSON。

chat = 与模型对话。
    .help =
        在终端中会打开对话界面。使用 --prompt 或没有终端时直接打印回答：对每个提示词，或标准输入的每一行，
        各为一段独立的对话。回答在模型的停止词元处结束，没有结束时会注明。
        对话在独立的进程中运行；内存不足时，旁边的训练优先。
    .target = 任务、适配器或模型（文件夹或名称）；默认：最新的任务。
    .beside = 并排回答者：base 为基座模型，或同一基座模型的其他任务或适配器。
    .prompt = 打印对这段文本的回答，可重复。
    .system = 系统提示词。
    .temperature = 0：总是取最可能的词元。
    .top_p = 从累计概率达到该比例的词元中抽取。
    .max_new_tokens = 最长回答。
    .stop = 回答在这段文字之前结束，文字本身不显示；\n 表示换行。可重复使用。
    .plain = 续写文本，不使用对话模板。
    .checkpoint = 使用任务的这个检查点，而不是结果。
    .base = 适配器的基座模型所在位置。
    .quantization = 基座模型的精度；默认与训练时相同。
    .gpu = GPU 的编号、UUID 或名称；cpu：不用 GPU。
    .server = 与该地址的 OpenAI 兼容服务器对话，例如 `tunedeck serve` 启动的服务器；此时目标为服务器上的模型名。
    .key_from = 存有服务器密钥的环境变量。
    .trust_base = 接受可能不是训练时所用的基座模型。
    .trust_remote_code = 运行模型自带的 Python 代码。
    .allow_pickle = 加载 .bin 权重，可能执行代码。
    .as_json = 每个提示词打印一个 JSON 对象。
judge = 盲评一个任务的成对回答。
    .help =
        不给 --by 时打开界面：用方向键选 A 或 B，每对约一秒。
        给出 --by 时由本地模型以两种顺序评判每一对，随顺序翻转的按平局计。
        若有 30 对也由人评判过，则给出一致程度并校正其比率。选择随时保存。
    .run = 路径、ID、ID 开头或名称；默认：最新任务。
    .by = 充当评委的模型：文件夹、入门模型或任务。
    .evaluation = 哪次评估的回答；默认：训练时的评估。
    .against = 另一个候选；默认：base。
    .rows = 对数；0：全部。
    .verdict = 只给出已有选择的结论。
    .trust_base = 以任务充当评委时：其基座模型可能与训练时不同。
    .as_json = 在 stdout 打印 JSON。

doctor = 检查本机，并说明如何修复。
    .help =
        检查 Python、库、GPU、终端、磁盘和权限。
        有问题时退出码为 5，只有建议时为 0。
    .as_json = 在 stdout 输出 JSON。

selftest = 检查本机计算是否正确。
    .help =
        用一个极小的模型试遍任务可能用到的训练方式：
        各种数据类型和量化的损失与梯度（与 CPU 上的 float32 对照）、
        实际使用的注意力内核、预测与实测的显存、显存不足的处理、多设备与暂停。
        不保留任何内容，输出中不含用户名和主机名。
        有检查未通过时退出码为 5。
    .gpus = 只用这些 GPU，写法同 launch.gpus。
    .as_json = 在 stdout 输出 JSON。

fields = 列出配置的所有字段、默认值和含义。
    .section = 只列出此小节。
    .as_json = 输出配置的 JSON schema。

version = 显示版本号。

model = 下载和列出模型。

model-get = 下载模型（已有则跳过），并输出其文件夹。
    .name = 入门模型，或 Hub ID（如 org/model）。
    .revision = Hub 模型的分支、标签或提交。
    .allow_pickle = 也接受 .bin 权重；它们可能运行代码。

model-list = 列出本机的模型和可用的入门模型。
    .as_json = 在 stdout 输出 JSON。

data = 训练前查看数据。

data-check = 检查数据：哪些行损坏、重复、被截断、含隐私或有错，以及如何处理。
    .help =
        不改动任何数据。在副本上有效的修复会列出，写入配置的 dataset.fixes 即可采用。
        指定模型时，还会用它的分词器读取数据。
        退出码：0 没有致命问题，1 训练无法开始，2 数据或配置无法读取。
    .what = 任务的 TOML 文件，或数据：文件、文件夹、ID。
    .settings = 设置一个字段，可多次使用。
    .model = 对数据：用哪个模型的分词器读取。
    .rows = 每项发现列出多少行。
    .as_json = 在 stdout 输出 JSON。

data-show = 按训练时的样子显示一行：哪些词元参与训练，有什么问题。
    .help =
        参与训练的词元写在标记之间，特殊词元写在花括号里；行下有说明。
        退出码：0 该行正常，1 该行有问题，2 没有该行或无法读取。
    .what = 任务的 TOML 文件，或数据：文件、文件夹、ID。
    .row = 该行在文件中的编号，与检查结果一致。
    .file = 有多个文件时，该行所在的文件。
    .bad = 从该处起第一个有问题的行。
    .ids = 显示每个词元及其编号。
    .model = 对数据：用哪个模型的分词器读取。
    .settings = 设置一个字段，可多次使用。
    .as_json = 在 stdout 输出 JSON。

adapter = 查看 LoRA 适配器。

adapter-inspect = 从文件描述 LoRA 适配器，不论由谁训练。
    .help = 退出码 4：无法读取、含非有限数值，或与 --base 的模型不符。
    .path = 适配器文件夹，或产生它的任务。
    .base = 同时说明它是否适合此模型。
    .allow_pickle = 也描述 pickle 格式的适配器；不会加载它。
    .as_json = 在 stdout 输出 JSON。

heading-usage = 用法
heading-options = 选项
heading-arguments = 参数
heading-commands = 命令
