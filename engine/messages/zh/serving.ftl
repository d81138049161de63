# tunedeck serve：用兼容 OpenAI 接口的服务器运行导出结果。

nothing-exported = 没有可供服务的导出
    .message = { $run } 没有文件仍在的 llama.cpp、vLLM 或 Transformers 导出。
    .hint = 请先导出：tunedeck export { $run } --to gguf。
no-program = 未安装服务程序
    .message = 已导出：{ LIST($exported) }。本机没有可用的 vLLM、llama.cpp 或 `transformers serve`。
    .hint = 请安装其一：pip install 'tunedeck[gguf]' 可运行 GGUF 导出，pip install 'transformers[serving]' 可运行合并模型。
port-in-use = 端口已被占用
    .message = 无法在本机端口 { $port } 上监听。
    .hint = 请用 --port 换一个端口。
ended = 服务器已退出
    .message = { $program } 运行 { $path } 时退出（退出状态 { $code }）。其输出见上文。
    .hint = 请确认机器还有可用内存，然后重试。
starting = { $program } 正在加载 { $path }
ready = 正在监听 { $address }/v1；按 Ctrl+C 结束。对话：tunedeck chat --server { $address }
