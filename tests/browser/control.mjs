// What stops dialling works without scripts, and the numbers of the live page are those of the command line.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { until } from "./service.mjs";

// A campaign that calls one number after the other, slowly, and is started.
export function started(bench, name, numbers, more = []) {
  const list = path.join(bench.folder, `${name}.csv`);
  fs.writeFileSync(list, `phone\n${numbers.join("\n")}\n`);
  bench.service.ask("campaign", "create", name, "--message", "reminder", "--kind", "informational", "--retry", "never", ...more, list);
  bench.service.ask("campaign", "start", name);
  return name;
}

// What other parts look at, if the part that makes it by hand was not asked for: a message, and a campaign that is over.
export async function prepared(bench) {
  const { service, recording } = bench;
  if (service.json("message", "list").length === 0) {
    service.ask("message", "add", "reminder", recording);
  }
  if (!isThere(service, "by-mouse")) {
    started(bench, "by-mouse", [...numbers("0101", 2), "+12035550102", "+12055550106"]);
    await until("the campaign to be over", () => service.json("campaign", "status", "by-mouse").standing === "complete", 120_000);
  }
}

function isThere(service, name) {
  try {
    return Boolean(service.json("campaign", "status", name));
  } catch {
    return false;
  }
}

export function numbers(subscriber, count) {
  return Array.from({ length: count }, (_, index) => `+1${201 + index}555${subscriber}`);
}

export async function stopsWithoutScripts(bench) {
  const { service, browser, admin } = bench;
  const name = started(bench, "quiet", numbers("0101", 20), ["--rate", "1/m"]);
  await until("the campaign to run", () => service.json("campaign", "status", name).standing === "running");
  const context = await browser.context({ baseURL: service.url, javaScriptEnabled: false, storageState: await admin.context.storageState() });
  const page = await context.newPage();
  const standing = () => service.json("campaign", "status", name).standing;
  await page.goto("/");
  assert.match(await page.locator("main").innerText(), /quiet/);
  await page.getByRole("button", { name: `Pause ${name}` }).click();
  await until("the campaign to be paused", () => standing() === "paused");
  await page.goto("/");
  await page.getByRole("button", { name: `Resume ${name}` }).click();
  await until("the campaign to be resumed", () => standing() === "running");
  await page.goto("/");
  await page.getByText("Stop all dialling…").click();
  await page.getByRole("button", { name: "Stop, and let calls finish" }).click();
  await until("all dialling to be stopped", () => standing() === "paused");
  // What is only for scripts is not there.
  assert.equal(await page.locator("[data-keys-help]:visible, .js-only:visible").count(), 0);
  await context.close();
}

export async function tellsTheSame(bench) {
  const { service, admin } = bench;
  const name = started(bench, "fenced", numbers("0106", 14), ["--rate", "1/s"]);
  const page = await admin.context.newPage();
  await page.goto("/");
  await page.locator(`[data-campaign="${name}"]`).waitFor();
  const cell = (what) => page.locator(`[data-live="campaign.${name}.${what}"]`).innerText();
  // The page itself counts, and not one that was loaded anew.
  await page.evaluate(() => (window.isSame = true));
  const before = Number(await cell("outcome.busy"));
  await until("the page to count", async () => Number(await cell("outcome.busy")) > before + 1);
  assert.ok(await page.evaluate(() => window.isSame), "the page was loaded anew");
  service.ask("campaign", "pause", name);
  await until("nothing to be in flight", () => {
    const now = service.json("campaign", "status", name);
    return now.in_flight === 0 && now.standing !== "running";
  });
  const told = service.json("campaign", "status", name);
  if (told.standing === "paused") {
    const expected = { in_flight: String(told.in_flight) };
    for (const [slug, count] of Object.entries(told.outcomes)) {
      expected[`outcome.${slug}`] = String(count);
    }
    for (const [what, value] of Object.entries(expected)) {
      await until(`${what} to be ${value}`, async () => (await cell(what)) === value);
    }
    await until("the count of those done", async () => (await cell("done")).startsWith(`${told.done} of ${told.contacts}`));
    // Every other number of the campaign is none, and what is in flight on the trunk is what all campaigns have: nothing.
    const cells = await page.locator(`[data-live^="campaign.${name}."]`).evaluateAll((all) => all.map((one) => [one.dataset.live, one.textContent.trim()]));
    assert.ok(cells.length > 10, `there are ${cells.length} cells`);
    for (const [key, value] of cells) {
      const what = key.slice(`campaign.${name}.`.length);
      const count = /^outcome\.(.*)$/.exec(what)?.[1];
      const refused = Object.values(told.refused).reduce((sum, one) => sum + one, 0);
      if (count) {
        assert.equal(value, String(count === "refused" ? refused : (told.outcomes[count] ?? 0)), key);
      } else if (what !== "in_flight" && what !== "done") {
        assert.ok(["standing", "doing", "pace", "until", "ends", "bar"].includes(what) || !/\d/.test(value), `${key} is ${value}, which nobody compares`);
      }
    }
    for (const value of await page.locator('[data-live$="in_flight"]').allInnerTexts()) {
      assert.match(value, /^0\b/);
    }
    const shown = await page.locator(`[data-campaign="${name}"] .outcomes li:not([hidden])`).count();
    const refused = Object.keys(told.refused).length > 0 ? 1 : 0;
    assert.equal(shown, Object.keys(told.outcomes).length + refused, "outcomes that are shown");
  } else {
    throw new Error(`the campaign was over before it was paused: ${JSON.stringify(told)}`);
  }
  service.ask("campaign", "cancel", name);
  await page.close();
}
