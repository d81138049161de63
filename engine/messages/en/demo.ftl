# The demo: what each step of the wizard holds, for whoever does this for the first time.

at-task = Demo: a small model learns to turn an order, written as people speak, into one line of JSON.
at-model = Demo: SmolLM2 is small enough for any computer. It writes English, but can't do this task yet.
at-strategy = Demo: nothing to build on is needed. Enter continues.
at-data = Demo: 560 orders with the JSON they should become. 100 are held out and never trained on: they test the result.
at-settings = Demo: settings tried for this task. Enter keeps them.
at-review = Demo: Enter on Start trains it. It takes a few minutes; each phase is explained on the next screen.
