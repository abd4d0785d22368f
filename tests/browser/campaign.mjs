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
  await page.getByLabel("Name", { exact: true }).fill("reminder");
  await page.getByRole("button", { name: "Upload" }).click();
  await page.waitForURL("**/messages/reminder*");
  await make(page, bench, "by-mouse", {
    press: (locator) => locator.click(),
    write: (locator, text) => locator.fill(text),
    pick: (locator, value) => locator.selectOption(value),
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
    pick: async (locator, value) => {
      await reach(page, locator);
      for (let press = 0; press < 20 && (await locator.inputValue()) !== value; press += 1) {
        await page.keyboard.press("ArrowDown");
      }
    },
    // The dialog in which a file is chosen is the system's: it is opened by a key.
    choose: async (locator, file) => {
      // On a machine that is busy the browser sometimes takes a key before it lets a page open a dialog: it is pressed again, as people do.
      for (let press = 0; ; press += 1) {
        await reach(page, locator);
        const opened = page.waitForEvent("filechooser", { timeout: 5_000 }).catch((error) => (press < 4 ? null : Promise.reject(error)));
        await page.keyboard.press("Enter");
        const chooser = await opened;
        if (chooser) {
          await chooser.setFiles(file);
          return;
        }
      }
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

async function make(page, bench, name, { press, write, pick, choose }) {
  const { service, folder } = bench;
  const list = path.join(folder, `${name}.csv`);
  const contacts = [...numbers("0101", 2), "+12035550102"];
  fs.writeFileSync(list, `phone,Nickname,id\n${contacts.map((number, nth) => `${number},Person ${nth},${name}-${nth}`).join("\n")}\nnot a number,Nobody,x\n`);

  await press(page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Campaigns" }));
  await page.waitForURL("**/campaigns");
  await press(page.getByRole("link", { name: "New campaign" }).first());
  await page.waitForURL("**/new-campaign");
  await write(page.getByLabel(/^Name required/), name);
  await pick(page.getByLabel(/^Kind/), "informational");
  await write(page.getByLabel(/^Message required/), "reminder");
  await press(page.getByRole("button", { name: "Make the draft" }));

  await page.waitForURL(`**/campaigns/${name}?tab=imports*`);
  await choose(page.locator("input[type=file]"), list);
  await press(page.getByRole("button", { name: "Send the list" }));
  // It is looked at before its rows come in: what is not seen by its name is said.
  await page.waitForURL(/import=/);
  const take = page.getByRole("button", { name: "Take 3 rows in" });
  await take.waitFor();
  const seen0 = await page.locator("main").innerText();
  assert.match(seen0, /rejected/);
  assert.match(seen0, /\+1202•••0101/);
  await pick(page.getByLabel("What Nickname is taken for"), "name");
  await press(page.getByRole("button", { name: "Read it like this" }));
  await page.locator('select[name=column] option[value="name"]:checked').waitFor({ state: "attached" });
  await take.waitFor();
  await press(take);
  await page.waitForURL(/done=list-sent/);
  await page.getByText(/complete/).first().waitFor();
  await until(`the rows of ${name} to be in`, () => service.json("campaign", "status", name).contacts === 3);
  const text = await page.locator("main").innerText();
  assert.match(text, /Rejected\s+1/);
  const counted = service.json("campaign", "status", name);
  assert.equal(counted.standing, "draft");
  assert.equal(counted.drops, 0, "a draft dials nothing");

  const parts = page.getByRole("navigation", { name: `Parts of ${name}` });
  await press(parts.getByRole("link", { name: "Contacts" }));
  await page.getByText("Person 1").waitFor();
  await press(parts.getByRole("link", { name: "Overview" }));
  await press(page.locator("summary", { hasText: `Run ${name}` }));
  await press(page.getByRole("button", { name: `Run ${name} now` }));
  await until(`${name} to be started`, () => service.json("campaign", "status", name).standing !== "draft");

  // Two mailboxes have it, and the person heard nothing.
  await until(`${name} to be over`, () => service.json("campaign", "status", name).standing === "complete", 120_000);
  const { outcomes } = service.json("campaign", "status", name);
  assert.equal(outcomes.delivered, 2, JSON.stringify(outcomes));
  await page.goto(`/campaigns/${name}`);
  await press(page.getByRole("navigation", { name: `Parts of ${name}` }).getByRole("link", { name: "Contacts" }));
  await press(page.locator("tbody tr th a").first());
  await page.waitForURL(/\/contacts\/\d+$/);
  await press(page.locator("#drops ~ * tbody th a, section[aria-labelledby=drops] tbody th a").first());
  await page.waitForURL(/\/drops\//);
  await page.getByText("delivered").first().waitFor();
  const seen = await page.locator("main").innerText();
  assert.match(seen, /Who answered: machine/);
  // What was heard can be listened to from any moment.
  const slider = page.getByLabel("Moment of the call");
  await slider.focus();
  await page.keyboard.press("ArrowRight");
  const moment = await page.locator("audio").first().evaluate((audio) => audio.currentTime);
  assert.ok(moment >= 0);
  await page.locator(".cursor").waitFor();
}
