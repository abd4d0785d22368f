// Every page, with something on it: nothing for axe to find in either scheme on either size, valid HTML, nothing to scroll for
// sideways. The pictures of README and book are taken here.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { SIZES } from "./browser.mjs";
import { numbers, started } from "./control.mjs";
import { until } from "./service.mjs";

export async function looksGood(bench) {
  const { browser, admin } = bench;
  const { context } = admin;
  const campaign = "by-mouse";
  // One that runs meanwhile, slowly: for a picture some of it is delivered.
  const isShown = bench.images || process.env.LOOK;
  const people = isShown ? [...numbers("0101", 14), ...numbers("0102", 2), ...numbers("0106", 3), ...numbers("0108", 20)] : numbers("0106", 200);
  started(bench, "spring", people, ["--rate", isShown ? "1/s" : "20/m"]);
  await until("some of it to be done", () => bench.service.json("campaign", "status", "spring").done >= (isShown ? 12 : 1), 90_000);
  const page = await context.newPage();
  // As a script of a page: a session is good for those alone.
  await page.goto("/");
  const api = (address) => page.evaluate(async (address) => (await fetch(`/api/v1${address}`)).json(), address);
  const { items } = await api(`/campaigns/${campaign}/contacts`);
  const drops = (await api("/drops?limit=200")).items;
  const drop = drops.find((one) => one.outcome === "delivered" && one.has_evidence);
  assert.ok(items.length > 0 && drop, "there is a contact, and a drop that was delivered");
  const callback = await callsBack(bench, api, numbers("0101", 1)[0]);
  const recording = path.join(bench.folder, "prompt.wav");
  execFileSync("sox", [bench.recording, "-r", "8000", "-c", "1", "-b", "16", recording]);
  bench.service.ask("prompts", "learn", "--ends", "records", "--label", "a practice", recording);
  const prompts = bench.service.ask("prompts", "list", "--json").trim().split("\n").map((line) => JSON.parse(line));
  const prompt = prompts.find((one) => one.label === "a practice");
  // Nothing of what it wants to hear of happens here: nobody is sent anything.
  const webhook = await page.evaluate(async () => {
    const made = await fetch("/api/v1/webhooks", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ url: "https://1.1.1.1/hook", types: ["auth.attacked"] }) });
    return (await made.json()).id;
  });
  assert.ok(prompt && webhook, `there is a prompt, and a webhook: ${prompt?.prompt} ${webhook}`);
  // A list that is looked at and not taken in, with all that can become of a row.
  const kept = await lookedAt(page, bench, campaign);
  const all = {
    live: "/",
    campaigns: "/campaigns",
    campaign: `/campaigns/${campaign}`,
    "campaign-waiting": `/campaigns/${campaign}?tab=waiting`,
    "campaign-contacts": `/campaigns/${campaign}?tab=contacts`,
    "campaign-sample": `/campaigns/${campaign}?tab=sample`,
    "campaign-imports": `/campaigns/${campaign}?tab=imports`,
    list: `/campaigns/${campaign}?tab=imports&import=${kept.id}`,
    "campaign-settings": `/campaigns/${campaign}?tab=settings`,
    "campaign-simulation": `/campaigns/${campaign}?tab=simulation`,
    "campaign-log": `/campaigns/${campaign}?tab=log`,
    "new-campaign": "/new-campaign",
    contacts: "/contacts",
    contact: `/contacts/${items[0].contact}`,
    "contact-called-back": `/contacts/${callback.contact}`,
    "campaign-called-back": `/campaigns/${callback.campaign}`,
    "drop-called-back": `/drops/${callback.drop}`,
    "contact-tested": `/contacts/${items[0].contact}?test=true&at=2026-12-01T23:00`,
    drop: `/drops/${drop.drop}`,
    messages: "/messages",
    message: "/messages/reminder",
    person: "/people",
    "do-not-call": "/do-not-call",
    prompts: "/prompts",
    prompt: `/prompts/${prompt.prompt}`,
    trunk: "/trunk",
    webhooks: "/webhooks",
    webhook: `/webhooks/${webhook}`,
    system: "/system",
    access: "/access",
    nothing: "/nothing-is-here",
  };
  for (const [name, address] of Object.entries(all)) {
    const answer = await browser.keep(context, address, name);
    if (answer.status() === 404 && name !== "nothing" && process.env.PARTIAL) {
      console.log(`browser: there is no ${address}`);
      browser.html.delete(name);
      continue;
    }
    assert.equal(answer.status(), name === "nothing" ? 404 : 200, address);
    await page.goto(address, { waitUntil: "load" });
    await browser.check(page, name);
    await picture(page, name, bench);
  }
  await showsCallback(page, callback);
  await movesPace(page, bench);
  await readsAnew(page, browser);
  // What a search finds, which has no address of its own.
  await page.goto("/contacts");
  await page.locator("[data-search]").fill("0101");
  await page.getByRole("button", { name: "Search" }).click();
  await page.locator("tbody tr").first().waitFor();
  await browser.check(page, "contacts found");
  await picture(page, "contacts-found", bench);
  // A person, and what an erasure answers.
  await page.goto("/people");
  await page.locator("[data-search]").fill(numbers("0101", 1)[0]);
  await page.getByRole("button", { name: "Look up" }).click();
  await page.getByRole("heading", { name: "Hand it out" }).waitFor();
  await browser.check(page, "person found");
  await page.locator("[data-search]").fill("+12025550188");
  await page.getByRole("button", { name: "Look up" }).click();
  await page.getByText("Nothing is kept of the number.").waitFor();
  await page.getByLabel("I am sure").check();
  await page.getByRole("button", { name: "Erase the person" }).click();
  await page.getByRole("heading", { name: "What was erased" }).waitFor();
  await browser.check(page, "person erased");
  await page.goto("/do-not-call");
  await page.locator("[data-search]").fill("+12025550199");
  await page.getByRole("button", { name: "Look up" }).click();
  await page.locator(".result").waitFor();
  await browser.check(page, "number looked up");
  // The list of keys, and the menu of a telephone.
  await page.goto("/");
  await page.getByRole("button", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await browser.check(page, "keys");
  await page.keyboard.press("Escape");
  await page.setViewportSize(SIZES.phone);
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("link", { name: "Messages" }).click();
  await page.waitForURL("**/messages");
  await page.close();
  bench.service.ask("campaign", "cancel", "spring");
}

// Somebody who was called calls the number that they saw, by a real call, and wants no more calls: what the log has of it.
async function callsBack({ service }, api, number) {
  const lab = path.basename(path.dirname(service.config));
  const script = fileURLToPath(new URL("../lab/lab.sh", import.meta.url));
  const called = /^caller_id = "(.*)"$/m.exec(fs.readFileSync(service.config, "utf8"))[1];
  const call = `channel originate Local/browback${number}${called}@lab-callback/n extension w9@lab-keys`;
  execFileSync(script, ["cli", "--name", lab, "pbx", call], { stdio: "ignore" });
  const ended = async () => (await api("/events?types=callback.ended")).items[0]?.data;
  const data = await until("the call back to be over", ended, 60_000);
  assert.equal(data.outcome, "opted_out", JSON.stringify(data));
  return data;
}

// It is on the page of the campaign, of the contact and of the drop, in its picture, and on the live page.
async function showsCallback(page, callback) {
  for (const [address, words] of Object.entries({
    [`/campaigns/${callback.campaign}`]: /Contacts that called back[^]*opted out\s+1\s/i,
    [`/contacts/${callback.contact}`]: /Calls back[^]*opted out/i,
    [`/drops/${callback.drop}`]: /They called back[^]*opted out/i,
    "/": /Called back\s+1 in 24 hours, 1 opted out/i,
  })) {
    await page.goto(address);
    assert.match(await page.locator("main").innerText(), words, address);
  }
  const picture = await page.evaluate(async (drop) => (await fetch(`/api/v1/drops/${drop}/picture.svg`)).text(), callback.drop);
  assert.match(picture, /Later: called back \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, opted out/);
}

// A list that is kept to be looked at; by the page's own form, as a session is good for no other requests that change something.
async function lookedAt(page, { folder }, campaign) {
  const list = path.join(folder, "spring & <b>summer.csv");
  const rows = ["+12025550101,Ann Smith,America/New_York,written,gold,C-1", "+13035550102,Bob Jones,,verbal,,C-2", "+18085550103,Kai,Pacific/Honolulu,written,silver,C-3", "+12025550101,Ann again,,,,C-4", "not a number,Nobody,,,,C-5"];
  fs.writeFileSync(list, `phone,name,zone,consent,Plan,id\n${rows.join("\n")}\n`);
  await page.goto(`/campaigns/${campaign}?tab=imports`);
  await page.locator("input[type=file]").setInputFiles(list);
  await page.getByRole("button", { name: "Send the list" }).click();
  await page.waitForURL(/import=/);
  await page.getByRole("button", { name: /^Take .* rows in$/ }).waitFor();
  return { id: new URL(page.url()).searchParams.get("import") };
}

// The slider and its field say the same, and what the simulation says of a pace is beside it.
async function movesPace(page, { service, folder }) {
  const campaign = "evening";
  const list = path.join(folder, "evening.csv");
  fs.writeFileSync(list, `phone\n${numbers("0101", 30).join("\n")}\n`);
  service.ask("campaign", "create", campaign, "--message", "reminder", "--kind", "informational", list);
  await page.goto(`/campaigns/${campaign}?tab=simulation`);
  const [slider, field] = [page.getByLabel("Pace, in drops a minute, as a slider"), page.getByLabel("Pace, in drops a minute", { exact: true })];
  await slider.focus();
  const before = Number(await field.inputValue());
  await page.keyboard.press("ArrowLeft");
  assert.equal(Number(await field.inputValue()), before - 1);
  await field.fill("30");
  assert.equal(await slider.inputValue(), "30");
  await page.getByRole("button", { name: `Simulate ${campaign}` }).click();
  await page.getByRole("cell", { name: "30 a minute" }).or(page.getByRole("rowheader", { name: "30 a minute" })).waitFor();
}

// What a reload takes up is named, and no secret is shown.
async function readsAnew(page, browser) {
  await page.goto("/system");
  await page.getByRole("button", { name: "Read it anew" }).click();
  await page.getByText("Nothing has changed that can be taken up.").waitFor();
  assert.match(await page.locator("main").innerText(), /pbx\.password\s+not shown: a secret/);
  await browser.check(page, "system read anew");
}

// Pictures of what people see first, in the schemes and on the sizes that they may see it.
async function picture(page, name, { images, folder }) {
  const kept = { live: ["light", "dark", "phone"], drop: ["light"], contact: ["light"], "new-campaign": ["light"], list: ["light"] };
  const everything = process.env.LOOK;
  for (const look of everything ? ["light", "dark", "phone"] : (images && kept[name]) || []) {
    await page.emulateMedia({ colorScheme: look === "dark" ? "dark" : "light", reducedMotion: "reduce" });
    await page.setViewportSize(look === "phone" ? SIZES.phone : SIZES.wide);
    await page.evaluate(() => Promise.all([...document.images].filter((image) => image.loading !== "lazy").map((image) => image.decode().catch(() => null))));
    await page.evaluate((name) => name === "list" && document.getElementById("tab")?.scrollIntoView(), name);
    const file = look === "light" ? `${name}.png` : `${name}-${look}.png`;
    await page.screenshot({ path: path.join(everything ?? images, file), fullPage: Boolean(everything) });
  }
  await page.setViewportSize(SIZES.wide);
  await page.emulateMedia({ colorScheme: "light" });
}
