// A message recorded by the microphone: Chromium's own, which plays a file. What was recorded is heard, kept, and is what was spoken.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { Browser, FLAGS } from "./browser.mjs";
import { until } from "./service.mjs";

const SECONDS = 4;

export async function records(bench) {
  const { service, folder, admin } = bench;
  // Speech as it is, much too quiet, and then silence.
  const spoken = path.join(folder, "microphone.wav");
  execFileSync("sox", [bench.recording, "-r", "48000", "-c", "1", "-b", "16", spoken, "trim", "0", String(SECONDS), "gain", "-n", "-20", "pad", "0", "60"]);
  const flags = ["--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${spoken}%noloop`];
  const storage = await admin.context.storageState();
  const asked = await another(bench, storage, [...flags, "--use-fake-ui-for-media-stream"]);
  try {
    const page = await asked.context.newPage();
    await page.goto("/messages");
    const [form, status] = [page.locator("form[data-recorder]"), page.locator("[data-recorder-status]")];
    await asked.browser.check(page, "recorder");
    // By the keyboard alone.
    await form.getByRole("button", { name: "Record", exact: true }).focus();
    await page.keyboard.press("Enter");
    const stop = form.getByRole("button", { name: "Stop", exact: true });
    await stop.waitFor();
    await until("the meter to move", () => page.evaluate(() => document.querySelector("form[data-recorder] meter").value > 0.02));
    await asked.browser.check(page, "recorder while it records");
    await until("all of it to be spoken", async () => parseFloat(await form.locator("[data-recorder-time]").innerText()) > SECONDS + 1.5);
    assert.equal(await page.evaluate(() => document.activeElement.dataset.do), "stop");
    await page.keyboard.press("Enter");
    await status.filter({ hasText: /^Recorded \d/ }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.dataset.do), "listen");
    await page.keyboard.press("Enter");
    await form.getByRole("button", { name: "Stop listening" }).waitFor();
    await page.keyboard.press("Enter");
    await form.getByRole("button", { name: "Listen", exact: true }).waitFor();
    assert.ok(!service.json("message", "list").some((one) => one.name === "by-microphone"), "nothing is sent before it is kept");
    await form.getByLabel("Name of what is recorded").fill("by-microphone");
    await page.keyboard.press("Enter");
    await status.filter({ hasText: "Kept as by-microphone" }).waitFor();
    await form.getByText(/LUFS, was/).waitFor();
    await asked.browser.check(page, "recorder with its report");
    await asked.browser.keep(asked.context, "/messages", "recorder");
    kept(service, spoken, folder);

    // In the place of it, at its own page.
    await form.getByRole("link", { name: /Hear by-microphone/ }).click();
    await page.waitForURL("**/messages/by-microphone");
    await asked.browser.check(page, "recorder of a message");
    await page.getByRole("button", { name: "Record", exact: true }).click();
    await until("some of it to be spoken", async () => parseFloat(await page.locator("[data-recorder-time]").innerText()) > 2.5);
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    const before = service.json("message", "show", "by-microphone").duration_ms;
    await page.getByRole("button", { name: "Keep in its place" }).click();
    await page.locator("[data-recorder-status]").filter({ hasText: "Kept as" }).waitFor();
    assert.notEqual(service.json("message", "show", "by-microphone").duration_ms, before);
    // No other page has the microphone.
    await page.goto("/access");
    const why = await page.evaluate(() => navigator.mediaDevices.getUserMedia({ audio: true }).then(() => "", (error) => error.name));
    assert.equal(why, "NotAllowedError");
    const isMeant = (report) => /access: Permissions policy violation: microphone/.test(report);
    await until("the browser to say that its policy forbids it", () => asked.browser.reports.some(isMeant));
    asked.browser.reports = asked.browser.reports.filter((report) => !isMeant(report));
  } finally {
    bench.browser.reports.push(...asked.browser.reports);
    bench.browser.found.push(...asked.browser.found);
    for (const [name, text] of asked.browser.html) {
      bench.browser.html.set(name, text);
    }
    await asked.browser.close();
  }
  service.ask("message", "rm", "by-microphone");
  await saysWhatToDo(bench, storage);
}

// As long as what was spoken, as loud as messages are, and the same sound.
function kept(service, spoken, folder) {
  const message = service.json("message", "show", "by-microphone");
  assert.ok(Math.abs(message.report.lufs + 18) < 0.5, JSON.stringify(message.report));
  assert.ok(message.report.lufs_before < -30, JSON.stringify(message.report));
  assert.equal(message.report.source_channels, 1);
  const same = path.join(folder, "spoken-prepared.wav");
  execFileSync("sox", [spoken, same, "trim", "0", String(SECONDS)]);
  service.ask("message", "add", "from-file", same);
  const file = service.json("message", "show", "from-file");
  // A busy machine makes the browser's own device slip now and then.
  assert.ok(Math.abs(message.duration_ms - file.duration_ms) <= 200, `${message.duration_ms} ms of ${file.duration_ms} ms`);
  const [, sounds] = fs.readFileSync(process.env.CONFIG, "utf8").match(/^sounds_dir = "([^"]+)"/m);
  const [one, other] = ["by-microphone", "from-file"].map((name) => samples(path.join(sounds, `${name}.wav`)));
  const pieces = found(one, other);
  const alike = pieces.filter((likeness) => likeness > 0.9).length / pieces.length;
  assert.ok(pieces.length >= 8 && alike >= 0.75, `what was recorded is what was played: ${pieces.map((likeness) => likeness.toFixed(2))}`);
  service.ask("message", "rm", "from-file");
}

// Of 8 kHz and 16 bits, behind a header of 44 bytes.
function samples(file) {
  const bytes = fs.readFileSync(file);
  const at = bytes.indexOf("data") + 8;
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + 2 * Math.floor((bytes.length - at) / 2)));
}

// How well each quarter of a second of a sound that is not silent is found in another, within 250 ms of where it is.
function found(one, other) {
  const [PIECE, AROUND] = [2000, 2000];
  const power = (sound, from) => sound.slice(from, from + PIECE).reduce((sum, sample) => sum + sample ** 2, 0);
  const loudest = Math.max(...Array.from({ length: Math.floor(one.length / PIECE) }, (_, nth) => power(one, nth * PIECE)));
  const pieces = [];
  for (let from = 0; from + PIECE <= one.length; from += PIECE) {
    const own = power(one, from);
    if (own < loudest / 100) {
      continue;
    }
    let best = 0;
    for (let at = Math.max(0, from - AROUND); at <= Math.min(other.length - PIECE, from + AROUND); at += 1) {
      let [both, its] = [0, 0];
      for (let n = 0; n < PIECE; n += 1) {
        both += one[from + n] * other[at + n];
        its += other[at + n] ** 2;
      }
      best = Math.max(best, both / Math.sqrt(own * its || 1));
    }
    pieces.push(best);
  }
  return pieces;
}

// Without a microphone, if it is refused, and over plain HTTP from another host.
async function saysWhatToDo(bench, storage) {
  const refused = await another(bench, storage, ["--use-fake-device-for-media-stream"]);
  try {
    const page = await refused.context.newPage();
    await page.goto("/messages");
    await page.getByRole("button", { name: "Record", exact: true }).click();
    await page.locator("[data-recorder-status].error").filter({ hasText: /allow it beside the address.*Upload a file, or record by telephone/ }).waitFor();
    await page.addInitScript(() => Object.defineProperty(window, "isSecureContext", { value: false }));
    await page.reload();
    await page.locator("[data-recorder-status].error").filter({ hasText: /over HTTPS.*Upload a file, or record by telephone/ }).waitFor();
    assert.ok(await page.getByRole("button", { name: "Record", exact: true }).isDisabled());
    await refused.browser.check(page, "recorder without a microphone");
    bench.browser.reports.push(...refused.browser.reports);
    bench.browser.found.push(...refused.browser.found);
  } finally {
    await refused.browser.close();
  }
  const scriptless = await bench.browser.context({ baseURL: bench.service.url, storageState: storage, javaScriptEnabled: false });
  const page = await scriptless.newPage();
  await page.goto("/messages");
  assert.match(await page.locator("main").innerText(), /Recording with the microphone takes JavaScript\. Upload a file, or record by telephone\./);
  assert.equal(await page.locator("form[data-recorder]").isVisible(), false);
  await scriptless.close();
}

// A browser with other flags, in which the same person has signed in.
async function another(bench, storage, flags) {
  const launched = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...FLAGS, ...flags] });
  const browser = new Browser(launched, fs.mkdtempSync(path.join(bench.folder, "microphone-")));
  const context = await browser.context({ baseURL: bench.service.url, storageState: storage });
  return { browser, context };
}
