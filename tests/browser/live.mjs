// The live page while hundreds of drops a second start and end: at most two updates a second, and a heap that does not grow.
//
//   node live.mjs URL CODE SECONDS     (of a service, of a user's link, how long it is looked at)

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Browser } from "./browser.mjs";
import { until } from "./service.mjs";

const [url, code, seconds] = process.argv.slice(2);
const browser = await Browser.open();
try {
  await look();
} finally {
  await browser.close();
}
assert.deepEqual(browser.reports, []);

async function look() {
  const context = await browser.context({ baseURL: url });
  const page = await context.newPage();
  await page.goto(`/welcome?code=${code}`);
  await page.getByLabel(/^New password/).fill("a long password of ann");
  await page.getByLabel("Once more").fill("a long password of ann");
  await page.getByRole("button", { name: "Set the password" }).click();
  await page.goto("/login");
  await page.getByLabel("User").fill("ann");
  await page.getByLabel("Password").fill("a long password of ann");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/");
  await until("the page to be live", async () => (await page.locator("[data-live-status]").innerText()) === "Live");
  const done = async () => Number(await page.locator('[data-campaign="storm"] progress').getAttribute("value"));
  await until("drops to end", async () => (await done()) > 50);
  // The page is drawn otherwise once the first has ended.
  await until("those that ended to be shown", async () => (await page.getByText("No drop has ended yet.").count()) === 0);

  // Changes of one task are one update.
  await page.evaluate(() => {
    window.updates = [];
    const observer = new MutationObserver(() => window.updates.push(performance.now()));
    observer.observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true, attributes: true });
  });
  const client = await context.newCDPSession(page);
  await client.send("HeapProfiler.enable");
  await client.send("Performance.enable");
  const heap = async () => {
    await client.send("HeapProfiler.collectGarbage");
    return (await client.send("Runtime.getHeapUsage")).usedSize;
  };
  // A page that is loaded anew is another one: neither its updates nor its heap are those of before.
  const [loaded, first] = [[], Date.now()];
  // What decides how it is drawn.
  const drawn = async () => (await page.locator("[role=alert], [role=status], .banner, [data-live$='.standing']").allInnerTexts()).join(" | ");
  let before = await drawn();
  page.on("load", () => {
    const [at, from] = [Math.round((Date.now() - first) / 1000), before];
    loaded.push(drawn().then((now) => `${at} s: "${from}", then "${now}"`, String));
  });
  const busy = async () => {
    const { metrics } = await client.send("Performance.getMetrics");
    return ["TaskDuration", "ScriptDuration", "RecalcStyleDuration", "LayoutDuration"].map((part) => metrics.find(({ name }) => name === part).value);
  };
  // What is made once, such as texts of all lengths, is there after a while.
  await sleep(Math.min(10_000, 250 * Number(seconds)));
  const [heapBefore, busyBefore, doneBefore, began] = [await heap(), await busy(), await done(), Date.now()];
  const end = began + 1000 * Number(seconds);
  // What moves to its value on every update is drawn sixty times a second in between: that took most of the page's time once.
  let moving = 0;
  while (Date.now() < end) {
    await sleep(1000);
    moving += await page.evaluate(() => document.getAnimations().filter((one) => one instanceof CSSTransition).length);
    before = await drawn();
  }
  const looked = (Date.now() - began) / 1000;
  const [heapAfter, busyAfter, doneAfter] = [await heap(), await busy(), await done()];
  assert.deepEqual(await Promise.all(loaded), [], "the page was loaded anew");
  const updates = await page.evaluate(() => window.updates);
  const most = Math.max(...updates.map((at) => updates.filter((other) => other >= at && other < at + 5000).length));
  const rate = (doneAfter - doneBefore) / looked;
  const [used, script, style, layout] = busyAfter.map((after, part) => (100 * (after - busyBefore[part])) / looked);
  console.log(
    `live: ${rate.toFixed(0)} drops/s for ${looked.toFixed(0)} s: ${(updates.length / (looked + 10)).toFixed(2)} updates/s, at most ${most} in 5 s; ` +
      `page CPU ${used.toFixed(1)} % (script ${script.toFixed(1)}, style ${style.toFixed(1)}, layout ${layout.toFixed(1)}); heap ${(heapBefore / 1e6).toFixed(2)} MB, then ${(heapAfter / 1e6).toFixed(2)} MB`,
  );
  assert.ok(doneAfter > doneBefore, "nothing was dialled meanwhile");
  assert.ok(updates.length > looked / 2, "the page was not updated");
  assert.equal(moving, 0, "values move to where they are");
  assert.ok(most <= 11, `${most} updates in 5 s`);
  assert.ok(heapAfter < heapBefore + 3_000_000, `the heap grew by ${heapAfter - heapBefore} bytes`);
}
