// The keyboard: single keys, which can be switched off (WCAG 2.1.4), and a list of them behind `?`.

const OFF = "aftertone-keys-off";
const PLACES = { l: ["/", "Live"], c: ["/campaigns", "Campaigns"], d: ["/do-not-call", "Do not call"], w: ["/webhooks", "Webhooks"] };
const SEQUENCE = 1500;

let wentAt = 0;
let help = null;

const isOff = () => localStorage.getItem(OFF) === "yes";

function rows() {
  const all = document.querySelectorAll("main table.stack tbody tr");
  return [...all].filter((row) => row.querySelector("a[href]"));
}

function step(by) {
  const all = rows();
  const now = all.findIndex((row) => row.classList.contains("current"));
  const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + by))];
  if (next) {
    all[now]?.classList.remove("current");
    next.classList.add("current");
    next.querySelector("a[href]").focus();
    next.scrollIntoView({ block: "nearest" });
  }
}

function pause() {
  const buttons = [...document.querySelectorAll('[data-key="p"]')];
  const button = buttons.find((button) => button.checkVisibility());
  if (!button) {
    return;
  }
  const { dialog, add } = newDialog(`${button.textContent.trim()}?`);
  add("p", "Drops in flight end as they would; nothing more is dialled until it is resumed.");
  const actions = add("div", "");
  actions.className = "actions";
  const yes = newButton("Pause", () => button.click());
  yes.className = "primary";
  actions.append(yes, newButton("Leave it running", () => dialog.close()));
  dialog.showModal();
  yes.focus();
}

function newButton(words, pressed) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words;
  button.addEventListener("click", pressed);
  return button;
}

function newDialog(title) {
  const dialog = document.createElement("dialog");
  const add = (name, text, to = dialog) => {
    const element = document.createElement(name);
    element.textContent = text;
    to.append(element);
    return element;
  };
  const heading = add("h2", title);
  heading.id = "dialog-title";
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  return { dialog, add };
}

function showHelp() {
  if (help?.isConnected) {
    return;
  }
  const { dialog, add } = newDialog("Keyboard shortcuts");
  help = dialog;
  const list = add("dl", "");
  list.className = "facts";
  const places = Object.entries(PLACES).map(([key, [, name]]) => [`g ${key}`, name]);
  for (const [keys, does] of [...places, ["/", "Search"], ["j k", "Next row, row before"], ["Enter", "Open the row"], ["p", "Pause, after a question"], ["?", "This list"]]) {
    const row = add("div", "", list);
    const name = add("dt", "", row);
    for (const key of keys.split(" ")) {
      add("kbd", key, name);
      name.append(" ");
    }
    add("dd", does, row);
  }
  const label = add("label", "");
  label.className = "check";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = !isOff();
  box.addEventListener("change", () => localStorage.setItem(OFF, box.checked ? "no" : "yes"));
  label.append(box, "Single keys do something");
  dialog.append(newButton("Close", () => dialog.close()));
  dialog.showModal();
}

function isTyping({ target }) {
  return target.closest("input:not([type=checkbox], [type=radio], [type=range], [type=file]), textarea, select, dialog, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || isOff() || isTyping(event)) {
    return;
  }
  const place = Date.now() - wentAt < SEQUENCE && PLACES[event.key];
  wentAt = event.key === "g" ? Date.now() : 0;
  const does = {
    "/": () => document.querySelector("[data-search]")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    p: pause,
    "?": showHelp,
  }[event.key];
  if (place) {
    location.assign(place[0]);
  } else if (does) {
    event.preventDefault();
    does();
  }
});

for (const button of document.querySelectorAll("[data-keys-help]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    document.getElementById("menu")?.matches(":popover-open") && document.getElementById("menu").hidePopover();
    showHelp();
  });
}
