loading-libraries = loading the libraries
reading-tokenizer = reading the tokenizer
converting = converting the weights to bfloat16
writing = writing safetensors
checking = checking the result
