"""What PEFT, TRL, axolotl and LLaMA-Factory call the fields of a config, for people who come from there."""

from __future__ import annotations

_NAMES = {
    "adapter.r": "lora_r lora_rank rank adapter_rank",
    "adapter.lora_alpha": "alpha lora_a",
    "adapter.lora_dropout": "dropout adapter_dropout",
    "adapter.target_modules": "lora_target lora_target_modules lora_target_linear target_parameters",
    "adapter.use_rslora": "rslora lora_use_rslora peft_use_rslora",
    "adapter.use_dora": "dora lora_use_dora peft_use_dora",
    "adapter.init_lora_weights": "peft_init_lora_weights pissa_init lora_init",
    "adapter.modules_to_save": "lora_modules_to_save additional_target",
    "adapter.trainable_token_indices": "peft_trainable_token_indices trainable_tokens",
    "strategy.adapter": "adapter_name_or_path lora_model_dir adapter_path lora_path resume_from_adapter",
    "model.name_or_path": "model_name_or_path base_model model_name model_id pretrained_model_name_or_path base",
    "model.revision": "model_revision revision_of_model",
    "model.quantization": "load_in_4bit load_in_8bit quantization_bit bits quant quantization_method "
    "bnb_4bit_quant_type",
    "model.double_quant": "bnb_4bit_use_double_quant double_quantization use_double_quant use_bnb_nested_quant",
    "model.dtype": "torch_dtype bf16 fp16 tf32 bnb_4bit_compute_dtype compute_dtype infer_dtype",
    "model.attn_implementation": "flash_attn flash_attention attention_implementation sdp_attention "
    "use_flash_attention_2",
    "model.chat_template": "template chat_template_path chat_template_jinja",
    "dataset.max_length": "max_seq_length max_seq_len sequence_len seq_len seq_length cutoff_len "
    "model_max_length block_size",
    "dataset.train_on": "train_on_inputs train_on_prompt assistant_only_loss completion_only_loss mask_history "
    "train_on_responses_only",
    "dataset.eval_share": "val_size val_set_size validation_size validation_split_percentage eval_split_ratio",
    "dataset.eval_rows": "eval_size num_eval_samples eval_num_samples max_eval_samples",
    "dataset.packing": "sample_packing pack packed neat_packing",
    "dataset.mix": "mix_strategy interleave",
    "data.path": "dataset_name train_file dataset_path data_path data_files data_file file_name file datasets "
    "dataset_dir",
    "data.subset": "dataset_config dataset_config_name config_name",
    "data.format": "formatting dataset_format",
    "data.share": "probability probabilities interleave_probs mixing_weight",
    "data.max_rows": "max_samples num_samples max_train_samples",
    "train.num_train_epochs": "epochs num_epochs n_epochs max_epochs",
    "train.max_steps": "steps max_train_steps num_steps total_steps",
    "train.batch_size": "per_device_train_batch_size train_batch_size gradient_accumulation_steps micro_batch_size "
    "per_device_batch_size global_batch_size effective_batch_size",
    "train.micro_batch_tokens": "max_tokens_per_batch max_tokens",
    "train.learning_rate": "lr peak_lr max_lr",
    "train.lr_scheduler_type": "lr_scheduler scheduler schedule lr_schedule",
    "train.warmup_ratio": "warmup warmup_steps num_warmup_steps",
    "train.max_grad_norm": "gradient_clipping gradient_clip_val clip_grad max_norm grad_clip",
    "train.gradient_checkpointing": "activation_checkpointing use_gradient_checkpointing",
    "train.optim": "optimizer optimiser optimizer_type",
    "train.neftune_noise_alpha": "neftune noise_alpha neftune_alpha",
    "eval.every": "eval_steps evaluation_steps eval_every eval_interval",
    "eval.early_stopping_patience": "patience early_stopping",
    "eval.max_new_tokens": "generation_max_length max_generated_tokens",
    "checkpoint.every": "save_steps save_every save_interval checkpoint_every",
    "checkpoint.keep": "save_total_limit max_checkpoints keep_checkpoints",
    "sample.prompts": "sample_prompts test_prompts",
    "run.name": "run_name output_dir wandb_name experiment_name",
    "run.seed": "random_state random_seed data_seed",
    "launch.gpus": "devices num_gpus gpu gpu_ids cuda_visible_devices",
    "launch.precision": "mixed_precision amp",
}
OURS = {theirs: ours for ours, names in _NAMES.items() for theirs in names.split()}
"""Our dotted name for each of theirs."""


def ours(name: str) -> str:
    """Our dotted field for another program's ``name``, "" where none is known."""
    return OURS.get(name.lower().replace("-", "_"), "")
