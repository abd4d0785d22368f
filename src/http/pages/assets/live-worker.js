// One stream of what is live for all tabs: browsers open six connections to a server at most, and a stream holds one of them.
//
// It runs as a shared worker, or, in browsers without those, is imported by the page itself. Pages say `shown`, `hidden` or `bye`, and
// are told what the values are, all at first and then what has changed, or that the stream is gone and since when, and whether that is
// because the session is over.

const STREAM = "/feed";
const PARTS = ["cells", "values", "max", "times", "hrefs", "hidden", "bars"];
// A stream that says nothing for this long is gone, as after a laptop's sleep: it tells the moment every two seconds.
const SILENCE = 8000;
// Up to when it is tried again. Tabs of many browsers do not come back at the same moment.
const AGAIN = [250, 500, 1000, 2000, 4000, 8000, 15_000, 30_000];

const pages = new Map();
let state = null;
let source = null;
let goneAt = null;
let heardAt = 0;
let failures = 0;
let again = null;
// What asks why a stream failed.
let asking = null;
// Whether the session is over: only somebody who signs in can have a stream.
let isOver = false;

export function join(port) {
  pages.set(port, { hidden: false, knows: false, changes: empty(), told: 0, timer: null });
  port.onmessage = ({ data }) => hear(port, data);
  if (source) {
    tell(port);
  } else {
    connect();
  }
}

function hear(port, word) {
  const page = pages.get(port);
  if (word === "bye") {
    clearTimeout(page?.timer);
    pages.delete(port);
    if (pages.size === 0) {
      close();
      state = null;
    }
  } else if (page) {
    page.hidden = word === "hidden";
    clearTimeout(page.timer);
    page.timer = null;
    schedule(port, page);
    // Somebody looks again, who may have signed in elsewhere since: it is not waited for.
    if (word === "shown" && !source && !asking) {
      connect();
    }
  }
}

function connect() {
  close();
  isOver = false;
  heardAt = Date.now();
  source = new EventSource(STREAM);
  source.addEventListener("cells", ({ data }) => take(JSON.parse(data)));
  source.addEventListener("bye", lost);
  source.onerror = lost;
}

function take(change) {
  failures = 0;
  goneAt = null;
  heardAt = Date.now();
  state ??= empty();
  merge(state, change);
  for (const [port, page] of pages) {
    merge(page.changes, change);
    schedule(port, page);
  }
}

function close() {
  clearTimeout(again);
  asking?.abort();
  asking = null;
  source?.close();
  source = null;
}

// The browser's own way back takes two seconds, and ends for good after some answers; this one goes on.
function lost() {
  close();
  goneAt ??= state ? Date.now() : null;
  state = null;
  for (const page of pages.values()) {
    page.knows = false;
    page.changes = empty();
  }
  tellGone();
  if (pages.size > 0) {
    ask();
  }
}

// A stream that fails does not say why: an answer does, whose body is not waited for.
async function ask() {
  const asked = new AbortController();
  asking = asked;
  const timer = setTimeout(() => asked.abort(), SILENCE);
  let answer = null;
  try {
    answer = await fetch(STREAM, { redirect: "manual", cache: "no-store", signal: asked.signal });
  } catch {
    // Nobody answers.
  }
  clearTimeout(timer);
  if (asking !== asked) {
    return;
  }
  asking = null;
  asked.abort();
  if (answer && (answer.status === 401 || answer.type === "opaqueredirect")) {
    isOver = true;
    failures = 0;
    tellGone();
    return;
  }
  const most = AGAIN[Math.min(failures, AGAIN.length - 1)];
  again = setTimeout(connect, most * (0.5 + Math.random() / 2));
  failures += 1;
}

function tellGone() {
  for (const port of pages.keys()) {
    port.postMessage({ gone: true, goneAt, isOver });
  }
}

// Not quite twice a second, and once in five seconds to a page that nobody sees; one that does not know that the stream is back is told.
function schedule(port, page) {
  if (page.timer === null && state) {
    const due = page.told + (page.hidden && page.knows ? 5000 : 600) - Date.now();
    page.timer = setTimeout(() => tell(port), Math.max(0, due));
  }
}

function tell(port) {
  const page = pages.get(port);
  page.timer = null;
  page.told = Date.now();
  if (!state) {
    port.postMessage({ gone: true, goneAt, isOver });
    return;
  }
  port.postMessage(page.knows ? page.changes : state);
  page.knows = true;
  page.changes = empty();
}

function empty() {
  return { ...Object.fromEntries(PARTS.map((part) => [part, {}])), series: {} };
}

function merge(into, change) {
  for (const part of PARTS) {
    Object.assign(into[part], change[part]);
  }
  for (const [name, points] of Object.entries(change.series ?? {})) {
    const all = new Map([...(into.series[name] ?? []), ...points].map((point) => [point[0], point]));
    const kept = [...all.values()].sort(([a], [b]) => a - b);
    into.series[name] = kept.filter(([x]) => x > kept.at(-1)[0] - 3600);
  }
  into.at = change.at ?? into.at;
  into.shape = change.shape ?? into.shape;
}

setInterval(() => source && Date.now() - heardAt > SILENCE && lost(), 2000);

if ("onconnect" in globalThis) {
  globalThis.onconnect = ({ ports: [port] }) => join(port);
}
