// Twelve tabs live by one stream; the service killed, and back.

import assert from "node:assert/strict";
import { until } from "./service.mjs";

const TABS = 12;
// What has to hold on a machine that does nothing else; beside other tests there is no clock.
const [LOADED, BACK] = process.env.PROOF ? [1_000, 3_000] : [20_000, 20_000];

export async function staysLive(bench) {
  const { service, admin } = bench;
  const context = admin.context;
  const pages = [];
  for (let tab = 0; tab < TABS; tab += 1) {
    const page = await context.newPage();
    await page.goto("/", { waitUntil: "commit" });
    pages.push(page);
  }
  const say = (page) => page.locator("[data-live-status]").innerText();
  for (const [tab, page] of pages.entries()) {
    await until(`tab ${tab + 1} to be live`, async () => (await say(page)) === "Live");
  }
  const { token } = service.json("token", "add", "scraper", "--scope", "metrics:read");
  const scrape = await fetch(`${service.url}/metrics`, { headers: { Authorization: `Bearer ${token}` } });
  const counted = /^aftertone_sse_streams(?:\{[^}]*\})? (\d+)/m.exec(await scrape.text())?.[1];
  assert.equal(counted, "1", `streams for ${TABS} tabs`);
  const began = Date.now();
  const more = await context.newPage();
  await more.goto("/");
  const loaded = Date.now() - began;
  assert.ok(loaded < LOADED, `the tab after them took ${loaded} ms`);
  pages.push(more);

  await service.kill("SIGKILL");
  for (const [tab, page] of pages.entries()) {
    await until(`tab ${tab + 1} to say since when`, async () => /^As of \d\d:\d\d:\d\d, reconnecting$/.test(await say(page)), 10_000);
    assert.ok(await page.locator("body.stale").count(), "values of another time look so");
  }
  await service.start();
  const backAt = Date.now();
  for (const [tab, page] of pages.entries()) {
    await until(`tab ${tab + 1} to be back`, async () => (await say(page)) === "Live" && (await page.locator("body.stale").count()) === 0, 20_000);
  }
  const took = Date.now() - backAt;
  console.log(`tabs: the thirteenth loaded in ${loaded} ms; all back after ${took} ms`);
  assert.ok(took < BACK, `the tabs were back after ${took} ms`);
  await saysSoIfTheSessionIsOver(bench, pages, say);
  for (const page of pages) {
    await page.close();
  }
}

// A session that is over is no server that is gone: the tabs say so, ask no more, and are live again once somebody has signed in.
async function saysSoIfTheSessionIsOver({ service, admin }, pages, say) {
  const { context } = admin;
  const cookies = await context.cookies();
  await context.clearCookies();
  await service.kill("SIGKILL");
  await service.start();
  const link = (page) => page.getByRole("link", { name: "Sign in again" });
  for (const [tab, page] of pages.entries()) {
    await until(`tab ${tab + 1} to ask for a login`, async () => /signed out$/i.test(await say(page)) && (await link(page).count()) === 1, 20_000);
    assert.equal(await link(page).getAttribute("href"), "/login?next=%2F");
  }
  await context.addCookies(cookies);
  const page = await context.newPage();
  await page.goto("/");
  pages.push(page);
  for (const [tab, page] of pages.entries()) {
    await until(`tab ${tab + 1} to be live again`, async () => (await say(page)) === "Live" && (await link(page).count()) === 0, 20_000);
  }
}
