// The page: a recording is sent to the server that the page came from; its answer is drawn. Text of an answer is
// only ever set as text.
import { convertedToWav, recordMicrophone } from "./microphone.js";

const PIXELS_PER_SECOND = 480; // a phoneme needs 8 or so
const MARGIN = 0.03; // seconds of sound before and behind a phoneme
const $ = (id) => document.getElementById(id);
const offer = await asked("offer").catch((fault) => ({ error: fault.message }));
if (offer.error) {
  say(offer.error, true);
  throw new Error(offer.error);
}
const player = new AudioContext();
let recording = null; // a file
let sound = null; // that of the answer
let microphone = null; // while it records
let switching = false; // the microphone on or off; a button that is disabled meanwhile would lose the focus
let newest = 0; // number of the last question; an older one's answer is not shown
let playing = null;

// ---- Questions ----

function fill(select, box, named) {
  select.replaceChildren(...Object.entries(named).map(([value, name]) => new Option(name, value)));
  box.hidden = select.options.length < 2;
}

function showLanguages() {
  fill($("language"), $("languages"), offer.models[$("model").value]);
}

function say(text, isFault = false) {
  $("status").textContent = isFault ? "" : text;
  $("fault").textContent = isFault ? text : "";
}

// The answer of the server, which is JSON also where it refuses; a proxy before it has other answers.
async function asked(address, options) {
  try {
    const response = await fetch(address, options);
    return { status: response.status, ...(await response.json()) };
  } catch {
    throw new Error("The program behind this page does not answer. Start it again, then load the page again.");
  }
}

async function send(file) {
  const fields = { model: $("model").value, language: $("language").value, text: $("text").value };
  const headers = { "Content-Type": "application/octet-stream" };
  const address = `answer?${new URLSearchParams(fields)}`;
  return asked(address, { method: "POST", headers, body: file });
}

async function answerOf(file) {
  const answer = await send(file);
  if (answer.status !== 415) return answer;
  let converted;
  try {
    converted = await convertedToWav(file);
  } catch {
    return answer;
  }
  if (converted.size > offer.bytes) return { error: `A recording may last ${offer.seconds} seconds at most.` };
  if (recording === file) recording = converted; // another one may have been taken meanwhile
  return send(converted);
}

async function ask() {
  if (!recording) return;
  const number = ++newest;
  stopSound();
  if (recording.size > offer.bytes) return say(`A file may have ${offer.bytes >> 20} MiB at most.`, true);
  say("Working…");
  try {
    const answer = await answerOf(recording);
    if (number !== newest) return;
    if (answer.error) throw new Error(answer.error);
    await show(answer);
    if (microphone) return; // it says that it records
    say(counted(answer.transcript));
    if (!$("scored").hidden) $("status").append(unseen($("summary").textContent));
  } catch (fault) {
    if (number !== newest) return;
    $("answer").hidden = true;
    say(fault.message, true);
  }
}

function take(file) {
  recording = file;
  $("score").disabled = false;
  ask();
}

async function toggleRecording() {
  if (switching) return;
  switching = true;
  try {
    if (microphone) {
      const recorder = microphone;
      microphone = null;
      take(await recorder.stop());
    } else {
      stopSound();
      microphone = await recordMicrophone((seconds, peak) => {
        if (!microphone) return;
        $("level").value = peak;
        $("seconds").textContent = `${seconds.toFixed(1)} s`;
        if (seconds > offer.seconds - 1) toggleRecording();
      });
      say("Recording…");
    }
  } catch (fault) {
    microphone = null;
    say(`The microphone cannot be used: ${fault.message}`, true);
  }
  switching = false;
  $("seconds").textContent = "";
  $("record").classList.toggle("recording", Boolean(microphone));
  $("record").lastChild.textContent = microphone ? " Stop" : " Record";
  $("level").hidden = !microphone;
}

// ---- Answers ----

async function show(answer) {
  const bytes = Uint8Array.from(atob(answer.sound), (one) => one.charCodeAt(0));
  sound = await player.decodeAudioData(bytes.buffer);
  const { seconds, words } = answer.transcript;
  $("picture").src = `data:image/png;base64,${answer.picture}`;
  $("speech").style.width = `${seconds * PIXELS_PER_SECOND}px`;
  const at = (time) => `${(100 * time) / seconds}%`;
  const marks = Array.from({ length: Math.floor(2 * seconds) + 1 }, (_, half) => {
    const mark = element("span", `${half / 2} s`);
    mark.style.left = at(half / 2);
    return mark;
  });
  $("axis").replaceChildren(...marks);
  const buttons = words.flat().map(({ phoneme, start, end, confidence }) => {
    const title = `[${phoneme}] ${start.toFixed(2)} to ${end.toFixed(2)} s, confidence ${percent(confidence)}`;
    const button = phonemeButton([phoneme], title, start, end, $("detail"));
    button.style.left = at(start);
    button.style.width = at(end - start);
    return button;
  });
  fillGroup($("phonemes"), buttons, buttons);
  $("detail").textContent = "";
  $("view").scrollLeft = 0;
  $("answer").hidden = false;
  showScore(answer.score);
}

function counted({ seconds, words }) {
  const count = words.flat().length;
  return `${count || "No"} ${count > 1 ? "phonemes were" : "phoneme was"} recognised in ${seconds.toFixed(1)} s.`;
}

// Text that a screen reader reads out, and that stands elsewhere on the page, too.
function unseen(text) {
  const made = element("span", ` ${text}`);
  made.className = "unseen";
  return made;
}

function showScore({ words = [], fault, gop, probability_right: right, warnings = [] }) {
  const boxes = words.map((cells) => {
    const box = element("div");
    box.className = "spoken-word aligned";
    box.append(...cells.map(scoredButton));
    return box;
  });
  const whole = right == null ? `mean gop ${gop?.toFixed(2)} (0 is best)` : `${percent(right)} right`;
  $("summary").textContent = fault ?? `The whole sentence: ${whole}.`;
  $("warnings").textContent = warnings.map((warning) => `Warning: ${warning}.`).join(" ");
  fillGroup($("words"), boxes, boxes.flatMap((box) => [...box.children]));
  $("instead").textContent = "";
  $("scored").hidden = !fault && !words.length;
}

function scoredButton({ above, below, kind, title, start, end, goodness }) {
  const button = phonemeButton([above, below], title, start, end, $("instead"));
  button.classList.add("pair", kind === "right" ? "scored" : kind);
  button.style.setProperty("--goodness", goodness);
  return button;
}

function phonemeButton(texts, title, start, end, detail) {
  const button = element("button");
  button.type = "button";
  button.append(...texts.map((text) => element("span", text)));
  button.title = title;
  button.setAttribute("aria-label", title);
  button.onclick = () => play(start - MARGIN, end + MARGIN, button);
  button.onfocus = button.onmouseenter = () => (detail.textContent = title);
  return button;
}

// A group of buttons is one stop of the tabulator; arrow keys go from button to button.
function fillGroup(group, children, buttons) {
  buttons.forEach((button, place) => (button.tabIndex = place ? -1 : 0));
  group.replaceChildren(...children);
  group.onkeydown = (event) => {
    const place = buttons.indexOf(document.activeElement);
    const last = buttons.length - 1;
    const next = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: last }[event.key];
    if (place < 0 || !(next in buttons)) return;
    event.preventDefault();
    buttons[place].tabIndex = -1;
    buttons[next].tabIndex = 0;
    buttons[next].focus();
  };
}

function element(tag, text = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

// ---- Sound ----

async function play(start, end, button) {
  await player.resume();
  stopSound();
  const source = new AudioBufferSourceNode(player, { buffer: sound });
  source.connect(player.destination);
  const from = Math.max(0, start);
  const seconds = Math.min(end, sound.duration) - from;
  const at = (time) => `${time * PIXELS_PER_SECOND}px`;
  const motion = [{ left: at(from) }, { left: at(from + seconds) }];
  playing = { source, button, cursor: $("cursor").animate(motion, 1000 * seconds) };
  button.classList.add("playing");
  $("cursor").hidden = false;
  source.onended = () => playing?.source === source && stopSound();
  source.start(0, from, seconds);
}

function stopSound() {
  playing?.source.stop();
  playing?.cursor.cancel();
  playing?.button.classList.remove("playing");
  $("cursor").hidden = true;
  playing = null;
}

// ---- Start ----

fill($("model"), $("models"), Object.fromEntries(Object.keys(offer.models).map((name) => [name, name])));
showLanguages();
$("text").maxLength = offer.characters;
$("model").onchange = () => (showLanguages(), ask());
$("language").onchange = ask;
$("question").onsubmit = (event) => (event.preventDefault(), ask());
$("text").onkeydown = (event) => {
  if (event.key !== "Enter" || event.isComposing) return; // a handler that returns false would swallow the key
  event.preventDefault();
  ask();
};
$("record").onclick = toggleRecording;
$("choose").onclick = () => (($("file").value = ""), $("file").click()); // the same file may have changed
$("file").onchange = () => $("file").files.length && take($("file").files[0]);
$("play").onclick = () => play(0, sound.duration, $("play"));
addEventListener("dragover", (event) => (event.preventDefault(), document.body.classList.add("dropping")));
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
});
$("controls").disabled = false;
if (!navigator.mediaDevices) {
  $("record").disabled = true;
  say("Browsers allow the microphone at https:// addresses and on this machine alone; files work everywhere.");
}
