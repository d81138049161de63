# What belongs to no single place: the app, and what home and the monitor have in common.

how-to-quit = Press ctrl+q to leave. A running training keeps running.
keeps-running = Training keeps running. Enter opens it again.
come-back = Training keeps running. Come back with: tunedeck attach { $run }
loss = loss
steps = { COUNT($steps, "step", "steps") }
inputs-changed = The inputs of this run have changed
inputs-changed-about = Undo the changes, or resume with the files as they are now. Held-out rows are still not trained on. Losses before and after are of different data.
not-now = Not now
stop-saves = It saves a checkpoint first. r resumes from there later.
nothing-to-save = No step is done yet, so there is nothing to save. Later it starts from the beginning.
let-it-run = Keep running
no-screen = No such screen
    .message = { $screen } is not a screen.
no-terminal = There is no terminal to draw on
    .message = The screen is drawn on stderr, and stderr is a file or a pipe.
    .hint = Do not redirect stderr with `2>` or `2>&1`. Without a screen use `tunedeck run CONFIG` and `tunedeck status`.
dumb-terminal = This terminal can't show a screen
    .message = TERM is dumb: no cursor and no colors.
    .hint = Use another terminal, or set TERM, for example to xterm-256color. Without a screen use `tunedeck run CONFIG` and `tunedeck status`.
unsaved = Your answers could not be saved
unsaved-about = The answers of the wizard are not on disk. If you quit, they are lost.
stay = Stay
