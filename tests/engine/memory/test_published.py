"""The scoring command on a few published rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MODELS = """model,hf_id,hidden,layers,heads,kv_heads,head_dim,intermediate,vocab,tied,mlp,mlp_bias,attn_bias,\
norms_per_layer,norm,qk_norm,n_experts,experts_per_tok,moe_intermediate,shared_intermediate,head_bias,published_params
Mistral-7B-v0.1,m/Mistral-7B-v0.1,4096,32,32,8,128,14336,32000,False,gated,False,none,2,rmsnorm,,0,0,0,0,False,7241732096
"""
# fms-acceleration, scripts/benchmarks/refs/a100_80gb.csv: LoRA live tensors, full live tensors, 4 bit in nvidia-smi.
ROWS = """id,group,model,method,quant,lora_r,lora_targets,lora_dropout,seq_len,micro_batch,grad_accum,ckpt,attn,ce,\
optimizer,compute,framework,fw_version,gpu,n_gpu,sharding,metric,measured,unit,measured_gib,profile,detail,notes
a,fms-acceleration,Mistral-7B-v0.1,lora,,16,attn,0.1,4096,4,1,full,flash2,hf,adamw_torch,bf16 pure (no autocast),\
fms-hf-tuning SFTTrainer + none,transformers 4.48.1,A100-80GB,1,none,allocated,,B,24.871,hf_pure,A,
b,fms-acceleration,Mistral-7B-v0.1,full,,,,,4096,8,1,full,flash2,hf,adamw_torch,bf16 pure (no autocast),\
fms-hf-tuning SFTTrainer + none,transformers 4.48.1,A100-80GB,1,none,allocated,72435230720,B,,hf_pure,A,
c,fms-acceleration,Mistral-7B-v0.1,qlora,nf4-dq,16,attn,0.1,4096,4,1,full,flash2,hf,adamw_torch,bf16 autocast,\
fms-hf-tuning SFTTrainer + accelerated-peft-bnb,transformers 4.48.1,A100-80GB,1,none,nvidia-smi,,GiB,19.445,hf_amp,B,
d,fms-acceleration,Mistral-7B-v0.1,lora,,16,attn,0.1,4096,4,1,full,flash2,hf,adamw_torch,bf16,x,,T4,1,none,allocated,1,B,,,C,
e,someone,Unknown-1B,lora,,16,attn,0.1,4096,4,1,full,flash2,hf,adamw_torch,bf16,x,,T4,1,none,allocated,1,B,,,A,
"""
FIT = """source,model,method,quant,lora_r,lora_targets,lora_dropout,seq_len,micro_batch,grad_accum,ckpt,attn,ce,\
optimizer,compute,framework,fw_version,gpu,n_gpu,outcome
fms-acceleration,Mistral-7B-v0.1,full,,,,,4096,8,1,full,flash2,hf,adamw_torch,pure bf16,none,transformers 4.48.1,\
A100-80GB (79.3 GiB),1,ok
fms-acceleration,Mistral-7B-v0.1,full,,,,,4096,32,1,full,flash2,hf,adamw_torch,pure bf16,none,transformers 4.48.1,\
A100-80GB (79.3 GiB),1,OOM
"""


def score(folder: Path, rows: str, fit: str = FIT) -> subprocess.CompletedProcess[str]:
    for name, text in (("rows.csv", rows), ("models.csv", MODELS), ("fit.csv", fit)):
        (folder / name).write_bytes(text.encode())
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.memory_published", str(folder / "rows.csv"),
         str(folder / "models.csv"), "--fit", str(folder / "fit.csv"), "--rows"],
        capture_output=True, text=True,
    )  # fmt: skip


def test_the_command_scores_rows_and_outcomes_and_ends_with_one_json_object(tmp_path: Path) -> None:
    run = score(tmp_path, ROWS)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout.splitlines()[-1])
    assert list(result) == [
        "n", "all_median", "single_gpu_median", "single_gpu_p90", "qlora_median", "lora_median", "full_median",
        "multi_gpu_median", "fit_n", "fit_right", "fit_false_fits",
    ]  # fmt: skip
    assert (result["n"], result["fit_n"], result["fit_right"], result["fit_false_fits"]) == (3, 2, 2, 0)
    assert result["lora_median"] < 0.01
    assert result["full_median"] < 0.01
    assert result["qlora_median"] < 0.05
    assert result["multi_gpu_median"] is None
    assert "skipped e" in run.stderr


def test_a_spreadsheets_file_scores_the_same(tmp_path: Path) -> None:
    plain = score(tmp_path, ROWS).stdout
    marked = score(tmp_path, "\ufeff" + ROWS.replace("\n", "\r\n"), "\ufeff" + FIT.replace("\n", "\r\n"))
    assert marked.stdout == plain


def test_rows_that_make_no_sense_are_named_and_left_out(tmp_path: Path) -> None:
    broken = ROWS.replace(",4096,8,1,full,", ",4096,many,1,full,").replace("GiB,19.445", "stone,")
    run = score(tmp_path, broken, FIT.replace("A100-80GB (79.3 GiB),1,OOM", "Abacus,1,OOM"))
    assert run.returncode == 0, run.stderr
    assert "skipped b: micro_batch is 'many'" in run.stderr
    assert "skipped c: unit is 'stone'" in run.stderr
    assert "gpu is 'Abacus'" in run.stderr
    result = json.loads(run.stdout.splitlines()[-1])
    assert (result["n"], result["fit_n"]) == (1, 1)


def test_a_file_without_a_needed_column_says_which(tmp_path: Path) -> None:
    run = score(tmp_path, ROWS.replace("seq_len", "tokens"))
    assert run.returncode == 1
    assert "the column seq_len is missing" in run.stderr
    assert "Traceback" not in run.stderr
