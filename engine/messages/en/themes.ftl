# The screen on which the colours are chosen.

help = Themes
    .about = A theme decides all colors. Each color means the same in every theme: the accent is the focus, then fine, worth a look, and lost. The sample changes as the cursor moves. Enter keeps a theme for every start; Esc brings back the one before.
title = Theme
list = Themes
sample = Sample
dark = Dark
    .about = for 256 and more colors
light = Light
    .about = for bright rooms
contrast = High contrast
    .about = strong colors on black
color-blind = Color-blind
    .about = blue, yellow, orange
terminal = Terminal
    .about = your terminal's own colors
needs-more = not here
sixteen = This terminal shows 16 colors, so only High contrast and Terminal can be chosen. Set COLORTERM=truecolor or use --colors if it shows more.
no-colours = NO_COLOR is set, or --colors=none: only High contrast and Terminal can be chosen.
decided = { $variable } or --theme names the theme of this session. A choice made here counts from the first start without them.
kept = Theme: { $name }. It is kept for the next start.
not-kept = The theme could not be saved to { $path }: { $why }.
unknown = No such theme
    .message = { $name } is not a theme.
    .hint = Use --theme or TUNEDECK_THEME with one of { COMMAS($themes) }.
key-keep = Keep
    .help = Keep the theme under the cursor, for every start.
key-leave = Cancel
    .help = Go back to the theme there was.
key-themes = Theme
    .help = Choose the colors: dark, light and three more.
