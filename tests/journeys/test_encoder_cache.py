"""Training from cached features of a frozen encoder equals training from audio."""

import copy
import logging

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.batches.loading import Collator
from dataset_modules.datamodule import PhonemeDataModule
from dataset_modules.synthetic import SyntheticSpeechDataset
from models import PhonemeRecognizer
from models.network.acoustic_forward import AcousticForward
from tests.models.conftest import TINY

FROZEN = {"freeze_feature_extractor": True, "freeze_transformer": True}
# For weights that two ways of computing must agree on. AdamW divides a gradient near zero by itself, and so
# makes a whole step of its rounding; SGD keeps the difference as small as the rounding was.
WELL_CONDITIONED = {"optimizer": "SGD", "lr": 0.01}


class Watch(Callback):
    """Records the model's inputs and the metrics of each validation; saves a checkpoint in mid-epoch."""

    def __init__(self, place=None):
        self.inputs, self.metrics = [], []
        self.place = place

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        self.inputs.append("audio" if batch.encoder_states is None else "states")

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if self.place is not None and trainer.global_step == 4:  # of two epochs with three batches
            trainer.save_checkpoint(self.place)

    def on_validation_end(self, trainer, module):
        if not trainer.sanity_checking:
            self.metrics.append(
                {name: float(trainer.callback_metrics[name]) for name in ("val_per", "val_loss")}
            )


@pytest.fixture
def train(tmp_path, tiny_cache_dir, russian_vocab_file, monkeypatch):
    """Train two epochs; return the watch, the model and the number of the encoder's forward passes."""

    def run(
        cache,
        family="Wav2Vec2",
        root=tiny_cache_dir,
        trainer=None,
        augment=None,
        network=None,
        leave=None,
        resume=None,
        **arguments,
    ):
        torch.manual_seed(3)
        data = PhonemeDataModule(
            [SyntheticSpeechDataset("ru", num_train=12, num_val=4, num_test=4, cache_dir=root)],
            russian_vocab_file,
            batch_size=5,
            seed=0,
            augmentations=augment,
        )
        model = PhonemeRecognizer(
            russian_vocab_file,
            network_name=family,
            network_config=TINY[family] | (network or {}),
            seed=1,
            cache_encoder=cache,
            **({"lr": 1e-2} | FROZEN | arguments),
        )
        data.connect(model.interface)
        runs = []
        states = AcousticForward.states
        monkeypatch.setattr(AcousticForward, "states", lambda *a, **k: runs.append(1) or states(*a, **k))
        watch = Watch(leave)
        Trainer(
            default_root_dir=tmp_path,
            accelerator="cpu",
            callbacks=[watch],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **({"max_epochs": 2} | (trainer or {})),
        ).fit(model, datamodule=data, ckpt_path=resume)
        monkeypatch.setattr(AcousticForward, "states", states)
        return watch, model, len(runs)

    return run


@pytest.mark.parametrize("family", ["Wav2Vec2", "Wav2Vec2Bert"])
def test_a_head_learns_the_same_from_kept_states(train, tmp_path, family):
    audio, plain, runs = train(False, family, **WELL_CONDITIONED)
    assert (set(audio.inputs), runs) == ({"audio"}, 0)
    kept, model, runs = train(True, family, root=tmp_path / "fresh", **WELL_CONDITIONED)
    assert (set(kept.inputs), runs) == (
        {"states"},
        4,
    )  # three batches of train, one of val: once, not per epoch
    assert [metrics["val_per"] for metrics in kept.metrics] == [
        metrics["val_per"] for metrics in audio.metrics
    ]
    for first, second in zip(audio.metrics, kept.metrics, strict=True):
        assert first["val_loss"] == pytest.approx(second["val_loss"], rel=1e-5)
    assert_same_weights(model, plain, 5e-6)
    _, _, runs = train(True, family, root=tmp_path / "fresh", **WELL_CONDITIONED)
    assert runs == 0


@pytest.mark.parametrize("family", ["Wav2Vec2", "Wav2Vec2Bert"])
def test_a_mix_of_layers_learns_the_same_from_kept_states(train, tmp_path, family):
    options = WELL_CONDITIONED | {"layer_mix": True}
    audio, plain, _ = train(False, family, **options)
    kept, model, runs = train(True, family, root=tmp_path / "fresh", **options)
    assert (set(audio.inputs), set(kept.inputs), runs) == ({"audio"}, {"states"}, 4)
    for first, second in zip(audio.metrics, kept.metrics, strict=True):
        assert first["val_loss"] == pytest.approx(second["val_loss"], rel=1e-5)
    assert_same_weights(model, plain, 5e-6)
    assert model.network.dropout.mix.weight.abs().max() > 0
    _, _, runs = train(True, family, root=tmp_path / "fresh", **WELL_CONDITIONED)
    assert runs == 4  # features of the last layer alone are others


def test_a_group_norm_encoder_processes_each_utterance_without_padding(train, tmp_path):
    """Its states depend on padding; what is kept does not."""
    network = {"feat_extract_norm": "group", "do_stable_layer_norm": False}
    _, one, _ = train(True, root=tmp_path / "one", network=network)
    encoder = one.frozen_encoder()
    data = one.trainer.datamodule
    clips = data.splits["train"]
    kept = data._inputs("train").states
    for index in (0, 7):
        (alone,) = encoder.states(Collator(0)([clips[(0, index)]]))
        torch.testing.assert_close(
            torch.from_numpy(kept[index].copy()), torch.from_numpy(alone), atol=1e-6, rtol=0
        )


def test_what_changes_the_states_changes_the_fingerprint(train):
    _, model, _ = train(True)
    encoder = model.frozen_encoder()
    before = encoder.fingerprint()
    with torch.no_grad():
        model.network.lm_head.weight.add_(1.0)
    assert encoder.fingerprint() == before
    with torch.no_grad():
        next(model.network.base_model.parameters()).view(-1)[0] += 1e-3
    assert encoder.fingerprint() != before


def test_by_itself_it_is_used_where_it_can(train, caplog):
    from audiomentations import Gain

    assert set(train(None)[0].inputs) == {"states"}
    assert set(train(None, freeze_feature_extractor=False)[0].inputs) == {"audio"}
    with caplog.at_level(logging.INFO):
        assert set(train(None)[0].inputs) == {"states"}
        assert "features of the frozen encoder for 12 clips are in " in caplog.text
        assert set(train(None, augment=[Gain(p=1.0)])[0].inputs) == {"audio"}
        assert caplog.text.count("not used: augmentations change the audio in every epoch") == 1
        for part in (2, 1, 0.5):  # one batch is not all of them
            assert set(train(None, trainer={"limit_train_batches": part})[0].inputs) == {"audio"}
    assert "a part of each epoch is trained on" in caplog.text


def test_insisting_where_it_cannot_be_is_refused(train, russian_vocab_file):
    with pytest.raises(ValueError, match="cache_encoder: true needs freeze_feature_extractor: true"):
        PhonemeRecognizer(russian_vocab_file, freeze_feature_extractor=False, cache_encoder=True, lr=1e-3)
    for family, network in (("Wav2Vec2", {"feat_extract_norm": "group"}), ("Wav2Vec2Bert", {})):
        with pytest.raises(ValueError, match="or that have none, freeze_transformer: true; got true"):
            PhonemeRecognizer(russian_vocab_file, family, network_config=network, cache_encoder=True, lr=1e-3)
    with pytest.raises(RuntimeError, match="a part of each epoch is trained on"):
        train(True, trainer={"limit_train_batches": 2})


def test_another_precision_keeps_states_as_well(train):
    assert set(train(True, trainer={"precision": "bf16-true"})[0].inputs) == {"states"}


def test_another_model_over_the_same_data_does_not_get_the_first_ones_states(train):
    _, first, _ = train(True)
    data = first.trainer.datamodule
    kept = data._inputs("train").states.folder
    with torch.no_grad():
        next(first.network.base_model.parameters()).view(-1)[0] += 1.0
    data.setup("fit")  # as Lightning does before every fit
    assert data._inputs("train").states.folder != kept


def test_dropout_before_the_head_still_applies(train):
    _, model, _ = train(True, network={"final_dropout": 0.5})
    states = torch.ones(1, 4, model.network.lm_head.in_features)
    model.train()
    assert not torch.equal(model.acoustic.head(states), model.acoustic.head(states))
    model.eval()
    assert torch.equal(model.acoustic.head(states), model.acoustic.head(states))


CONVOLUTIONS = {"freeze_transformer": False, "lr": 1e-3}


def weights(model):
    return {name: value for name, value in model.state_dict().items() if value.is_floating_point()}


def assert_same_weights(model, other, bound):
    for name, value in weights(other).items():
        torch.testing.assert_close(weights(model)[name], value, atol=bound, rtol=0, msg=name)


@pytest.mark.parametrize("family", ["Wav2Vec2", "Hubert", "WavLM"])
@pytest.mark.parametrize(
    "network", [{"apply_spec_augment": False}, {"mask_time_prob": 0.3}], ids=["", "masks"]
)
def test_a_transformer_learns_the_same_from_kept_features(train, tmp_path, family, network):
    """Dropout, dropped layers and masks included: all of them come behind the convolutions."""
    options = CONVOLUTIONS | WELL_CONDITIONED | {"network": network}
    audio, plain, runs = train(False, family, **options)
    assert (set(audio.inputs), runs) == ({"audio"}, 0)
    kept, model, runs = train(True, family, root=tmp_path / "fresh", **options)
    assert (set(kept.inputs), runs) == ({"states"}, 4)
    for first, second in zip(audio.metrics, kept.metrics, strict=True):
        assert first["val_loss"] == pytest.approx(second["val_loss"], rel=1e-5)
    assert_same_weights(model, plain, 5e-6)
    _, _, runs = train(True, family, root=tmp_path / "fresh", **options)
    assert runs == 0


@pytest.mark.parametrize(
    ("arguments", "trainer"),
    [
        ({"gradient_checkpointing": True}, {}),
        ({"network": {"add_adapter": True, "num_adapter_layers": 1}}, {}),
        ({}, {"precision": "bf16-mixed"}),
    ],
    ids=["checkpointed", "adapter", "bf16"],
)
def test_kept_features_go_through_every_switch(train, tmp_path, arguments, trainer):
    still = {"apply_spec_augment": False, "layerdrop": 0.0, "hidden_dropout": 0.0, "attention_dropout": 0.0}
    still |= {"activation_dropout": 0.0, "feat_proj_dropout": 0.0, "final_dropout": 0.0}
    still |= arguments.pop("network", {})
    options = CONVOLUTIONS | WELL_CONDITIONED | arguments | {"network": still, "trainer": trainer}
    audio, plain, _ = train(False, **options)
    kept, model, runs = train(True, root=tmp_path / "fresh", **options)
    assert (set(kept.inputs), runs) == ({"states"}, 4)
    assert_same_weights(model, plain, 5e-4 if trainer else 5e-6)


def test_features_depend_on_the_convolutions_alone(train, tmp_path):
    """Trials of a search that change the rest share them."""
    _, model, _ = train(True, root=tmp_path / "fresh", **CONVOLUTIONS)
    before = model.frozen_encoder().fingerprint()
    other = {"hidden_dropout": 0.3, "mask_time_prob": 0.2}
    _, changed, runs = train(True, root=tmp_path / "fresh", network=other, **CONVOLUTIONS)
    assert model.network.base_model.feature_extractor is not changed.network.base_model.feature_extractor
    assert (changed.frozen_encoder().fingerprint() == before, runs) == (True, 0)
    with torch.no_grad():
        model.network.base_model.feature_extractor.conv_layers[0].conv.weight[0, 0, 0] += 1e-3
    assert model.frozen_encoder().fingerprint() != before


@pytest.fixture
def pretrained(tmp_path):
    """A folder with a trained encoder."""
    Wav2Vec2ForCTC(Wav2Vec2Config(**TINY["Wav2Vec2"])).save_pretrained(tmp_path / "pretrained")
    return {"pretrained_name": str(tmp_path / "pretrained"), **CONVOLUTIONS}


def test_by_itself_features_of_pretrained_convolutions_are_kept(train, pretrained):
    assert set(train(None, **pretrained)[0].inputs) == {"states"}
    assert set(train(None, **CONVOLUTIONS)[0].inputs) == {"audio"}  # no other run shares random ones


def test_clips_of_a_single_epoch_are_not_cached_but_read_where_they_are(train, pretrained, tmp_path):
    root = tmp_path / "fresh"
    for few in ({"max_epochs": 1}, {"max_steps": 3}, {"max_steps": 2, "accumulate_grad_batches": 2}):
        trainer = {"max_epochs": -1} | few  # three batches are an epoch
        assert set(train(None, root=root, trainer=trainer, **pretrained)[0].inputs) == {"audio"}
    more = {
        "max_epochs": -1,
        "max_steps": 3,
        "accumulate_grad_batches": 2,
    }  # an epoch's last batch steps, too
    assert set(train(None, root=root, trainer=more, **pretrained)[0].inputs) == {"states"}
    cached, _, runs = train(None, root=root, trainer={"max_epochs": 1}, **pretrained)
    assert (set(cached.inputs), runs) == ({"states"}, 0)


def test_a_run_resumes_from_kept_features_to_the_bit(train, pretrained, tmp_path):
    place, root = tmp_path / "middle.ckpt", tmp_path / "fresh"
    _, whole, _ = train(None, root=root, leave=place, **pretrained)
    cached, resumed, runs = train(None, root=root, resume=place, **pretrained)
    assert (cached.inputs, runs) == (["states"] * 2, 0)
    for name, value in weights(whole).items():
        assert torch.equal(weights(resumed)[name], value), name


def test_insisting_caches_clips_of_a_single_epoch(train):
    assert set(train(True, trainer={"max_epochs": 1}, **CONVOLUTIONS)[0].inputs) == {"states"}


@pytest.mark.parametrize("mask", [None, True])
def test_a_norm_over_time_trains_from_audio(train, mask):
    """Its features depend on who else is in the batch, whether or not the transformer knows of padding."""
    network = {"feat_extract_norm": "group", "do_stable_layer_norm": False}
    audio = AudioParams(return_attention_mask=mask)
    with pytest.raises(ValueError, match="feat_extract_norm: layer"):
        train(True, network=network, audio_params=audio, **CONVOLUTIONS)
    assert set(train(None, network=network, audio_params=audio, **CONVOLUTIONS)[0].inputs) == {"audio"}


def test_a_copy_of_a_network_that_takes_features_has_its_own_convolutions(train):
    _, model, _ = train(True, **CONVOLUTIONS)
    copied = copy.deepcopy(model.network)
    with torch.no_grad():
        copied.base_model.feature_extractor.conv_layers[0].conv.weight.zero_()
    audio = torch.randn(1, 4000)
    first, second = (network.base_model.feature_extractor(audio) for network in (model.network, copied))
    assert not torch.equal(first, second)
    assert model.network.base_model.feature_extractor(first) is first
    with pytest.raises(RuntimeError):  # one channel of audio with its dimension is no feature
        model.network.base_model.feature_extractor(audio[:, None])
