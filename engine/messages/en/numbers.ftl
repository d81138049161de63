# What is wrong with text that was typed for a number; the text stands before it.

fraction = is not a whole number; for thousands, write { $thousands }.
two = can mean { $thousands } or { $fraction }; write one of them.
no-whole-number = should be a whole number, such as 8.
no-number = should be a number, such as 0.5.
