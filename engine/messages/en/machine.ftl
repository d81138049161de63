# Why no GPU can be read.

no-driver = No NVIDIA driver on this machine. Training uses the CPU and RAM
driver-not-loaded = The NVIDIA driver is installed but not loaded. `nvidia-smi` as root may load it
driver-replaced = The NVIDIA driver was updated but the old one still runs. Reboot, or reload the nvidia kernel modules
no-permission = This user may not use the NVIDIA driver. Check the permissions of /dev/nvidia*
library-silent = NVIDIA's management library does not answer: { $error }
no-gpu = The NVIDIA driver runs but reports no GPU
gpus-hidden = CUDA_VISIBLE_DEVICES hides all GPUs. Training uses the CPU
gpus-not-used = The GPUs are not used: { $reason }. { $advice }

# What is wrong with one GPU.

gpu-lost = The driver has lost this GPU (it fell off the bus). A reboot brings it back
gpu-silent = The driver does not answer for this GPU: { $error }
mig-without-instance = This GPU is in MIG mode but has no instance. Create one, or turn MIG off

# A GPU that is named.

gpu-ambiguous = Several GPUs have this name
    .message = { $name }: { COMMAS($found) }.
    .hint = Name one of these: { COMMAS($choice) }.
gpu-hidden = This GPU is hidden
    .message = CUDA_VISIBLE_DEVICES hides GPU { $name }.
    .hint = Name one of these: { COMMAS($choice) }.
all-gpus-hidden = This GPU is hidden
    .message = CUDA_VISIBLE_DEVICES hides GPU { $name }.
    .hint = Unset CUDA_VISIBLE_DEVICES, or set launch.gpus to cpu.
no-such-gpu = No such GPU
    .message = { $name }. This machine has: { COMMAS($choice) }.
    .hint = Name one of these: { COMMAS($choice) }.
no-gpu-here = No such GPU
    .message = { $name }. This machine has no GPU.
    .hint = Set launch.gpus to cpu.
gpu-too-small = A GPU's memory can't be that small
    .message = --gpu { $given }.
    .hint = Give a size such as 24GiB.
unknown-gpu = This GPU is not known
    .message = --gpu { $given }.
    .hint = Give its memory, such as 24GiB. Known names: { COMMAS($known) }.
unknown-gpu-near = This GPU is not known
    .message = --gpu { $given }.
    .hint = Give its memory, such as 24GiB. Did you mean { OR($near) }?

# What the installed torch can't do, and how to get another.

torch-for-cpu = torch { $torch } is built for CPUs only
no-kernels = torch { $torch } (CUDA { $cuda }) has no kernels for compute capability { $capability }
driver-too-old = torch { $torch } (CUDA { $cuda }) needs NVIDIA driver { $needed } or newer; driver { $driver } runs up to CUDA { $runs }
install-torch = Install torch for CUDA { $cuda }: { $command }
update-driver-then-install = Update the NVIDIA driver to { $driver } or newer. Install torch for CUDA { $cuda }: { $command }
update-driver = Update the NVIDIA driver to { $driver } or newer
update-driver-or-keep = Update the NVIDIA driver to { $driver } or newer. Or keep it. { $install }
