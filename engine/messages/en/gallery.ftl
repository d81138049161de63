# The gallery of widgets (python -m tui.gallery).

key-theme = Theme
    .help = Show the next theme.
key-ascii = ASCII
    .help = Draw with ASCII alone, or with Unicode again.
key-dialog = Dialog
    .help = Show a question.
key-notices = Notices
    .help = Show a notice of each kind.
wrong = A number above 0 is needed.
empty = Nothing here yet. n starts something.
