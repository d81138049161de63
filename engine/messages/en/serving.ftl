# tunedeck serve: an export behind an OpenAI-compatible server.

nothing-exported = Nothing is exported to serve
    .message = { $run } has no export for llama.cpp, vLLM or Transformers whose files are still there.
    .hint = Export one first: tunedeck export { $run } --to gguf.
no-program = No server is installed
    .message = Exported: { LIST($exported) }. Neither vLLM, llama.cpp nor `transformers serve` is here for that.
    .hint = Install one: pip install 'tunedeck[gguf]' serves a GGUF export, pip install 'transformers[serving]' a merged one.
port-in-use = The port is in use
    .message = Nothing can listen at port { $port } of this machine.
    .hint = Choose another with --port.
ended = The server ended
    .message = { $program } on { $path } ended (exit status { $code }). Its output is above.
    .hint = Check that the machine has memory left, then try again.
starting = { $program } loads { $path }
ready = listening at { $address }/v1; Ctrl+C ends it. Chat: tunedeck chat --server { $address }
