# Reading a config: what is wrong with its file, its keys and its values.

issue = { $field }: { WHOLE($what) }
unusable = The config can't be used
    .message = { LINES($lines) }
    .hint = Correct { PLURAL($count, "it", "them") } and try again. `tunedeck fields` lists every field.
no-such-preset = No such preset
    .message = { $preset }
    .hint = Choose one of { COMMAS($known) }.
no-such-section = No such section
    .message = { $section }
    .hint = Choose one of { COMMAS($known) }.
no-such-place = Unknown setting
    .message = { $field }
    .hint = Write section.field, or data.0.path for the first source.
no-such-source = Unknown setting
    .message = { $field }
    .hint = Sources have numbers: data.0.path is a field of the first one.
bad-setting = A setting can't be read
    .message = --set { $given }
    .hint = Write it as section.field=value.

no-such-file = No such config file
    .message = { $path }
    .hint = `tunedeck` makes one; README.md shows an example.
not-utf8 = The config is not UTF-8 text
    .message = { $path }: byte { $byte }
    .hint = Save it as UTF-8.
unreadable = The config can't be read
    .message = { $path }: { $reason }
    .hint = Name a TOML file.
nested-too-deep = The config is not valid TOML
    .message = { $path }: it is nested too deep.
    .hint = A config has sections and their fields, nothing deeper.
not-toml = The config is not valid TOML
    .message = { $path }: { $reason }
    .hint = Correct that line.
changed-not-toml = The config is not valid TOML
    .message = { $reason }
    .hint = Correct that line.

# Findings about one key. The field stands before the sentence, so it begins in lower case.
unknown-key = unknown key.
    .hint = Remove it.
misspelt-key = unknown key.
    .hint = Did you mean '{ $nearest }'?
gone-method = is gone: every adapter is a LoRA.
    .hint = Remove it.
gone-nodes = is gone: a run trains on one machine.
    .hint = Remove it.
no-source = no source is named.
    .hint = Write [[data]], with two brackets, and a path.
required = is required.
no-section = should be a section.
    .hint = Write { $header } and its fields below.
two-numbers = '{ $given }' { $what }
wrong-value = should be { OR($expected) }, not { $given }.

# What a value should be.
a-whole-number = a whole number
a-number = a number
a-finite-number = a finite number
a-text = text
a-list = a list
a-table = a table
greater = greater than { $bound }
at-least = at least { $bound }
less = less than { $bound }
at-most = at most { $bound }
text-at-least = text of at least { COUNT($bound, "character", "characters") }
text-at-most = text of at most { COUNT($bound, "character", "characters") }
misspelt-name = '{ $given }' is not a known name.
    .hint = Did you mean '{ $nearest }'?
unknown-name = '{ $given }' is not a known name.
    .hint = Use one of: { COMMAS($known) }.
rest-is-default = Fields not listed have their defaults.
