// One stream of the live state for all tabs: browsers open six connections to a server at most, and a stream holds one of them.
//
// It runs as a shared worker, or, in browsers without those, is imported by the page itself. Pages say `shown` or `hidden`, and are
// told the state with all of it, or that it is gone and since when.

const STREAM = "/api/v1/live";
// A stream that once gave beats and gives none for this long is gone, as after a laptop's sleep.
const SILENCE = 15_000;
const AGAIN = [500, 1000, 1500, 2000];

const pages = new Map();
let state = null;
let source = null;
let goneAt = null;
let beatAt = null;
let failures = 0;

export function join(port) {
  pages.set(port, { hidden: false, told: 0, timer: null });
  port.onmessage = ({ data }) => {
    const page = pages.get(port);
    if (data === "bye" || !page) {
      clearTimeout(page?.timer);
      pages.delete(port);
      if (pages.size === 0) {
        source?.close();
        source = null;
      }
      return;
    }
    page.hidden = data === "hidden";
    if (!page.hidden) {
      clearTimeout(page.timer);
      page.timer = null;
      tell(port, page);
    }
  };
  if (source) {
    port.postMessage(word());
  } else {
    connect();
  }
}

function connect() {
  source = new EventSource(STREAM);
  source.addEventListener("view", ({ data }) => {
    const view = JSON.parse(data);
    state = { ...view, campaigns: Object.fromEntries(view.campaigns.map((campaign) => [campaign.campaign, campaign])) };
    heard();
  });
  source.addEventListener("change", ({ data }) => {
    const { campaigns, gone, ...rest } = JSON.parse(data);
    const all = { ...state.campaigns };
    for (const campaign of campaigns ?? []) {
      all[campaign.campaign] = campaign;
    }
    for (const name of gone ?? []) {
      delete all[name];
    }
    state = { ...state, ...rest, campaigns: all };
    heard();
  });
  source.addEventListener("beat", () => (beatAt = Date.now()));
  source.addEventListener("bye", lost);
  source.onerror = lost;
}

function heard() {
  failures = 0;
  goneAt = null;
  for (const [port, page] of pages) {
    schedule(port, page);
  }
}

// The browser's own way back takes two seconds and ends for good after some answers; this one goes on.
function lost() {
  source?.close();
  source = null;
  beatAt = null;
  goneAt ??= state ? Date.now() : null;
  state = null;
  for (const port of pages.keys()) {
    port.postMessage(word());
  }
  if (pages.size > 0) {
    setTimeout(() => source || pages.size === 0 || connect(), AGAIN[Math.min(failures, AGAIN.length - 1)]);
    failures += 1;
  }
}

// Twice a second at most, and once in five seconds to a page that nobody sees.
function schedule(port, page) {
  if (page.timer === null) {
    const due = page.told + (page.hidden ? 5000 : 500) - Date.now();
    page.timer = setTimeout(() => tell(port, page), Math.max(0, due));
  }
}

function tell(port, page) {
  page.timer = null;
  page.told = Date.now();
  port.postMessage(word());
}

function word() {
  return state ? { state } : { gone: true, goneAt };
}

setInterval(() => beatAt && Date.now() - beatAt > SILENCE && lost(), 5000);

if ("onconnect" in globalThis) {
  globalThis.onconnect = ({ ports: [port] }) => join(port);
}
