// What others write is text: names, ids and file names of lists are shown as they are, whatever is in them.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { until } from "./service.mjs";

const HOSTILE = ['<img src=x onerror="document.title=1">', '=HYPERLINK("http://evil.example","x")', "\u202Egpj.exe\u202C", '"><script>document.title=1</script>', "{{7*7}} ${7*7}"];

export async function showsText(bench) {
  const { service, admin } = bench;
  const list = path.join(bench.folder, "<img src=x onerror=alert(1)>.csv");
  const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
  const rows = HOSTILE.map((text, index) => [`+1${231 + index}5550108`, quoted(text), quoted(text), quoted(text), quoted(text)].join(","));
  fs.writeFileSync(list, `phone,name,id,remark,state\n${rows.join("\n")}\n`);
  service.ask("campaign", "create", "hostile", "--message", "reminder", "--kind", "informational", "--map", "foreign_id=id", list);
  const page = await admin.context.newPage();
  const dialogs = [];
  page.on("dialog", (dialog) => dialogs.push(dialog.message()) && dialog.dismiss());
  for (const text of HOSTILE) {
    await page.goto("/contacts");
    await page.locator("[data-search]").fill(text);
    await page.getByRole("button", { name: "Search" }).click();
    const row = page.locator("tbody tr").first();
    await row.waitFor();
    const shown = (await row.innerText()).replaceAll(/\s+/g, " ");
    assert.ok(shown.includes(text), `${text} is shown as ${shown}`);
    await row.getByRole("link").first().click();
    await page.waitForURL(/\/contacts\/\d+$/);
    const facts = await page.locator("main").innerText();
    assert.ok(facts.includes(text), `${text} is not in ${facts}`);
    assert.ok(facts.includes("<img src=x onerror=alert(1)>.csv"), "the name of the list's file");
    await isText(page);
  }
  for (const address of ["/campaigns/hostile", "/campaigns/hostile?tab=contacts", "/campaigns/hostile?tab=imports", "/"]) {
    await page.goto(address);
    await isText(page);
  }
  assert.deepEqual(dialogs, []);
  await until("the campaign to be gone", () => service.ask("campaign", "cancel", "hostile") !== null);
  await page.close();
}

async function isText(page) {
  const injected = await page.evaluate(() => document.querySelectorAll("img[src=x], [onerror], main script").length);
  assert.equal(injected, 0, `something was injected at ${page.url()}`);
  assert.notEqual(await page.title(), "1");
}
