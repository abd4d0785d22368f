// Tables: a click anywhere on a row opens it, and forms over many rows know how many are chosen.

for (const table of document.querySelectorAll("table.stack")) {
  table.addEventListener("click", (event) => {
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    const isOther = event.target.closest("a, button, input, label, summary, select, form, audio, time");
    const link = event.target.closest("tbody tr")?.querySelector("a[data-open]");
    if (isPlain && !isOther && link && getSelection().isCollapsed) {
      link.click();
    }
  });
}

for (const form of document.querySelectorAll("form[data-bulk]")) {
  const all = form.querySelector("[data-all]");
  const bar = form.querySelector("[data-bulk-bar]");
  const words = form.querySelector("[data-bulk-count]");
  const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
  const count = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    if (bar) {
      bar.hidden = chosen === 0;
    }
    if (words) {
      words.textContent = `${chosen} chosen`;
    }
    if (all) {
      all.checked = chosen > 0 && chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    }
  };
  form.addEventListener("change", ({ target }) => {
    if (target === all) {
      boxes.forEach((box) => (box.checked = all.checked));
    }
    count();
  });
  count();
}
