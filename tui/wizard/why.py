"""What each step's choice means and what usually goes wrong: the texts of the Why? pane."""

from __future__ import annotations

WHY = {
    "welcome": (
        "tunedeck keeps your answers after every step, so a dropped connection costs nothing. Continue the draft to "
        "find every field as you left it. Starting new keeps it beside the new one; it is offered here again."
    ),
    "task": (
        "Instructions teach a model how to answer: rows are questions with the answers you want, and only the answers "
        "are learnt. Plain text teaches it a language, a field or a manner of writing: every token is learnt. "
        "New skills and formats come from instructions; broad new knowledge needs plain text, and a lot of it. "
        "Try prompting first, with a few examples in the prompt: when that is good enough, you need no training. "
        "The usual mistake is to feed documents and hope for good answers: without questions in the data the "
        "model only learns to go on writing."
    ),
    "model": (
        "A base model only goes on writing; a chat model was already taught to answer, and brings a template that "
        "marks who speaks. For dialogue start from a chat model, for plain text from a base model. "
        "Bigger models know more, but memory and time grow with every parameter: get a small one right first. "
        "The usual mistake is a base model with a borrowed chat template: its special tokens were never trained, "
        "so answers may never end. Pickled weights (.bin, .pt) can run any code when they are loaded; prefer "
        "safetensors, and allow pickles only from people you trust."
    ),
    "strategy": (
        "A LoRA adapter is a small set of weights trained beside the frozen model. Fresh starts a new one on the "
        "plain model: right for a first run, or when the old training has nothing to do with the new. "
        "Continue goes on training an adapter you have: right for more of the same data. Merge makes an old adapter "
        "part of the model for good, then trains a new one on top: right for a related task. "
        "The usual mistake is to continue on unrelated data: the old skill goes and the new one comes slowly. "
        "F9 measures how your rows relate to what the adapter has learnt; mixing old rows in (replay) helps to "
        "keep the old skill while the new one is learnt."
    ),
    "data": (
        "The rows decide the result more than any setting. A few hundred clean, consistent rows beat many thousand "
        "sloppy ones: what is wrong in them will be learnt as well. Read the preview as the model will: "
        "is the question where it belongs, is the answer complete, is there text in it you never want to see again? "
        "Some rows are held out and never trained on; only on those can one see whether it learnt or merely "
        "memorised. The usual mistakes are answers cut short, one question in many copies, and rows whose "
        "columns were taken for something else: F5 finds such faults and offers what mends them, F2 says which column "
        "is what."
    ),
    "settings": (
        "A preset is a sound start; change one thing at a time from there. The learning rate matters most: too high "
        "and the loss jumps or turns to NaN, too low and nothing happens. Epochs come next: with few rows, more than "
        "three to five passes teach them by heart, and the loss on held-out rows rises while the training loss "
        "falls. Rank is how much the adapter can hold; 8 to 32 is plenty for most tasks. "
        "4-bit weights (nf4, QLoRA) need about a quarter of the memory of 16-bit ones and train a little slower. "
        "auto takes the fastest way that fits this machine; F7 lists what would make a run fit, and what that costs. "
        "The batch size is part of the mathematics; how it is cut to fit in memory never changes the result."
    ),
    "review": (
        "This is the whole run: every value, and where it came from. Before it starts, a sample of your rows is put "
        "through the model's own tokenizer to see how long they are and how much of them is learnt. "
        "A trained share near zero means that the answers are not where they were expected; rows over the longest "
        "length are dropped or cut. The training runs on its own: close this terminal and it goes on. "
        "The command shown repeats the same run without a screen."
    ),
}
