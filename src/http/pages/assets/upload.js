// Sends a chosen file as it is, as the body of a request to the API, and follows what becomes of it.

const number = new Intl.NumberFormat("en-US");
const OVER = ["complete", "failed", "interrupted"];

for (const form of document.querySelectorAll("form[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  const zone = input.closest(".drop-zone, .field") ?? input.parentElement;
  zone.classList.add("drop-zone");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    upload(form, input.files[0]);
  });
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// What a form without scripts would send itself names an address alone, and each of its fields is a parameter.
const isPlain = (form) => form.dataset.upload.startsWith("/");

// What fields named as a placeholder say.
function filled(form, template) {
  const fill = (text, [name, value]) => (typeof value === "string" ? text.replace(`{${name}}`, encodeURIComponent(value)) : text);
  return [...new FormData(form)].reduce(fill, template);
}

function address(form, file) {
  const query = new URLSearchParams();
  const path = filled(form, isPlain(form) ? form.dataset.upload : form.dataset.url);
  for (const [name, value] of new FormData(form)) {
    const key = name.startsWith("q-") ? name.slice(2) : isPlain(form) ? name : null;
    const lines = key && typeof value === "string" ? value.split("\n").map((line) => line.trim()) : [];
    lines.filter((line) => line !== "").forEach((line) => query.append(key, line));
  }
  const fileName = isPlain(form) ? "name" : form.dataset.fileName;
  if (fileName && !query.has(fileName)) {
    query.append(fileName, [...file.name].slice(0, 200).join(""));
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

function upload(form, file) {
  const say = sayer(form);
  const bar = form.querySelector("progress") ?? append(form, "progress", { hidden: true, ariaLabel: "How much is sent" });
  const buttons = form.querySelectorAll("button");
  if (!file) {
    say("Choose a file first.", true);
    return;
  }
  buttons.forEach((button) => (button.disabled = true));
  const request = new XMLHttpRequest();
  const rest = () => {
    buttons.forEach((button) => (button.disabled = false));
    bar.hidden = true;
  };
  const failed = (words) => {
    rest();
    say(words, true);
  };
  const kind = isPlain(form) ? "text/csv" : form.dataset.kind;
  request.open(isPlain(form) ? "POST" : form.dataset.upload, address(form, file));
  request.setRequestHeader("Content-Type", kind || file.type || "application/octet-stream");
  if (kind === "text/csv" && /\.gz$/i.test(file.name)) {
    request.setRequestHeader("Content-Encoding", "gzip");
  }
  request.responseType = "json";
  bar.hidden = false;
  bar.max = Math.max(1, file.size);
  bar.value = 0;
  say(`Sending ${file.name}`);
  request.upload.onprogress = ({ loaded }) => {
    bar.value = loaded;
    say(`Sending ${file.name}: ${Math.floor((100 * loaded) / Math.max(1, file.size))} %`);
  };
  request.onerror = () => failed("The connection was lost while it was sent. Send it again: what has arrived is not taken in twice.");
  request.onload = () => {
    if (request.status >= 300) {
      failed(problem(request));
    } else if (form.dataset.watch) {
      watch(form, request.response?.import ?? request.response?.id, say, failed);
    } else if ("report" in form.dataset) {
      rest();
      say(counted(request.response));
    } else {
      const next = (form.dataset.next || location.href).replace("{id}", encodeURIComponent(request.response?.id ?? ""));
      location.assign(filled(form, next));
    }
  };
  request.send(file);
}

async function watch(form, id, say, failed) {
  const url = form.dataset.watch.replace("{id}", encodeURIComponent(id));
  for (;;) {
    const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    const found = answer?.ok ? await answer.json() : null;
    if (found && OVER.includes(found.state)) {
      if (found.state !== "complete") {
        failed(found.why ?? `The import is ${found.state}.`);
        return;
      }
      say(counted(found));
      location.assign((form.dataset.next || location.href).replace("{id}", encodeURIComponent(id)));
      return;
    }
    say(found ? `${found.state}: ${number.format(found.rows ?? 0)} rows` : "Waiting for the server");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function append(form, name, properties) {
  const element = Object.assign(document.createElement(name), properties);
  form.append(element);
  return element;
}

function counted({ added, rejected }) {
  return `${number.format(added ?? 0)} added, ${number.format(rejected ?? 0)} rejected`;
}

function problem({ status, response }) {
  const parts = (response?.errors ?? []).map(({ pointer, detail }) => (pointer ? `${pointer}: ${detail}` : detail));
  return [response?.detail ?? response?.title ?? `The server answered ${status}.`, ...parts].join(" ");
}

function sayer(form) {
  const status = form.querySelector("[data-upload-status]") ?? append(form, "p", { role: "status" });
  status.dataset.uploadStatus = "";
  return (words, isError = false) => {
    status.textContent = words;
    status.className = isError ? "error" : "hint";
  };
}
