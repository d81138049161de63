# What a run is compared with, and what its evaluation must say about that.

examples-shown = Few-shot prompts hold { NUMBER($least) } to { COUNT($most, "example", "examples") } from the training rows
answers-unwritable = The answers can't be saved
    .message = { $path }: { $reason }.
    .hint = Free disk space or check the permissions, then resume. Saved answers are kept.
