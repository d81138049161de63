# What y says after it copied, and F12 after it took a picture of the screen.

sent = Sent to the terminal's clipboard, also in { $path }
only-kept = Too long for a terminal's clipboard. It is in { $path }
only-sent = Sent to the terminal's clipboard. Not written to a file: { $reason }
neither = Too long for a terminal's clipboard. Not written to a file: { $reason }
nothing = Nothing to copy here.
picture = Screenshot: { $path }
no-picture = No screenshot: { $reason }
