# Why rows can't be split.

too-many-test-rows = Too many rows are held out
    .message = dataset.test_rows is { $asked } and { COUNT($heldout, "row is", "rows are") } held out for validation. Of { COUNT($rows, "row", "rows") }, none is left to train on.
    .hint = Set dataset.test_rows to { NUMBER($most) } at most, or leave it out.
too-large-test-share = Too many rows are held out
    .message = dataset.test_share is { $asked } and { NUMBER($heldout) } of { COUNT($rows, "row is", "rows are") } held out for validation. None is left to train on.
    .hint = Lower dataset.test_share or dataset.eval_share. Together they must stay below 1.
too-many-eval-rows = Too many rows are held out
    .message = dataset.eval_rows is { $asked }. Of { COUNT($rows, "row", "rows") }, none is left to train on.
    .hint = Set dataset.eval_rows to { NUMBER($most) } at most, or leave it out.
groups-too-large = The groups leave no row to hold out
    .message = All rows that may be held out are in one group, or the smallest group is more than half of them.
    .hint = Map group to another column, or set { $field } = 0.
