// The dashboard, tried in a browser from a list of contacts to voicemails in their mailboxes. tests/browser.sh starts it.
//
// Parts: mouse keyboard noscript text pages recorder same tabs. Without their names all are done, in this order: what one leaves is what
// the next ones look at.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Browser } from "./browser.mjs";
import { Service } from "./service.mjs";
import { byKeyboard, byMouse } from "./campaign.mjs";
import { looksGood } from "./pages.mjs";
import { records } from "./recorder.mjs";
import { showsText } from "./text.mjs";
import { staysLive } from "./tabs.mjs";
import { prepared, stopsWithoutScripts, tellsTheSame } from "./control.mjs";

const { PROGRAM, CONFIG, FOLDER, SHOTS } = process.env;
const parts = { mouse: byMouse, keyboard: byKeyboard, noscript: stopsWithoutScripts, text: showsText, pages: looksGood, recorder: records, same: tellsTheSame, tabs: staysLive };
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts);
const images = SHOTS ? fileURLToPath(new URL("../../docs/src/images/", import.meta.url)) : null;

// People call back, too. The app is one of eight letters, as the lab's dialplan has it.
const settings = { AFTERTONE__INCOMING__APP: "browback", AFTERTONE__CALLBACK__PROMPT: "reminder", AFTERTONE__CALLBACK__REMOVED: "reminder", AFTERTONE__CALLBACK__WHICH_NUMBER: "reminder" };
const service = new Service({ program: PROGRAM, config: CONFIG, folder: path.join(FOLDER, "service"), settings });
let browser = null;
let failed = false;
try {
  await service.start();
  browser = await Browser.open();
  const bench = { service, browser, folder: FOLDER, recording: path.join(FOLDER, "spoken.wav"), images };
  bench.admin = await signedIn(bench, "ann", "admin");
  for (const name of wanted) {
    if (!parts[name]) {
      throw new Error(`there is no part ${name}; there are ${Object.keys(parts).join(" ")}`);
    }
    if (name !== "mouse") {
      await prepared(bench);
    }
    const began = Date.now();
    await parts[name](bench);
    console.log(`browser: ${name}: passed in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
  browser.validate();
} catch (error) {
  failed = true;
  console.error(error);
  if (browser) {
    for (const [index, page] of browser.browser.contexts().flatMap((context) => context.pages()).entries()) {
      const picture = path.join(process.env.KEEP ?? FOLDER, `failed-${index}.png`);
      await page.screenshot({ path: picture }).catch(() => null);
      console.error(`at ${page.url()}: ${(await page.locator("main").innerText({ timeout: 500 }).catch(() => "")).slice(0, 600)}`);
    }
  }
  console.error(fs.readFileSync(service.log, "utf8").split("\n").slice(-15).join("\n"));
} finally {
  await browser?.close();
  await service.kill("SIGKILL");
}
for (const found of [...new Set([...(browser?.found ?? []), ...(browser?.reports ?? [])])]) {
  failed = true;
  console.error(`browser: ${found}`);
}
console.log(failed ? "browser: FAILED" : "browser: all parts passed; no report of a policy, nothing found by axe, all HTML valid");
process.exit(failed ? 1 : 0);

// A person who has set a password behind a link and has signed in.
async function signedIn(bench, name, role) {
  const context = await bench.browser.context({ baseURL: bench.service.url });
  const page = await context.newPage();
  const password = `${name} has a long password`;
  await page.goto(bench.service.invite(name, role));
  await bench.browser.keep(context, page.url(), "welcome");
  await page.getByLabel(/^New password/).fill(password);
  await page.getByLabel("Once more").fill(password);
  await page.getByRole("button", { name: "Set the password" }).click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.goto("/login");
  await bench.browser.keep(context, "/login", "login");
  await bench.browser.check(page, "login");
  await page.goto("/docs/problems#held");
  await bench.browser.keep(context, "/docs/problems", "problems");
  await bench.browser.check(page, "problems");
  await page.goto("/login");
  await page.getByLabel("User").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/");
  await page.close();
  return { context, name, password };
}
