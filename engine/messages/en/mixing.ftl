# What should be known of a mix before it is trained on.

shares-leave-nothing = The shares leave no room for others
    .message = data: the shares add up to { PERCENT($asked) }, and there are sources without one.
    .hint = Lower the shares, or give every source one.
replay = { $source }: { PERCENT($share, digits: 1) } of the mix is replay, which { $effect }.
dominates = { $source } has { PERCENT($share) } of all tokens. The other sources hardly count.
    .hint = Give the others shares, or balance them.
dropped = { $source }: { PERCENT($share) } of its rows are dropped. They are too long, or have no trained token.
    .hint = Raise dataset.max_length, or check its rows.
unusable = { $source }: none of its rows can be used.
    .hint = Check its rows, or remove it.
capped = { $source } gets { PERCENT($share, digits: 1) } of the mix instead of { PERCENT($asked, digits: 1) }. More would repeat its { COUNT($rows, "row", "rows") } more often than dataset.epochs_cap allows.
    .hint = Raise the cap, or add rows.
one-row = { $source } gets { PERCENT($share, digits: 1) } of the mix instead of { PERCENT($asked, digits: 1) }. One of its rows is already more.
    .hint = Raise its share, or remove it.
repeated = { $source } is repeated { NUMBER($times, digits: 1) } times in the run. Its { COUNT($rows, "row", "rows") } may be memorized.
    .hint = Lower its share, or set dataset.epochs_cap.
