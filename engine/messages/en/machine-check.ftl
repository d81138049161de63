# Names of what `tunedeck doctor` checks.

machine = Machine
runs = Runs
models = Models
terminal = Terminal
disconnects = Disconnects
hub-token = Hub token
gpu = GPU { $gpu }
gpus = GPU
self-test = Self-test
libraries = Libraries

# Python and the machine.

python-at = { $version } at { $path }
python-32-bit = { $version } at { $path }, 32 bit
needs-64-bit = The training libraries need a 64-bit Python
cores-and-memory = { COUNT($cores, "core", "cores") }, { GIB($free) } of { GIB($total) } RAM free
needs-memory = The demo needs 3 GiB. End other programs first
folder-free = { $folder }, { BYTES($free) } free
folder-silent = { $folder }: { $reason }
folder-not-writable = { $folder }, { BYTES($free) } free, not writable
set-home = Set TUNEDECK_HOME to another folder
fix-permissions = Fix the permissions there, or set TUNEDECK_HOME to a folder you can write to
free-space = Free space, or set TUNEDECK_HOME to a folder on a larger disk

# The terminal.

terminal-found = TERM={ $term }, { $colours }, { $columns }x{ $lines }, { $encoding }
terminal-not-there = TERM={ $term }, { $colours }, { $columns }x{ $lines }, { $encoding }; stderr is not a terminal
term-unset = (unset)
truecolor = truecolor
colours-256 = 256 colors
colours-16 = 16 colors
no-colours = no colors (NO_COLOR)
not-utf-8 = not UTF-8
use-commands = The screen draws on stderr. The commands work without it: see `tunedeck --help`
needs-terminal = The screen needs a real terminal. The commands work in this one
make-larger = Make it 80x24 or larger
use-utf-8 = The screen uses plain ASCII. For more: export LC_ALL=C.UTF-8
size-for-all = 80x24 shows everything

# The connection and the hub.

survives = training continues when the connection is lost ({ $place })
inside-tmux = inside tmux or screen
outside-tmux = not inside tmux
has-token = there is one
no-token = none. Only gated and private models need one (HF_TOKEN)

# GPUs.

driver-silent = the driver does not answer
reload-driver = Run nvidia-smi. Reload the driver
no-gpu-is-fine = Without an NVIDIA GPU this is expected: training uses the CPU. Otherwise check the driver
unset-visible = Unset CUDA_VISIBLE_DEVICES to use them
no-memory-figure = does not report its memory
restart = Run nvidia-smi. Restart the machine
gpu-free = { $name }, driver { $driver }, { GIB($free) } of { GIB($total) } free
gpu-not-used = { $name }, driver { $driver }, { GIB($free) } of { GIB($total) } free, not used: { $reason }
used-by-others = Other programs use it. `nvidia-smi` lists them
self-test-passed = passed with these GPUs, this driver and this torch
self-test-not-run = not run with these GPUs, this driver and this torch
self-test-failed = failed: { COMMAS($failed) }
run-self-test = Run `tunedeck selftest`. It takes a minute or two
read-self-test = `tunedeck selftest` says what to do

# Libraries.

reinstall = { $command }
nf4-reinstall = QLoRA needs it, LoRA works without. { $command }
missing = not installed
no-answer = no answer within { DURATION($seconds) }
odd-answer = an answer that can't be understood
ended = ended with code { $code }
nf4-works = 4-bit weights can be packed and unpacked
nf4-wrong = wrong results
cuda-found = { $version }, { COMMAS($devices) }
cuda-no-kernels = { $version }, { COMMAS($devices) }; no kernels for compute capability { COMMAS($lacking) }, only { COMMAS($built) }
device-bf16 = { $name } (bfloat16)
device-fp16 = { $name } (no bfloat16, float16 is used)
cuda-sees-no-gpu = torch was built for CUDA { $version }, but it sees no GPU
cuda-sees-no-gpu-why = torch was built for CUDA { $version }, but it sees no GPU: { $reason }
torch-for-cpu = this torch is the CPU build: small models only
no-gpu-or-see-above = Without an NVIDIA GPU this is expected. With one, see its line above
