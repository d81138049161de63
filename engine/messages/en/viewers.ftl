# Several terminals at one run: who is there, who steers, and a screen that only watches.

attached = { NUMBER($count) } attached
watching = watching
refused = You are watching. Leave and attach without --watch to steer.
came = { $who } is attached too and can steer.
help = Attached now: { COMMAS($viewers) }.
since = { $who } since { CLOCK($since) }
here = { $viewer } (you)
only-watches = { $viewer } (watching)
elsewhere = { $who } on { $host }
