// What every page begins with: it takes in what the page at hand needs, and no more. Pages can be read, and campaigns paused and
// stopped, without any of it.

document.documentElement.classList.add("js");

const needs = [
  ["time[data-time]", "./times.js"],
  ["body[data-feed]", "./live.js"],
  ["[data-chart]", "./charts.js"],
  ["table.stack, [data-bulk]", "./table.js"],
  ["[data-upload]", "./upload.js"],
  ["[data-recorder]", "./recorder.js"],
  ["[data-scrubber]", "./scrubber.js"],
];

for (const [selector, module] of needs) {
  if (document.querySelector(selector)) {
    import(module);
  }
}
import("./keys.js");

// A summary of errors is where reading goes on.
document.querySelector("[data-focus], .faults[tabindex]")?.focus();

// What moves on the server is looked at again, as its link would.
for (const link of document.querySelectorAll("a[data-refresh]")) {
  setTimeout(() => location.replace(link.href), 1000 * Number(link.dataset.refresh));
}

// A slider and its field say the same.
for (const slider of document.querySelectorAll("input[type=range][data-follows]")) {
  const field = document.getElementById(slider.dataset.follows);
  slider.addEventListener("input", () => (field.value = slider.value));
  field.addEventListener("input", () => (slider.value = field.value));
}

// What is shown once can be taken along; browsers give that only to pages that nobody listens in on.
for (const text of document.querySelectorAll("[data-copy]")) {
  if (navigator.clipboard) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    });
    text.parentElement.after(button);
  }
}

// One menu at a time, and none that stays behind.
const menus = "details.user, details.confirm";
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll(`:is(${menus})[open]`)) {
    if (!open.contains(event.target)) {
      open.open = false;
    }
  }
});
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && event.target.closest?.(menus);
  if (open?.open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
