// Puts what is live into the page: texts, values, times, and what is hidden. Nothing of it is ever read as HTML.

import { show as showTime } from "./times.js";

const SAY_EVERY = 10_000;
const LEAST_STAY = 3000;
// What is drawn otherwise only for so long, as while a server starts, loads no page again.
const SETTLES = 2000;

const root = document.body;
const status = document.querySelector("[data-live-status]");
const announcer = document.getElementById("announcer");
const elements = new Map();
let saidAt = 0;
let unsaid = new Map();
let sayer = null;
let redrawer = null;

// The elements that have this value of this attribute: pages do not grow any.
function of(name, key) {
  const known = `${name} ${key}`;
  let found = elements.get(known);
  if (!found) {
    found = [...document.querySelectorAll(`[data-${name}="${CSS.escape(key)}"]`)];
    elements.set(known, found);
  }
  return found;
}

// A text as it was drawn stays the same node: another one in its place costs the browser far more.
function write(element, value) {
  const text = element.firstChild;
  if (text === null || text.nextSibling !== null || text.nodeType !== Node.TEXT_NODE) {
    put(element, "textContent", value);
  } else if (text.data !== value) {
    text.data = value;
  }
}

function put(element, name, value) {
  if (element[name] !== value) {
    element[name] = value;
  }
}

function draw(element, name, value) {
  if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value);
  }
}

// The parts of a bar, in thousandths, one behind the other.
function bar(svg, parts) {
  const widths = new Map(parts);
  let x = 0;
  for (const part of svg.querySelectorAll("[data-part]")) {
    const width = widths.get(part.dataset.part) ?? 0;
    draw(part, "x", x);
    draw(part, "width", width);
    x += width;
  }
}

function each(part, name, does) {
  for (const [key, value] of Object.entries(part ?? {})) {
    of(name, key).forEach((element) => does(element, value, key));
  }
}

function take(change) {
  put(root.dataset, "stream", change.gone ? "gone" : "live");
  root.classList.toggle("stale", Boolean(change.gone));
  if (status) {
    status.hidden = false;
    put(status, "textContent", words(change));
  }
  offer(Boolean(change.isOver));
  if (change.gone) {
    return;
  }
  each(change.cells, "live", (element, value, key) => {
    if (element.textContent !== value && key.endsWith(".standing")) {
      unsaid.set(key, `${key.split(".").at(-2)} is ${value}`);
    }
    write(element, value);
    if (element.dataset.outcome !== undefined) {
      put(element.dataset, "outcome", value.replaceAll(" ", "_"));
    }
  });
  // The most before the value, which it bounds.
  each(change.max, "value", (element, value) => put(element, "max", value));
  each(change.values, "value", (element, value) => put(element, "value", value));
  each(change.bars, "bar", bar);
  each(change.times, "live-time", (element, value) => {
    if (value && element.dateTime !== value) {
      element.dateTime = value;
      showTime(element);
    }
  });
  each(change.hrefs, "live-href", (element, value) => draw(element, "href", value));
  each(change.hidden, "hide", (element, value) => put(element, "hidden", value));
  for (const [name, points] of Object.entries(change.series ?? {})) {
    of("chart", name).forEach((figure) => figure.dispatchEvent(new CustomEvent("points", { detail: points })));
  }
  say();
  if (change.shape && root.dataset.shape) {
    redraw(change.shape !== root.dataset.shape);
  }
}

function redraw(isOther) {
  if (!isOther) {
    clearTimeout(redrawer);
    redrawer = null;
  } else {
    redrawer ??= setTimeout(anew, SETTLES);
  }
}

function words({ gone, goneAt, isOver }) {
  if (!gone) {
    return "Live";
  }
  const since = goneAt && new Date(goneAt).toLocaleTimeString("en-GB", { hourCycle: "h23" });
  if (isOver) {
    return since ? `As of ${since}, signed out` : "Signed out";
  }
  return since ? `As of ${since}, reconnecting` : "Connecting";
}

// Whose session is over has to sign in: nothing comes back by itself.
function offer(isOver) {
  const link = document.getElementById("sign-in-again");
  if (!isOver) {
    link?.remove();
  } else if (!link && status) {
    const link = document.createElement("a");
    link.id = "sign-in-again";
    link.className = "button small";
    link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Sign in again";
    status.after(link);
    if (announcer) {
      announcer.textContent = "The session is over: sign in again";
    }
  }
}

// The server would draw the page otherwise now: it is loaded again, unless somebody is in the midst of something.
function anew() {
  const active = document.activeElement;
  const isFree = active === document.body || active === document.getElementById("main");
  const isOpen = document.querySelector("details[open], dialog[open], :popover-open");
  if (isFree && !isOpen && getSelection().isCollapsed) {
    // Not at once again: what the server draws may change all the time.
    setTimeout(() => location.reload(), Math.max(0, LEAST_STAY - performance.now()));
  } else if (!document.getElementById("anew")) {
    const link = document.createElement("a");
    link.id = "anew";
    link.className = "button small";
    link.href = location.href;
    link.textContent = "Show changes";
    status?.after(link);
  }
}

// Changes of standing are said to those who hear the page, every ten seconds at most.
function say() {
  if (unsaid.size === 0 || !announcer || sayer) {
    return;
  }
  sayer = setTimeout(() => {
    sayer = null;
    saidAt = Date.now();
    announcer.textContent = [...unsaid.values()].join("; ");
    unsaid = new Map();
  }, Math.max(0, saidAt + SAY_EVERY - Date.now()));
}

// Scripts come only from here, and where Trusted Types are asked for only by way of a policy.
function workerUrl() {
  const url = new URL("./live-worker.js", import.meta.url).href;
  const policy = globalThis.trustedTypes?.createPolicy("aftertone", { createScriptURL: () => url });
  return policy ? policy.createScriptURL("") : url;
}

async function connect() {
  if (globalThis.SharedWorker) {
    const { port } = new SharedWorker(workerUrl(), { type: "module", name: "aftertone-live" });
    port.onmessage = ({ data }) => take(data);
    return port;
  }
  const { join } = await import("./live-worker.js");
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => take(data);
  join(port2);
  return port1;
}

const port = await connect();
const seen = () => port.postMessage(document.hidden ? "hidden" : "shown");
document.addEventListener("visibilitychange", seen);
addEventListener("pagehide", () => port.postMessage("bye"));
// A page that comes back from the browser's memory has said goodbye.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
seen();
