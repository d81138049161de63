# What --help shows. An entry is a verb: its line in the list, .help what follows below it, and each of its arguments
# and options by its Python name. engine/cli/help_texts.py puts them in; a test holds both against each other.

tunedeck = Guided LoRA and QLoRA fine-tuning in the terminal.
    .help =
        Without a command: the screen. With a path in its place: the screen opens with it, for example
        `tunedeck rows.jsonl`. A command goes before a file of the same name: write ./run for a file named run.
    .version = Print the version.
    .ascii_only = Draw the screen in plain ASCII.
    .no_mouse = Run the screen without mouse support.
    .plain = Ask and show line by line, without a screen; also with ACCESSIBLE=1.
    .colors = Colors of the screen: truecolor, 256, 16 or none.
    .lang = Language of everything that is shown.
    .theme = Colors of this session: dark, light, contrast, color-blind or terminal.
    .install_completion = Complete verbs, options, runs and files by Tab in this shell from now on.
    .show_completion = Print what completes them, to install it yourself.
    .help_option = Show this message and exit.
    .epilog =
        Data goes to stdout, narration to stderr. Exit codes: 0 done, 1 the training failed, 2 config or command line,
        3 data, 4 model, 5 machine, 6 run (not found, refused, or stopped before its end), 130 interrupted.

run = Train the run that CONFIG describes.
    .help =
        Config, model, data and disk are checked first. The training runs in its own process. Without --detach, its
        progress is shown here until it ends. Ctrl+C stops it with a checkpoint; a second Ctrl+C leaves at once while
        it stops by itself. --json prints the result as the last line.
    .config = A run's TOML file.
    .settings = Set one field; can be given several times.
    .preset = Preset to start from; the file overrides it.
    .detach = Start the run and return at once.
    .check = Only check, all rows too; start nothing.
    .seeds = Train it N times in turn with different seeds, as a group; all are tested on the same rows.
    .as_json = Print JSON on stdout.

open = Open the screen with PATH; the same as tunedeck PATH.
    .help =
        Files or folders of rows, or a model: the wizard, filled in with them. An adapter: the wizard, to train it further.
        A run: its screen. A TOML config: the wizard's review of it; `tunedeck run` starts it without a screen.
    .paths = A file or folder of rows (also several), a model, an adapter, a run, or a config.
    .ascii_only = Draw the screen in plain ASCII.
    .no_mouse = Run the screen without mouse support.
    .colors = Colors of the screen: truecolor, 256, 16 or none.

attach = Show a run on the screen, or follow it as text.
    .help = Without a terminal it is always followed as text. Leaving does not stop the run.
    .run = Path, id, start of an id, or name; default: the newest run.
    .plain = Follow it as text instead of on the screen.
    .only_watches = Only watch: the keys that steer are off.

runs = List runs and their status, newest first.
    .help = The runs of a group of seeds are listed below it.
    .sort = Order: newest, name, state, metric (best first) or loss (lowest first).
    .only = Only runs in which all these words are found: in name, model, data, state, id or metric.
    .as_json = Print JSON on stdout.

compare = Compare runs: metrics with a verdict, settings, cost.
    .help =
        Metrics get a verdict only where the runs answered the very same rows; each run is compared with the first one.
        What can't be compared is said. Several comparisons are corrected (Holm). A group of seeds counts as one run;
        one group alone means each of its runs.
    .runs = Two runs or groups, or more: ids, starts of ids, names or paths.
    .by = Compare by this metric alone.
    .as_json = Print JSON on stdout.

status = Show the status of one run.
    .run = Path, id, start of an id, or name; default: the newest run.
    .as_json = Print JSON on stdout.

logs = Print the end of the training process's own output.
    .run = Path, id, start of an id, or name; default: the newest run.
    .lines = How many of the last lines.

stop = Stop after the current step, with a checkpoint.
    .help =
        `tunedeck resume` continues from there. Before the first step there is nothing to save. Of a group of seeds no
        further run starts.
    .run = Name or id, also of a group; default: the only run that is running.
    .no_wait = Do not wait for the training process to answer.
    .at_best = Make the best checkpoint the result, whatever eval.keep says.

pause = Pause training after the current step.
    .run = Name or id; default: the only run that is running.
    .no_wait = Do not wait for the training process to answer.

resume = Resume a run that is paused or has ended.
    .help =
        A paused run continues where it is. A stopped, failed or crashed run continues from its last complete
        checkpoint. If memory ran out, --remedy changes the run first, so that it fits. Of a group, what is missing
        is trained.
    .run = Name or id, also of a group; default: the newest run.
    .no_wait = Do not wait for the training process to answer.
    .follow = Then follow it to its end.
    .remedy = First apply remedy N that `tunedeck status` lists.
    .accept_changes = Resume although data, model, template or old adapter changed.

save = Save a checkpoint now and keep training.
    .run = Name or id; default: the only run that is running.
    .no_wait = Do not wait for the training process to answer.

set = Change the share of replay or the learning rate of a run that trains.
    .help =
        From the next step on. For example `tunedeck set RUN replay=0.2`, or `replay=more` for twice as much, at most
        half; the run must have a source of earlier or general data. `rate=0.5` halves the learning rate of all steps
        that are left.
    .first = Name or id; default: the only run that is running.
    .second = The new share, 0 to 1, or more; or a factor for the learning rate, 0 to 1.
    .no_wait = Do not wait for the training process to answer.

rollback = Go back to a checkpoint and train on from there.
    .help =
        For a run that trains, is paused, was stopped, failed or crashed. Without --to it goes back to the last checkpoint
        before the newest loss spike, and where there was none to the last one. The steps after it are abandoned: they
        stay in the log but no longer count. What was set after that step is undone; skipped rows stay skipped.
    .run = Name or id; default: the run that is running, else the newest.
    .to = Step of a checkpoint; 0: the beginning.
    .lower_rate = Multiply the learning rate by this from there on, for example 0.5.
    .skip_rows = Never train again on the rows of loss spikes after that step.
    .no_wait = Do not wait for the training process to answer.
    .accept_changes = Resume although data, model, template or old adapter changed.
    .as_json = Print what was done as JSON.

merge = Merge LoRA adapters into their base model; prints the new folder.
    .help =
        Memory for a few blocks of rows is enough; the disk must hold the whole model once more. The folder appears
        when all of it is there. Exit code 4 if the proof fails; the merged model is kept for inspection.
    .base = The 16-bit model: a folder, a starter model, or a hub id.
    .adapters = Adapter folders, or runs that made adapters.
    .target = Where the merged model goes.
    .weight = Weight of each adapter, in their order; default: 1.
    .dtype = bfloat16, float16 or float32; default: that of the base.
    .rows = Prove the merge on these rows.
    .proof = Compare the result with base + adapter afterwards.
    .trust_base = Merge even if the base may not be the adapters' own.
    .as_json = Print JSON on stdout.

export = Export the adapter of a run for another program; prints the files.
    .help = Targets: adapter (for PEFT), merged (16-bit model for Transformers and vLLM), gguf (for llama.cpp and Ollama),
        gguf-lora (the adapter alone, for a GGUF of its base), ollama (GGUF and Modelfile), vllm (the adapter and a
        script that serves it). Finished files are kept when it is run again.
    .name = A run, or an adapter's folder.
    .target = adapter, merged, gguf, gguf-lora, ollama, vllm or hub.
    .kinds = GGUF type: q8_0, q6_k, q5_k_m, q4_k_m, q3_k_m, q2_k, f16, bf16 or f32. May be given several times.
    .folder = Where the files go; without it, a folder beside the run.
    .repo = With --to hub: where it goes. Private unless --public.
    .public = Everybody can see it.
    .dry_run = Show what would be pushed, and push nothing.
    .yes = Push without asking.
    .proof = Let the exported files answer the run's held-out rows, and compare with the adapter.
    .base_id = Hub id of the base model, written into the adapter's config: others can't load a folder of this machine.
    .base = Where the base model is now, if not where the adapter says.
    .trust_base = Accept a base model that may not be the one the adapter was trained on.
    .as_json = Print JSON on stdout.
serve = Serve what was exported from a run, until Ctrl+C.
    .help = An OpenAI-compatible server on this machine alone, by the best program that is installed: vLLM, llama.cpp,
        transformers serve. Prints a curl command that tests it.
    .run = Without it, the newest run.
    .port = Where it listens.
lineage = Show model and adapter history.
    .help = Base models, merged models and adapters as a tree, each with how it was made and the data it was trained on.
    .run = Only its ancestors and what was made from it.
    .against = Print the differences between the two runs.
    .as_json = Print JSON on stdout.

report = Write one HTML file on what a run did and whether it worked; prints its path.
    .help = It needs no network and no script, and holds verdict, figures, answers, data, settings and how to repeat the run. Made from the run's own files, also of a run that still trains, or failed.
    .run = A run; without one the running one, else the newest.
    .to = The file to write, or a folder. Without it report.html in the run's directory.
    .force = Overwrite a file even if it is not a report of this run.
    .open_it = Show it in the browser.

demo = Teach a 135M model to write orders as JSON.
    .help =
        On the screen, the wizard opens filled in. With --headless the same run is trained, followed and compared:
        exact match and loss on held-out rows, and three answers side by side.
    .headless = Without a screen: train, then compare.
    .settings = Set one field; can be given several times.
    .as_json = With --headless: print the result as the last line.

estimate = Estimate memory, time and disk without loading anything.
    .help =
        For a CONFIG: every term of the memory peak, what auto chooses, whether it fits, and what to change if not. For
        a MODEL (a folder, a starter model, a hub id, or --shape): the largest micro-batch by method and row length.
        Without --gpu, for the freest GPU of this machine, or its RAM. Works without any GPU.
    .what = A run's TOML file, or a model.
    .gpu = For this GPU instead of this machine's.
    .rank = For a model: rank of the adapter.
    .shape = Dimensions of a model that is not here.
    .settings = Set one field; can be given several times.
    .as_json = Print JSON on stdout.

evaluate = Evaluate a run afterwards, on its held-out rows or any file.
    .help =
        The run's adapter, its base model and whatever --against names answer the same rows. Prints the verdict, every
        figure with its 95% interval, and the rows that were answered worst. Answers are kept in the run's folder as
        they come: after Ctrl+C the same command continues. Rows that were trained on are found and named.
    .run = Path, id, start of an id, or name; default: the newest run.
    .data = A file of rows, in any format that a run can train on; default: the run's held-out rows.
    .settings = Describe the file, e.g. data.0.columns.prompt=question; can be given several times.
    .against = Compare with base, few-shot, or another run; can be given several times; default: base.
    .name = Name to keep it under; default: from the file.
    .rows = How many rows; 0: all; default: eval.generate_rows of the run.
    .max_new_tokens = Longest answer in tokens; default: that of the run.
    .unseen_only = Leave out rows that were trained on.
    .tasks = Tasks of lm-eval instead of rows, e.g. gsm8k,arc_easy (needs pip install "tunedeck[eval]").
    .task_folder = Folder of your own lm-eval tasks.
    .trust_base = Evaluate although the base model may not be the one that was trained on.
    .worst = How many of the worst rows to show.
    .as_json = Print JSON on stdout.

extract = Extract a LoRA adapter from a base model and a fine-tuned one.
    .help =
        The change of each linear layer is kept at a low rank, and what is left out is shown per layer and in total.
        Tensors that changed and that a LoRA can't hold (embeddings, norms, new tokens) are named. With --data, base
        model, fine-tuned model and adapter answer the rows of a file. The adapter is kept as a run.
    .base = Model folder, starter model name, or hub id.
    .tuned = The fine-tuned model.
    .rank = Rank of the adapter: more holds more of the change.
    .name = What the run is called; default: the fine-tuned model and the rank.
    .data = File whose rows are answered by base model, fine-tuned model and adapter.
    .rows = How many of these rows; 0: all.
    .as_json = Print JSON on stdout.
mix = Mix adapters into one and measure it on the task of each.
    .help =
        Base model, adapters and mix answer the held-out rows of each adapter's run, and the difference to that adapter
        is shown with its interval. The mix waits until you keep it (it becomes a run) or discard it: name its id
        alone with --keep or --discard. Without a name, the mixes that wait are listed. Methods: linear (weighted sum,
        exact), ties, dare_linear, dare_ties. The adapters stay as they are.
    .names = Runs or adapter folders, two or more; or the id of a mix that waits.
    .method = linear, ties, dare_linear or dare_ties.
    .weights = A weight for each adapter; default: the same for all, 1 in sum.
    .density = With ties and dare: share of each update that is kept.
    .seed = With dare: seed of what is dropped.
    .rank = Cut the mix back to this rank; default: the ranks of the adapters added up.
    .name = What the mix is called; default: from the adapters and the method.
    .rows = How many held-out rows of each task; 0: all; default: eval.generate_rows of its run.
    .data = File with rows of a further task. May be given several times.
    .margin = How much worse than its adapter still counts as kept, 0.02 is 2 points; default: eval.forgetting_margin.
    .keep = Keep the mix as a run.
    .discard = Discard the mix when it is measured.
    .trust_base = Mix although the base model may not be the one that an adapter was trained on.
    .as_json = Print JSON on stdout.
strength = Measure a run's adapter at several strengths, or keep one.
    .help =
        The adapter answers the run's held-out rows and reads general text at each strength: 0 is the base model, 1 the
        adapter as trained. --keep writes one into the saved adapter (lora_alpha), so that PEFT loads it at that
        strength everywhere; the config at full strength stays beside it, and --keep 1 brings it back.
    .run = Path, id, start of an id, or name; default: the newest run.
    .scales = Strengths to measure; default: 0,0.25,0.5,0.75,1,1.25.
    .keep = Keep this strength; without --scales nothing is measured.
    .rows = How many held-out rows; 0: all; default: eval.generate_rows of the run.
    .general = File of general text; default: as the run has it, or the built-in set.
    .losses_only = Measure losses only, without answers: much faster.
    .trust_base = Measure although the base model may not be the one that was trained on.
    .as_json = Print JSON on stdout.

chat = Talk to a model.
    .help =
        On a terminal the chat screen opens. With --prompt, or without a terminal, answers are printed: to each prompt, or
        to each line of stdin, as a dialogue of its own. An answer ends at the model's stop token, or it is said that it
        did not end. The chat runs in a process of its own; a training beside it comes first where memory runs out.
    .target = A run, an adapter's folder, a model's folder, or a starter model; default: the newest run.
    .beside = Who answers too: base for the base model, or another run or adapter of the same base model.
    .prompt = Print the answer to this text. May be repeated.
    .system = System prompt.
    .temperature = 0: always the likeliest token.
    .top_p = Draw from the likeliest tokens up to this share.
    .max_new_tokens = Longest answer.
    .stop = End an answer before this text, which is not shown; \n is a line break. May be repeated.
    .plain = Continue the text, without a chat template.
    .checkpoint = Use this checkpoint of the run instead of its result.
    .base = Where the base model of the adapter is.
    .quantization = Precision of the base model; default: that of the training.
    .gpu = GPU by number, UUID or name; cpu: none.
    .server = Talk to an OpenAI-compatible server at this address, such as what `tunedeck serve` starts; the target then names a model there.
    .key_from = Environment variable that holds the server's key.
    .trust_base = Accept a base model that may not be the one of the training.
    .trust_remote_code = Run Python code that comes with the model.
    .allow_pickle = Load .bin weights, which can run code.
    .as_json = Print one JSON object a prompt.
judge = Judge pairs of a run's answers, blind.
    .help =
        Without --by the screen opens: A or B by the arrow keys, about a second a pair. With --by a local model judges
        every pair in both orders; a pair that flips with the order is a tie. With 30 pairs judged by hand too, its
        agreement is shown and its rate corrected. Choices are kept as they are made.
    .run = Path, id, start of an id, or name; default: the newest run.
    .by = A model that judges: a folder, a starter model, a run.
    .evaluation = Whose answers; default: those of the training.
    .against = The other candidate; default: base.
    .rows = How many pairs; 0: all.
    .verdict = Only say what the choices so far mean.
    .trust_base = With a run as the judge: its base may not be the one it was trained on.
    .as_json = Print JSON on stdout.

doctor = Check this machine and say how to fix it.
    .help =
        Looks at Python, libraries, GPU, terminal, disk and permissions. Exit code 5 if something is broken, 0 if there
        is only advice.
    .as_json = Print JSON on stdout.

selftest = Check that this machine computes correctly.
    .help =
        A tiny model is trained in every way a run can ask for: losses and gradients of every dtype and quantization
        against float32 on the CPU, the attention kernel in use, predicted and measured memory, running out of memory,
        and several devices with a pause. Nothing is kept, and the output names neither you nor this machine. Exit
        code 5 if a check failed.
    .gpus = Only these GPUs, named as in launch.gpus.
    .as_json = Print JSON on stdout.

fields = List every field of a config with its default and meaning.
    .section = Only this section.
    .as_json = Print the JSON schema of a config.

version = Print the version.

model = Download and list models.

model-get = Download a model, unless it is here already. Prints its folder.
    .name = A starter model, or a hub id such as org/model.
    .revision = Branch, tag or commit of a hub model.
    .allow_pickle = Also accept .bin weights, which can run code.

model-list = List the models on this machine and the starter models.
    .as_json = Print JSON on stdout.

data = Look at rows before training on them.

data-check = Examine rows: which are broken, repeated, cut off, private or wrong, and what helps.
    .help =
        Nothing is changed. Repairs that helped on a copy are named; they go into the config as dataset.fixes. With a
        model, its tokenizer reads the rows too. Exit codes: 0 nothing fatal, 1 a training would not start, 2 the data
        or the config can't be read.
    .what = A run's TOML file, or data: files, folders, ids.
    .settings = Set one field; can be given several times.
    .model = For data: the model whose tokenizer reads it.
    .rows = Rows named for each finding.
    .as_json = Print JSON on stdout.

data-show = Show a row as training sees it: which tokens are trained, and what is wrong.
    .help =
        Trained tokens are between marks, special tokens in braces; the line under the row explains them. Exit codes:
        0 the row is fine, 1 something is wrong with it, 2 there is no such row, or nothing can be read.
    .what = A run's TOML file, or data: files, folders, ids.
    .row = Number of the row in its file, as in the check.
    .file = The file of the row, if there are several.
    .bad = The first row from there with a problem.
    .ids = Show each token with its id.
    .model = For data: the model whose tokenizer reads it.
    .settings = Set one field; can be given several times.
    .as_json = Print JSON on stdout.

adapter = Look into LoRA adapters.

adapter-inspect = Describe a LoRA adapter from its files, whoever trained it.
    .help = Exit code 4: it can't be read, has numbers that are not finite, or does not fit the model of --base.
    .path = An adapter's folder, or the run that made it.
    .base = Also say whether it fits this model.
    .allow_pickle = Also describe a pickled adapter; it is not loaded.
    .as_json = Print JSON on stdout.

# Headings of a help text.
heading-usage = Usage
heading-options = Options
heading-arguments = Arguments
heading-commands = Commands
