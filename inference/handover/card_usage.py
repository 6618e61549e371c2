"""How to use a handed-over model, as its card tells it."""

PIPELINE_USAGE = """\
```python
import soundfile
from transformers import pipeline

recognise = pipeline("automatic-speech-recognition", model="this/folder")
samples, rate = soundfile.read("speech.wav", dtype="float32")
print(recognise({"raw": samples, "sampling_rate": rate})["text"])
```

Phonemes are parted by spaces, words by `|`. Give it samples: for names of files it needs ffmpeg."""

ONNX_USAGE = """\
`model.onnx` takes `waveforms` (float32, batch × samples, mono, -1…1, zero-padded) and `lengths` (int64,
samples of each), and gives `log_probs` and the number of real `frames` of each. Normalisation and features
are inside.
`recognizer.json` tells the rate, when frames sound, and limits.

```python
import json, numpy, onnxruntime, soundfile

tokens = list(json.load(open("vocab.json", encoding="utf-8")))
facts = json.load(open("recognizer.json", encoding="utf-8"))
samples, rate = soundfile.read("speech.wav", dtype="float32")
assert rate == facts["sampling_rate"] and samples.ndim == 1, "resample it, mix it down"
session = onnxruntime.InferenceSession("model.onnx")
inputs = {"waveforms": samples[None], "lengths": numpy.array([len(samples)])}
scores, frames = session.run(None, inputs)
best = scores[0, : frames[0]].argmax(-1)
best = best[numpy.flatnonzero(numpy.diff(best, prepend=-1))]
print(" ".join(tokens[i] for i in best if i != facts["blank_id"]))
```"""
