loading-libraries = 正在加载库
reading-tokenizer = 正在读取分词器
converting = 正在将权重转换为 bfloat16
writing = 正在写入 safetensors
checking = 正在检查结果
