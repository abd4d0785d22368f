// Records by the browser's microphone: a meter while it is spoken, what was recorded to listen to, and once it is to be kept, a WAV file
// that is sent as any other recording.

const INSTEAD = "Upload a file, or record by telephone.";
const REASONS = {
  NotAllowedError: "The browser does not give this page the microphone: allow it beside the address, and try again.",
  NotFoundError: "There is no microphone.",
  NotReadableError: "The microphone is in use by another program.",
};
// As it is heard: what evens the sound out for calls would be heard in the message.
const SOUND = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
// Of full scale.
const [TOO_LOUD, TOO_QUIET] = [0.999, 0.02];
// What is longer is not taken; what comes after the end was asked for has room in it.
const MOST_BYTES = 49 * 1024 * 1024;
const HEADER = 44;

for (const form of document.querySelectorAll("form[data-recorder]")) {
  offer(form);
}

function offer(form) {
  const part = (name) => form.querySelector(`[data-recorder-${name}]`);
  const button = (name) => form.querySelector(`button[data-do=${name}]`);
  const [record, stop, listen, keep] = ["record", "stop", "listen", "keep"].map(button);
  const [status, time, report, meter] = [part("status"), part("time"), part("report"), form.querySelector("meter")];
  const longest = Number(form.dataset.longest);
  let running = null;
  let recorded = null;
  let playing = null;

  const say = (words, isError = false) => {
    status.textContent = words;
    status.className = isError ? "error" : "hint";
  };
  const show = (...shown) => [record, stop, listen].forEach((one) => (one.hidden = !shown.includes(one)));

  const why = cannot();
  if (why) {
    say(`${why} ${INSTEAD}`, true);
    record.disabled = true;
    return;
  }

  record.addEventListener("click", async () => {
    silence();
    record.disabled = true;
    say("Waiting for the microphone");
    try {
      running = await begin((level, seconds) => {
        meter.value = level;
        time.textContent = `${seconds.toFixed(1)} s`;
        if (seconds >= Math.min(longest, running?.longest ?? longest)) {
          end();
        }
      });
    } catch (error) {
      say(`${REASONS[error.name] ?? `The microphone cannot be used: ${error.message}.`} ${INSTEAD}`, true);
      return;
    } finally {
      record.disabled = false;
    }
    recorded = null;
    report.hidden = true;
    keep.disabled = true;
    [meter.hidden, time.hidden] = [false, false];
    show(stop);
    stop.focus();
    say(`Recording, for ${Math.min(longest, running.longest)} s at most`);
  });

  stop.addEventListener("click", end);

  async function end() {
    const ending = running;
    running = null;
    if (!ending) {
      return;
    }
    recorded = await ending.end();
    meter.hidden = true;
    record.textContent = "Record again";
    show(record, listen);
    listen.focus();
    keep.disabled = recorded.samples.length === 0;
    say(`Recorded ${lasts(recorded)}. ${judged(recorded)}`);
  }

  listen.addEventListener("click", () => {
    if (playing) {
      silence();
      return;
    }
    playing = play(recorded, silence);
    listen.textContent = "Stop listening";
  });

  function silence() {
    playing?.close();
    playing = null;
    listen.textContent = "Listen";
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!recorded) {
      say("Record something first.", true);
      return;
    }
    silence();
    const name = new FormData(form).get("name");
    [keep.disabled, record.disabled] = [true, true];
    say("Sending it");
    const address = form.dataset.url.replace("{name}", encodeURIComponent(name));
    const sent = { method: "PUT", headers: { "Content-Type": "audio/wav", Accept: "application/json" }, body: wav(recorded) };
    const answer = await fetch(address, sent).catch(() => null);
    const body = await answer?.json().catch(() => null);
    [keep.disabled, record.disabled] = [false, false];
    if (!answer?.ok) {
      const parts = (body?.errors ?? []).map(({ detail }) => detail);
      say([body?.detail ?? body?.title ?? "The connection was lost while it was sent. Try again.", ...parts].join(" "), true);
      return;
    }
    say(`Kept as ${body.name}`);
    tell(report, body);
  });
}

// Why nothing can be recorded here; null if it can.
function cannot() {
  if (!window.isSecureContext) {
    return "Browsers give the microphone to pages that come over HTTPS, or from the same machine, and to no others.";
  }
  return navigator.mediaDevices?.getUserMedia && window.AudioWorkletNode ? null : "This browser records nothing.";
}

async function begin(heard) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: SOUND });
  const context = new AudioContext();
  const close = () => {
    stream.getTracks().forEach((track) => track.stop());
    return context.close();
  };
  const pieces = [];
  let length = 0;
  let last = () => {};
  try {
    await context.audioWorklet.addModule(new URL("./recorder-worklet.js", import.meta.url));
    const node = new AudioWorkletNode(context, "recorder", { channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = ({ data }) => {
      if (data === null) {
        last();
        return;
      }
      pieces.push(data);
      length += data.length;
      heard(peak(data), length / context.sampleRate);
    };
    context.createMediaStreamSource(stream).connect(node);
    // It says nothing, but a browser runs only what is heard.
    node.connect(context.destination);
    await context.resume();
    return {
      // As many samples as are sent at once, whatever their rate.
      longest: Math.floor((MOST_BYTES - HEADER) / 2 / context.sampleRate),
      async end() {
        await new Promise((resolve) => {
          last = resolve;
          node.port.postMessage("stop");
        });
        const rate = context.sampleRate;
        await close();
        return { rate, samples: joined(pieces, length) };
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function joined(pieces, length) {
  const samples = new Float32Array(length);
  let at = 0;
  for (const piece of pieces) {
    samples.set(piece, at);
    at += piece.length;
  }
  return samples;
}

const peak = (samples) => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
const lasts = ({ rate, samples }) => `${(samples.length / rate).toFixed(1)} s`;

function judged({ samples }) {
  const most = peak(samples);
  if (most >= TOO_LOUD) {
    return "It was too loud at times: speak further from the microphone, or turn it down.";
  }
  return most < TOO_QUIET ? "Hardly anything was to be heard: is it the right microphone?" : "Listen to it, and keep it.";
}

function play({ rate, samples }, ended) {
  const context = new AudioContext();
  const buffer = context.createBuffer(1, samples.length, rate);
  buffer.copyToChannel(samples, 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  source.onended = ended;
  source.start();
  return context;
}

// One channel of 16 bits.
function wav({ rate, samples }) {
  const bytes = new DataView(new ArrayBuffer(HEADER + 2 * samples.length));
  const text = (at, words) => [...words].forEach((letter, index) => bytes.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, index) => {
    bytes.setInt16(HEADER + 2 * index, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true);
  });
  return new Blob([bytes], { type: "audio/wav" });
}

// What was made of it.
function tell(report, { name, duration_ms, report: made }) {
  const line = (words) => Object.assign(document.createElement("li"), { textContent: words });
  const list = document.createElement("ul");
  list.append(line(`${(duration_ms / 1000).toFixed(2)} s long`));
  if (made) {
    list.append(line(`${made.lufs.toFixed(1)} LUFS, was ${made.lufs_before.toFixed(1)}`), ...made.changes.map(line));
  }
  const link = Object.assign(document.createElement("a"), { textContent: `Hear ${name} as it will be heard` });
  link.href = `/messages/${encodeURIComponent(name)}`;
  report.replaceChildren(list, link);
  report.hidden = false;
}
