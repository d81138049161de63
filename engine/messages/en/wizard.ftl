# The wizard around its steps: rail, buttons, the first two steps, the file picker, and the Why? texts.

title = New fine-tuning
step-welcome = Welcome
step-task = Task
step-model = Model
step-strategy = Strategy
step-data = Data
step-settings = Settings
step-review = Review
back = Back
next = Next
start = Start
start-group = Start { COUNT($runs, "run", "runs") }
start-by-enter = Enter on Start begins the training.
starting = Starting ...
why = Why?
in-short = In short
rule-of-thumb = Rule of thumb
usual-mistake = Usual mistake
why-step = Why? { $step }
draft-saved = draft saved { CLOCK($at) }
draft-not-saved = draft not saved
continue-answers = Continue your answers?
continue-answers-about = They are at the step { $step }. Start new keeps them as a draft; n offers it again later.
start-new = Start new
continue = Continue
locked = locked: from the adapter
rate-of-continue = one third, for continuing
not-started = The run can't be started

unfinished = You have unfinished answers from last time.
continue-draft = Continue the draft
earlier-draft = An earlier draft
at-step = at the step { $step }
answers-kept = Your answers are kept. n continues them.
drafts-are-kept = drafts are kept
draft-task = task    { $value }
draft-model = model   { $value }
draft-data = data    { $value }
draft-preset = preset  { $value }

model-question = Which model do you want to train?
strategy-question = Build on an earlier adapter?
data-question = Which data should it learn from?
settings-question = How should it train?
review-question = Is this what you want?
test-model = Test the model
    .help = Let the model answer: base or chat, and does it stop?

task-question = What should the model learn?
task-instructions = Instructions and dialogue
task-instructions-short = learns to answer
task-instructions-about = Rows with a question and the answer you want, in one turn or many. Only the answers are trained (SFT, supervised fine-tuning). For a skill, a format, a tone or a role.
task-text = Plain text
task-instructions-example =
    A row of such data, as JSON:
    
    { "{" }"instruction": "Which city is this order for?",
     "input": "2 pizzas to 12 Main St, Leeds",
     "output": "Leeds"{ "}" }
task-text-example =
    A row of such data, as JSON, or simply a text file:
    
    { "{" }"text": "Valve V-12 closes when the pressure falls below 2 bar. ..."{ "}" }
chosen-instructions = instructions
chosen-text = plain text
chosen-files = { COUNT($files, "file", "files") }
chosen-own = own values
task-text-short = learns to write like this
task-text-about = Documents without questions. Every token is trained (continued pre-training). For the language and knowledge of a field. It needs much more text than instructions do.
task-hint = Enter accepts what is suggested, at every step. Not sure you need training? Try prompting the model with a few examples first: often that is enough.

picker-keys = Enter opens   Left goes up   / filters   . takes the whole folder   Esc closes
picker-above = parent folder

about-welcome = tunedeck saves your answers after every step, so a dropped connection costs nothing.
    .rule = Continue opens the draft with every field as you left it. Start new keeps the old draft beside the new one.
about-task = Instructions teach a model how to answer: each row is a question with the answer you want, and only the answers are trained. Plain text teaches a language, a field or a style: every token is trained.
    .rule = Skills and formats come from instructions. Broad new knowledge needs plain text, and a lot of it. Try prompting first, with a few examples: if that is good enough, you need no training.
    .mistake = Training on documents and expecting good answers. Without questions in the data, the model only learns to continue text.
about-model = A base model only continues text. A chat model was trained to answer and has a template that marks who speaks. Larger models know more, but memory and time grow with every parameter.
    .rule = Chat model for dialogue, base model for plain text. Get a small one right first.
    .mistake = A base model with a borrowed chat template: its special tokens were never trained, so answers may never end. Pickled weights (.bin, .pt) can run any code when loaded: prefer safetensors.
about-strategy = A LoRA adapter is a small set of weights trained beside the base model, which stays unchanged. Fresh trains a new one. Continue trains an existing one further. Merge adds the old one to the model for good and trains a new one on top.
    .rule = More of the same data: continue. A related task: merge. A first run or an unrelated task: fresh. F9 measures how your rows relate to the old adapter.
    .mistake = Continuing on unrelated data: the old skill fades and the new one comes slowly. Replay, some of the old rows mixed in, limits forgetting.
about-data = The rows decide the result more than any setting. Some are held out and never trained on: only they show whether the model learned or memorized.
    .rule = A few hundred clean, consistent rows beat many thousand sloppy ones. Read the preview as the model will: is the answer complete, is there text you never want to see again?
    .mistake = Answers cut short, many copies of one question, columns mapped wrongly. F5 finds such faults and offers remedies; F2 maps the columns.
about-settings = A preset is a sound start; change one thing at a time. Learning rate: how far each step goes. Epochs: how often each row is seen. Rank: how much the adapter can hold. Splitting a batch to fit in memory never changes the result.
    .rule = Rank 8 to 32 is enough for most tasks. 4-bit weights (nf4, QLoRA) need about a quarter of the memory of 16-bit weights and train a little slower. F7 lists what would make the run fit.
    .mistake = Too high a learning rate: the loss jumps or becomes NaN. Too many epochs on few rows: more than three to five memorize them, and the eval loss rises while the training loss falls.
about-review = The whole run: every value and its source. The training runs on its own: close this terminal and it continues. The command shown repeats the run without a screen.
    .rule = Before the start, a sample of your rows goes through the tokenizer. A trained share near zero means that the answers are not where they were expected.
    .mistake = Not looking at how many rows are too long: they are dropped or cut. F5 shows them.
