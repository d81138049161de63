# The command palette: what stands beside what it finds.

wanted = Action, run, model, setting or file
run = Open run { $run }
adapter = Adapter of run { $run }
model = Fine-tune this model: { $path }
setting = Setting: { $label }, now { $value }
field = Setting: { $label }, default { $value }
field-of-run = Setting of this run: { $label }, { $value }
file = Fine-tune on this file in { $path }
add-file = Add this file in { $path } to the data
nothing = Nothing matches.
copies = ctrl+y copies
