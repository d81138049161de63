"""Merge into a model of random weights in several shards, convert it to GGUF, and print peak memory and time.

``python -m tests.benchmarks.merge_memory [--gigabytes 4] [--shards 4] [--folder DIR]``. Makes a Llama-shaped base of
that size in bfloat16 and an all-linear adapter under DIR (default: a temporary folder), merges in a process of its
own, compares one tensor with plain arithmetic, converts the merged model to f16 and that to q8_0 in processes of their
own, and removes everything. Needs four times the size on disk. The limit is the largest shard x 3 + 1 GiB.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tests.engine.export.gguf.families import write_tokenizer

ROOT = Path(__file__).resolve().parents[2]
HIDDEN, INNER, HEADS = 4096, 11008, 32
SMALL_HIDDEN, SMALL_INNER, SMALL_HEADS = 512, 1376, 8
RANK, ALPHA = 16, 32
MERGING = """
import sys, time
from pathlib import Path
import torch
from engine.export.merge.write import merge

def peak_bytes():  # of this program alone: getrusage would count what the process was before it became this one
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])

torch.set_num_threads(1)
libraries = peak_bytes()
began = time.monotonic()
merge(Path(sys.argv[1]), [(sys.argv[2], 1.0)], Path(sys.argv[3]))
print(libraries, peak_bytes(), time.monotonic() - began)
"""

CONVERTING = """
import resource, sys, time
from pathlib import Path
from engine.export.gguf import converter, quantize

folder = converter.converter(lambda *progress: None)
began = time.monotonic()
if sys.argv[3] == "f16":
    converter.run(folder, {"do": "convert", "model": sys.argv[1], "out": sys.argv[2], "type": "f16"})
else:
    quantize.quantize(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
print(1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, time.monotonic() - began)
"""
GIB = 1 << 30


@dataclass(frozen=True)
class Measured:
    """Bytes of the base, of its largest shard, resident after loading the libraries and at most; seconds.

    ``gguf``: peak bytes and seconds of the conversion to f16, and of quantizing that to q8_0.
    """

    base_bytes: int
    shard_bytes: int
    libraries_bytes: int
    peak_bytes: int
    seconds: float
    gguf: dict[str, tuple[int, float]]

    @property
    def limit_bytes(self) -> int:
        return 3 * self.shard_bytes + GIB


def make_base(folder: Path, size_bytes: int, shards: int, small: bool = False) -> int:
    """Write the base; returns how many layers it took. One shard is in memory at a time."""
    hidden, inner, heads = (SMALL_HIDDEN, SMALL_INNER, SMALL_HEADS) if small else (HIDDEN, INNER, HEADS)
    vocab = 32000 if not small else 4000
    layer = {
        **{f"self_attn.{name}_proj": (hidden, hidden) for name in "qkvo"},
        "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden), "mlp.down_proj": (hidden, inner),
    }  # fmt: skip
    layer_bytes = 2 * (sum(a * b for a, b in layer.values()) + 2 * hidden)
    layers = max(shards, -(-(size_bytes - 4 * vocab * hidden) // layer_bytes))
    folder.mkdir(parents=True)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "vocab_size": vocab,
        "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": heads, "dtype": "bfloat16",
        "tie_word_embeddings": False, "max_position_embeddings": 2048,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    index = {}
    for shard in range(shards):
        tensors: dict[str, torch.Tensor] = {}
        if shard == 0:
            tensors["model.embed_tokens.weight"] = _random(vocab, hidden)
        for number in range(layers * shard // shards, layers * (shard + 1) // shards):
            prefix = f"model.layers.{number}."
            tensors |= {f"{prefix}{name}.weight": _random(*shape) for name, shape in layer.items()}
            for norm in ("input_layernorm", "post_attention_layernorm"):
                tensors[f"{prefix}{norm}.weight"] = torch.ones(hidden, dtype=torch.bfloat16)
        if shard == shards - 1:
            tensors["model.norm.weight"] = torch.ones(hidden, dtype=torch.bfloat16)
            tensors["lm_head.weight"] = _random(vocab, hidden)
        name = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        save_file(tensors, folder / name, {"format": "pt"})
        index |= dict.fromkeys(tensors, name)
        del tensors
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return layers


def make_adapter(folder: Path, base: Path, layers: int) -> None:
    """An all-linear LoRA adapter as PEFT saves it, with random A and B."""
    folder.mkdir()
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": ALPHA, "target_modules": "all-linear",
        "base_model_name_or_path": str(base),
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))
    shapes = {}
    for file in sorted(base.glob("*.safetensors")):
        with safe_open(file, "pt") as opened:
            shapes |= {name: opened.get_slice(name).get_shape() for name in opened.keys()}  # noqa: SIM118
    tensors = {}
    for name, shape in shapes.items():
        if name.endswith("_proj.weight"):
            module = f"base_model.model.{name.removesuffix('.weight')}"
            tensors[f"{module}.lora_A.weight"] = 0.02 * torch.randn(RANK, shape[1])
            tensors[f"{module}.lora_B.weight"] = 0.02 * torch.randn(shape[0], RANK)
    assert len(tensors) == 14 * layers
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})


def measure(folder: Path, size_bytes: int, shards: int, small: bool = False, converts: bool = False) -> Measured:
    """Make, merge in a process of its own, check. Raises AssertionError for a wrong tensor."""
    base, adapter, merged = folder / "base", folder / "adapter", folder / "merged"
    make_adapter(adapter, base, make_base(base, size_bytes, shards, small))
    command = [sys.executable, "-c", MERGING, str(base), str(adapter), str(merged)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    libraries, peak, seconds = done.stdout.split()[-3:]
    _check(base, adapter, merged)
    sizes = [file.stat().st_size for file in base.glob("*.safetensors")]
    gguf = _converted(merged, folder) if converts else {}
    return Measured(sum(sizes), max(sizes), int(libraries), int(peak), float(seconds), gguf)


def _converted(merged: Path, folder: Path) -> dict[str, tuple[int, float]]:
    """Peak memory and seconds of each step to GGUF; the files are removed as soon as nobody needs them."""
    write_tokenizer(merged)
    found, source = {}, merged
    for kind in ("f16", "q8_0"):
        file = folder / f"{kind}.gguf"
        command = [sys.executable, "-c", CONVERTING, str(source), str(file), kind]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        peak, seconds = done.stdout.split()[-2:]
        found[kind], source = (int(peak), float(seconds)), file
    return found


def _check(base: Path, adapter: Path, merged: Path) -> None:
    """The last layer's down projection against plain arithmetic."""
    index = json.loads((merged / "model.safetensors.index.json").read_text())["weight_map"]
    name = [name for name in index if name.endswith("down_proj.weight")][-1]
    module = f"base_model.model.{name.removesuffix('.weight')}"
    with safe_open(adapter / "adapter_model.safetensors", "pt") as opened:
        a, b = (opened.get_tensor(f"{module}.lora_{half}.weight") for half in "AB")
    with safe_open(base / index[name], "pt") as old, safe_open(merged / index[name], "pt") as new:
        expected = old.get_tensor(name).float() + ALPHA / RANK * b @ a
        torch.testing.assert_close(new.get_tensor(name).float(), expected, rtol=2**-8, atol=1e-6)


def _random(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.bfloat16).uniform_(-0.03, 0.03)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    size = int(options.gigabytes * 1e9)
    parent = options.folder or Path(tempfile.gettempdir())
    free = shutil.disk_usage(parent).free
    if free < 4 * size:
        sys.exit(f"{parent} has {free / 1e9:.1f} GB free; {4 * size / 1e9:.1f} GB are needed.")
    with tempfile.TemporaryDirectory(prefix="merge-memory-", dir=parent) as folder:
        got = measure(Path(folder), size, options.shards, converts=True)
    print(f"base              {got.base_bytes / 1e9:8.2f} GB in {options.shards} shards")
    print(f"largest shard     {got.shard_bytes / 1e9:8.2f} GB")
    print(f"libraries alone   {got.libraries_bytes / 1e9:8.2f} GB resident")
    print(f"limit             {got.limit_bytes / 1e9:8.2f} GB: largest shard x 3 + 1 GiB")
    print(f"peak of the merge {got.peak_bytes / 1e9:8.2f} GB resident")
    print(f"time              {got.seconds:8.1f} s on one thread")
    for kind, (peak, seconds) in got.gguf.items():
        print(f"peak to {kind:10}{peak / 1e9:8.2f} GB resident, {seconds:.1f} s")
    peaks = [got.peak_bytes, *(peak for peak, _ in got.gguf.values())]
    print("within the limit" if max(peaks) <= got.limit_bytes else "ABOVE the limit")


if __name__ == "__main__":
    main()
