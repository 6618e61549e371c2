# shellcheck shell=bash
# Completes the commands and options of run.sh in bash (in zsh after `autoload bashcompinit && bashcompinit`):
#   source front_door/completion.bash
# Written by ./run.sh reference; never by hand.

_phonemes_training=(--config --help --help-all --print_config --seed_everything --custom_folder_name --only_weights_load --write_report --num_threads --ckpt_path --weights_only --audio_params.sampling_rate --audio_params.padding_value --audio_params.feature_size --audio_params.return_attention_mask --audio_params.do_normalize --model.vocab_file --model.network_name --model.pretrained_name --model.network_config --model.freeze_feature_extractor --model.freeze_transformer --model.optimizer --model.lr --model.weight_decay --model.momentum --model.optimizer_params --model.param_groups --model.layer_decay --model.scheduler --model.step_size --model.milestones --model.gamma --model.metric_scheduler --model.metric_patience --model.min_lr --model.warmup_steps --model.total_steps --model.decay_start_step --model.warmup_epochs --model.max_epochs --model.warmup_start_lr --model.audio_params --model.initial_weights --model.map_vocabulary --model.symbol_map --model.least_fitting_share --model.seed --model.attention --model.compile --model.gradient_checkpointing --model.cache_encoder --model.intermediate_ctc --model.consistency --model.label_prior --model.layer_mix --model.adapter --model.unfreeze --data.dataset_classes --data.vocab_file --data.language --data.batch_size --data.max_batch_seconds --data.num_workers --data.worker_timeout --data.num_proc --data.create_dataset --data.audio_params --data.augmentations --data.unknown_phonemes --data.seed --data.text_to_phonemes --data.normalisation --data.sampling --trainer.logger --trainer.accelerator --trainer.strategy --trainer.devices --trainer.num_nodes --trainer.precision --trainer.callbacks --trainer.fast_dev_run --trainer.max_epochs --trainer.min_epochs --trainer.max_steps --trainer.min_steps --trainer.max_time --trainer.limit_train_batches --trainer.limit_val_batches --trainer.limit_test_batches --trainer.limit_predict_batches --trainer.overfit_batches --trainer.val_check_interval --trainer.check_val_every_n_epoch --trainer.num_sanity_val_steps --trainer.log_every_n_steps --trainer.enable_checkpointing --trainer.enable_progress_bar --trainer.enable_model_summary --trainer.accumulate_grad_batches --trainer.gradient_clip_val --trainer.gradient_clip_algorithm --trainer.deterministic --trainer.benchmark --trainer.inference_mode --trainer.use_distributed_sampler --trainer.profiler --trainer.detect_anomaly --trainer.barebones --trainer.plugins --trainer.sync_batchnorm --trainer.reload_dataloaders_every_n_epochs --trainer.default_root_dir --trainer.enable_autolog_hparams --trainer.model_registry --optuna.tune --optuna.n_trials --optuna.direction --optuna.metric --optuna.search_spaces --optuna.constraints --optuna.sampler --optuna.pruner --optuna.storage --optuna.study_name --optuna.timeout --optuna.trial_timeout --optuna.n_jobs --optuna.keep_checkpoints --study.run --study.variants --study.tune --study.seeds --study.metric --study.baseline --study.levels --study.equal_budgets --study.name --study.storage --study.n_jobs)

_phonemes_options() {
    case $1 in
        train) echo "${_phonemes_training[*]}" ;;
        tune) echo "${_phonemes_training[*]}" ;;
        study) echo "${_phonemes_training[*]}" ;;
        val) echo "${_phonemes_training[*]} --verbose" ;;
        test) echo "${_phonemes_training[*]} --verbose" ;;
        predict) echo "${_phonemes_training[*]} --return_predictions" ;;
        doctor) echo "${_phonemes_training[*]} --audio" ;;
        report) echo "--help --group" ;;
        corpus) echo "--help --language --output --files --mirror --overwrite --locale --version" ;;
        start) echo "--help --language --name --output --label_tier --clip_tier --word_tier --label_kind --device --overwrite" ;;
        phonemize) echo "--help --file --language --languages --text_to_phonemes --vocabulary" ;;
        vocabulary) echo "--help --texts --language --text_to_phonemes --config --output --overwrite --min_count --no_word_boundary --vocabulary" ;;
        lm) echo "--help --config --labels --texts --language --text_to_phonemes --vocabulary --order --output" ;;
        transcribe) echo "--help --model --clips --label_tier --clip_tier --format --output --overwrite --device --batch_seconds --one_pass --window --overlap --beam --lm --lm_weight --token_bonus" ;;
        align) echo "--help --model --text --phonemes --labels --label_kind --label_tier --language --text_to_phonemes --format --output --overwrite --device" ;;
        score) echo "--help --model --text --phonemes --labels --label_kind --label_tier --language --text_to_phonemes --candidates --calibration --corpus --split --calibrate --false_rejections --pages --format --output --overwrite --device" ;;
        try) echo "--help --language --text_to_phonemes --host --port --device" ;;
        export) echo "--help --to --output --language --license --push --private --check --config" ;;
        reference) echo "--help --check" ;;
    esac
}

_phonemes_choices() {
    case "$1 $2" in
        *" --audio_params.return_attention_mask") echo "true false" ;;
        *" --audio_params.do_normalize") echo "true false" ;;
        *" --model.network_name") echo "Wav2Vec2 Hubert WavLM Wav2Vec2Bert" ;;
        *" --model.freeze_feature_extractor") echo "true false" ;;
        *" --model.freeze_transformer") echo "true false" ;;
        *" --model.optimizer") echo "AdamW SGD FAM FAMOptimizer AutoSGM SimpleFAM" ;;
        *" --model.param_groups") echo "fam layerwise" ;;
        *" --model.scheduler") echo "StepLR MultiStepLR ReduceLROnPlateau FAMScheduler FAMScheduler2 FAMEpochScheduler" ;;
        *" --model.map_vocabulary") echo "true false" ;;
        *" --model.attention") echo "sdpa flash_attention_2 eager" ;;
        *" --model.compile") echo "true false" ;;
        *" --model.gradient_checkpointing") echo "true false" ;;
        *" --model.cache_encoder") echo "true false" ;;
        *" --model.layer_mix") echo "true false" ;;
        *" --data.max_batch_seconds") echo "auto" ;;
        *" --data.create_dataset") echo "true false" ;;
        *" --data.unknown_phonemes") echo "skip refuse map_to_unknown drop" ;;
        *" --data.text_to_phonemes") echo "espeak epitran none" ;;
        *" --trainer.logger") echo "csv mlflow tensorboard wandb true false" ;;
        *" --trainer.precision") echo "64 32 16 transformer-engine transformer-engine-float16 16-true 16-mixed bf16-true bf16-mixed 32-true 64-true bf16" ;;
        *" --trainer.fast_dev_run") echo "true false" ;;
        *" --trainer.enable_checkpointing") echo "true false" ;;
        *" --trainer.enable_progress_bar") echo "true false" ;;
        *" --trainer.enable_model_summary") echo "true false" ;;
        *" --trainer.deterministic") echo "warn true false" ;;
        *" --trainer.benchmark") echo "true false" ;;
        *" --trainer.inference_mode") echo "true false" ;;
        *" --trainer.use_distributed_sampler") echo "true false" ;;
        *" --trainer.detect_anomaly") echo "true false" ;;
        *" --trainer.barebones") echo "true false" ;;
        *" --trainer.sync_batchnorm") echo "true false" ;;
        *" --trainer.enable_autolog_hparams") echo "true false" ;;
        *" --optuna.tune") echo "true false" ;;
        *" --optuna.direction") echo "minimize maximize" ;;
        *" --optuna.keep_checkpoints") echo "best all none" ;;
        *" --study.run") echo "true false" ;;
        *" --study.equal_budgets") echo "true false" ;;
        "corpus corpus") echo "telephone-prompts common-voice" ;;
        "start --label_kind") echo "phonemes text" ;;
        "start --device") echo "auto cpu gpu" ;;
        "vocabulary vocabulary") echo "build check merge" ;;
        "transcribe --format") echo "text jsonl ctm lab textgrid eaf srt" ;;
        "align --label_kind") echo "phonemes text" ;;
        "align --format") echo "text jsonl ctm lab textgrid eaf srt" ;;
        "score --label_kind") echo "phonemes text" ;;
        "score --corpus") echo "speechocean762 l2-arctic table" ;;
        "score --format") echo "text jsonl textgrid csv" ;;
        "export --to") echo "hf onnx onnx-int8 space" ;;
    esac
}

_phonemes() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} offered
    local command=${COMP_WORDS[1]:-}
    if ((COMP_CWORD == 1)); then
        offered="train tune study val test predict report corpus start doctor phonemize vocabulary lm transcribe align score try export install check docs shell dev lock audit reference --help --version"
    elif [[ $word == -* ]]; then
        offered=$(_phonemes_options "$command")
    else
        offered=$(_phonemes_choices "$command" "$before")
    fi
    # shellcheck disable=SC2207  # words without spaces; bash 3.2 has no mapfile
    COMPREPLY=($(compgen -W "$offered" -- "$word"))
}

complete -o default -o bashdefault -F _phonemes run.sh ./run.sh phonemes
