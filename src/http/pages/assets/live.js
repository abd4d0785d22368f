// Puts the live state into the page: the text of what has `data-live`, and what is shown by `data-live-if`. Nothing of it is ever
// read as HTML.

import { show as showTime } from "./times.js";

const SAY_EVERY = 10_000;

const root = document.body;
const status = document.querySelector("[data-live-status]");
const sayer = document.querySelector("[data-live-say]");
const standings = new Map();
let saidAt = 0;
let unsaid = [];

const count = new Intl.NumberFormat("en-US");
const formats = {
  count: (value) => count.format(value),
  percent: (value) => `${(value * 100).toFixed(1)} %`,
  seconds: (value) => `${value} s`,
  slug: (value) => String(value).replaceAll("_", " "),
  clock: (value) => at(value),
};

function at(time) {
  return new Date(time).toLocaleTimeString("en-GB", { hourCycle: "h23" });
}

function find(state, path) {
  return path.split(".").reduce((value, key) => value?.[key], state);
}

function put(element, state) {
  const { live, liveAttr, liveMax, format, scale } = element.dataset;
  const value = find(state, live);
  if (liveAttr) {
    const number = Number(value ?? 0) * Number(scale ?? 1);
    write(element, liveAttr, String(Math.round(number)));
    return;
  }
  if (element instanceof HTMLProgressElement) {
    element.max = Math.max(1, find(state, liveMax) ?? element.max);
    element.value = value ?? 0;
    return;
  }
  if (element instanceof HTMLTimeElement) {
    if (value && element.dateTime !== value) {
      element.dateTime = value;
      showTime(element);
    }
    return;
  }
  if (element.classList.contains("pill")) {
    write(element, "data-value", String(value ?? ""));
  }
  const form = formats[format] ?? (typeof value === "number" ? formats.count : String);
  const text = value === null || value === undefined || value === "" ? (element.dataset.none ?? "–") : form(value);
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function write(element, name, value) {
  if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

function toggle(element, state) {
  const [path, wanted] = element.dataset.liveIf.split("=");
  const value = find(state, path);
  const hidden = wanted === undefined ? !value : !wanted.split("|").includes(String(value));
  if (element.hidden !== hidden) {
    element.hidden = hidden;
  }
}

function stack(svg, state) {
  const all = find(state, svg.dataset.liveStack);
  const whole = find(all, svg.dataset.of) ?? 0;
  let x = 0;
  for (const part of svg.querySelectorAll("[data-part]")) {
    const width = whole > 0 ? (1000 * (find(all, part.dataset.part) ?? 0)) / whole : 0;
    write(part, "x", x.toFixed(1));
    write(part, "width", width.toFixed(1));
    x += width;
  }
}

function names(element, state) {
  const over = ["complete", "cancelled", "dates_over"];
  const now = Object.values(state.campaigns).filter((campaign) => !over.includes(campaign.standing));
  const known = new Set(element.dataset.names.split(" "));
  element.hidden = now.every((campaign) => known.has(campaign.campaign));
}

// What changes of a campaign's standing is said, to those who hear the page, every ten seconds at most.
function listen(state) {
  for (const { campaign, standing } of Object.values(state.campaigns)) {
    const before = standings.get(campaign);
    standings.set(campaign, standing);
    if (before && before !== standing) {
      unsaid.push(`${campaign} is ${formats.slug(standing)}`);
    }
  }
  if (sayer && unsaid.length > 0 && Date.now() - saidAt > SAY_EVERY) {
    saidAt = Date.now();
    sayer.textContent = unsaid.join("; ");
    unsaid = [];
  }
}

function take({ state, gone, goneAt }) {
  root.dataset.stream = gone ? "stale" : "live";
  if (status) {
    status.hidden = false;
    const since = goneAt ? `As of ${at(goneAt)}, reconnecting` : "Connecting";
    status.textContent = gone ? since : "Live";
  }
  if (!state) {
    return;
  }
  document.querySelectorAll("[data-live]").forEach((element) => put(element, state));
  document.querySelectorAll("[data-live-if]").forEach((element) => toggle(element, state));
  document.querySelectorAll("[data-live-stack]").forEach((element) => stack(element, state));
  document.querySelectorAll("[data-live-set]").forEach((element) => names(element, state));
  listen(state);
}

// Scripts may come only from here, and where Trusted Types are asked for only by way of a policy.
function workerUrl() {
  const url = new URL("./live-worker.js", import.meta.url).href;
  const policy = globalThis.trustedTypes?.createPolicy("aftertone", { createScriptURL: () => url });
  return policy ? policy.createScriptURL("") : url;
}

async function connect() {
  if (globalThis.SharedWorker) {
    const { port } = new SharedWorker(workerUrl(), { type: "module", name: "live" });
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
const visible = () => port.postMessage(document.hidden ? "hidden" : "shown");
document.addEventListener("visibilitychange", visible);
addEventListener("pagehide", () => port.postMessage("bye"));
// A page that comes back from the browser's cache has said goodbye.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
visible();
