# Notices to somebody who is away: what is said, and why one could not be sent.

line = tunedeck: { $name } { $what }
not-sent = A notice was not sent
    .message = { $reason }.
    .hint = Training is not affected.
no-address = { $url } is not a web address
    .hint = Give an address that begins with https://, or leave notify.url empty.
not-https = { $url } is not encrypted
    .hint = Use https://. Plain http:// is allowed for localhost alone.
secret-in-address = { $url } holds a password or a query
    .hint = It would be stored in the run's config. Put the value into an environment variable and write { $example } instead.
no-variable = the environment variable { $name } is not set
private-address = { $host } is in a private network
    .hint = Set notify.allow_private = true if you mean it.
not-reached = { $url } could not be reached ({ $reason })
not-taken = { $url } answered with status { $status }
command-not-run = notify.command could not be started
    .message = { $command }: { $reason }.
    .hint = Training is not affected.
command-too-slow = notify.command took too long
    .message = { $command } was stopped after { DURATION($seconds) }.
    .hint = Training is not affected.
command-failed = notify.command failed
    .message = { $command } ended with code { $code }. { $last }
    .hint = Training is not affected.
too-slow = A notice was not sent in time
    .message = The run has ended, and the notice was not sent within { DURATION($seconds) }.
failed = A notice was not sent
    .message = Unexpected: { $kind }.
    .hint = Training is not affected.
in-a-notice = This run sends no notices
    .message = It was started by a notice's own program.
no-command = { $command } is not found
    .hint = Give the whole path of the program, or set notify.shell = true for a line of shell.
unreadable-command = notify.command can't be read: { $reason }
    .hint = Close all quotes, or set notify.shell = true.
