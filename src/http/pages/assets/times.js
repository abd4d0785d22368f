// Times as people read them: the contact's own first, if the page names its zone, then the reader's; UTC on hover.

const dated = { year: "numeric", month: "short", day: "numeric" };
// One is slow to make, and pages that are live write many times a second.
const writers = new Map();
const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

export function show(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) {
    return;
  }
  const { style, zone } = element.dataset;
  const utc = at.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
  if (element.title !== utc) {
    element.title = utc;
  }
  if (style === "ago") {
    put(element, ago(at));
    return;
  }
  const own = write(at, style);
  if (!zone) {
    put(element, own);
    return;
  }
  try {
    const theirs = write(at, style, zone);
    const city = zone.split("/").pop().replaceAll("_", " ");
    // The day is said twice only if it is another one.
    const isSameDay = write(at, "date") === write(at, "date", zone);
    const here = style !== "date" && isSameDay ? write(at, "clock") : own;
    element.textContent = theirs === own ? `${theirs} (${city})` : `${theirs} (${city}), ${here} here`;
  } catch {
    // A zone that this browser does not know.
    element.textContent = own;
  }
}

// Many a moment is written as the one before it.
function put(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function write(at, style, timeZone) {
  const day = at.getFullYear() === new Date().getFullYear() ? { day: "numeric", month: "short" } : dated;
  const parts = style === "clock" ? clock : style === "date" ? day : { ...day, ...clock };
  const key = `${style}|${timeZone}|${day === dated}`;
  if (!writers.has(key)) {
    writers.set(key, new Intl.DateTimeFormat("en-GB", { ...parts, timeZone }));
  }
  return writers.get(key).format(at);
}

function ago(at) {
  const seconds = (Date.now() - at) / 1000;
  const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-Math.round(seconds / length), unit);
}

for (const element of document.querySelectorAll("time[data-time]")) {
  show(element);
}
