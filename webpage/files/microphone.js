// Records the microphone, and writes samples as a WAV file.

// Records until stop() is called, which returns the recording; onBlock gets the seconds so far and a peak.
export async function recordMicrophone(onBlock) {
  const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const context = new AudioContext();
  await context.audioWorklet.addModule("recorder.js");
  const recorder = new AudioWorkletNode(context, "recorder");
  const blocks = [];
  let length = 0;
  recorder.port.onmessage = ({ data }) => {
    blocks.push(data);
    length += data.length;
    onBlock(length / context.sampleRate, data.reduce((peak, one) => Math.max(peak, Math.abs(one)), 0));
  };
  context.createMediaStreamSource(stream).connect(recorder).connect(context.destination); // it plays silence
  return {
    async stop() {
      stream.getTracks().forEach((track) => track.stop());
      await context.close();
      return wavOf(blocks, length, context.sampleRate);
    },
  };
}

// Decodes a file of a format that the browser knows and the server does not, such as m4a.
export async function convertedToWav(file) {
  const context = new OfflineAudioContext(1, 1, 48000);
  const sound = await context.decodeAudioData(await file.arrayBuffer());
  const channels = Array.from({ length: sound.numberOfChannels }, (_, place) => sound.getChannelData(place));
  const mono = channels[0].map((_, time) => channels.reduce((sum, one) => sum + one[time], 0) / channels.length);
  return wavOf([mono], mono.length, sound.sampleRate);
}

// A mono WAV file of 16 bits: a header of 44 bytes, then the samples.
function wavOf(blocks, length, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * length));
  const write = (place, text) => [...text].forEach((one, at) => view.setUint8(place + at, one.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * length, true);
  write(8, "WAVEfmt ");
  [[16, 32], [1, 16], [1, 16], [rate, 32], [2 * rate, 32], [2, 16], [16, 16]].reduce((place, [value, bits]) => {
    view[`setUint${bits}`](place, value, true);
    return place + bits / 8;
  }, 16);
  write(36, "data");
  view.setUint32(40, 2 * length, true);
  let place = 44;
  for (const block of blocks) {
    for (const sample of block) {
      view.setInt16(place, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true);
      place += 2;
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}
