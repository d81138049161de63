# What the catalogue itself has to say.

unknown-language = This language is not available
    .message = { $given } is not one of { COMMAS($known) }.
    .hint = Set --lang or TUNEDECK_LANG to one of them.
