unknown-language = 不支持这种语言
    .message = { $given } 不在可选项 { COMMAS($known) } 之中。
    .hint = 请将 --lang 或 TUNEDECK_LANG 设为其中之一。
