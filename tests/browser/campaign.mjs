// From a list of contacts to voicemails in their mailboxes, by the mouse alone and by the keyboard alone.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { numbers } from "./control.mjs";
import { until } from "./service.mjs";

export async function byMouse(bench) {
  const { admin } = bench;
  const page = await admin.context.newPage();
  await page.goto("/messages");
  await page.getByLabel(/drop it here/i).setInputFiles(bench.recording);
  await page.getByLabel("Name").fill("reminder");
  await page.getByRole("button", { name: "Upload" }).click();
  await page.waitForURL("**/messages/reminder*");
  await make(page, bench, "by-mouse", {
    press: (locator) => locator.click(),
    write: (locator, text) => locator.fill(text),
    choose: (locator, file) => locator.setInputFiles(file),
  });
  await page.close();
}

export async function byKeyboard(bench) {
  const { admin } = bench;
  const page = await admin.context.newPage();
  await page.goto("/");
  await make(page, bench, "by-keyboard", {
    press: async (locator) => {
      await reach(page, locator);
      await page.keyboard.press((await locator.evaluate((element) => element.matches("input[type=checkbox], input[type=radio]"))) ? "Space" : "Enter");
    },
    write: async (locator, text) => {
      await reach(page, locator);
      await page.keyboard.press("ControlOrMeta+a");
      await page.keyboard.type(text);
    },
    // The dialog in which a file is chosen is the system's: it is opened by a key.
    choose: async (locator, file) => {
      await reach(page, locator);
      const opened = page.waitForEvent("filechooser");
      await page.keyboard.press("Enter");
      await (await opened).setFiles(file);
    },
  });
  await page.close();
}

// Tab by Tab, as somebody without a mouse; each stop has to be seen.
async function reach(page, locator) {
  await locator.waitFor();
  for (let stop = 0; stop < 120; stop += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) {
      const ring = await locator.evaluate((element) => getComputedStyle(element).outlineStyle);
      assert.notEqual(ring, "none", `the focus of ${locator} is not to be seen`);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`${locator} is not reached by Tab`);
}

async function make(page, bench, name, hands) {
  throw new Error("to be written");
}
