// Debian's Chromium, and what has to hold of every page that it shows: no report of a policy, nothing for axe to find, valid HTML, and
// nothing to scroll for sideways.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

export const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
export const SIZES = { wide: { width: 1280, height: 860 }, phone: { width: 360, height: 740 } };
const NARROWEST = { width: 320, height: 640 };

export class Browser {
  static async open() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "aftertone-browser-"));
    // Its user's data are in a fresh folder, which goes with it.
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
    return new Browser(browser, folder);
  }

  constructor(browser, folder) {
    this.browser = browser;
    this.folder = folder;
    this.reports = [];
    this.html = new Map();
    this.found = [];
  }

  async context(options = {}) {
    const context = await this.browser.newContext({ viewport: SIZES.wide, timezoneId: "Europe/Berlin", locale: "en-GB", ...options });
    context.setDefaultTimeout(20_000);
    if (process.env.ASSETS) {
      // Those of the tree in the place of those that were compiled in, to try them without a compiler.
      const kinds = { css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
      await context.route("**/assets/*/*", (route) => {
        const file = path.join(process.env.ASSETS, path.basename(new URL(route.request().url()).pathname));
        return route.fulfill({ path: file, contentType: kinds[path.extname(file).slice(1)] });
      });
    }
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
      });
    });
    context.on("console", (message) => {
      const text = message.text();
      if (/policy|Trusted(HTML|Script)|Refused to/i.test(text)) {
        this.reports.push(`${message.page()?.url()}: ${text}`);
      }
    });
    context.on("weberror", (error) => this.reports.push(`${error.page()?.url()}: ${error.error().stack ?? error.error().message}`));
    return context;
  }

  // A page in both schemes and all sizes. It is loaded once: what differs is asked of the browser.
  async check(page, name) {
    await page.emulateMedia({ reducedMotion: "reduce" });
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      for (const [size, viewport] of Object.entries(SIZES)) {
        await page.setViewportSize(viewport);
        const axe = new AxeBuilder({ page });
        // In the dark only colours are other ones.
        const asked = scheme === "dark" ? axe.withRules(["color-contrast"]) : axe.withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
        const { violations } = await asked.analyze();
        for (const { id, help, nodes } of violations) {
          this.found.push(`${name} (${scheme}, ${size}): axe ${id}: ${help}: ${nodes.map((node) => `${node.target}: ${node.any[0]?.message ?? node.all[0]?.message ?? node.none[0]?.message ?? ""}`).slice(0, 3).join(" | ")}`);
        }
      }
    }
    for (const viewport of [SIZES.wide, { width: 800, height: 640 }, NARROWEST]) {
      await page.setViewportSize(viewport);
      await this.holdsIn(page, name, viewport);
    }
    await page.setViewportSize(SIZES.wide);
    await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
  }

  // Whether nothing has to be scrolled for sideways.
  async holdsIn(page, name, viewport) {
    const wide = await page.evaluate(() => {
      const root = document.documentElement;
      const over = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1);
      return root.scrollWidth > root.clientWidth ? over.slice(0, 4).map((element) => `${element.tagName}.${element.className}`).join(" ") || "?" : null;
    });
    if (wide) {
      this.found.push(`${name}: has to be scrolled sideways at ${viewport.width} px: ${wide}`);
    }
  }

  // What the server sent, for the checker of HTML.
  async keep(context, url, name) {
    const answer = await context.request.get(url);
    this.html.set(name, await answer.text());
    return answer;
  }

  // All pages in one go: the checker's start takes the longest.
  validate() {
    const folder = path.join(this.folder, "html");
    fs.mkdirSync(folder, { recursive: true });
    for (const [name, text] of this.html) {
      fs.writeFileSync(path.join(folder, `${name.replaceAll(/[^a-z0-9-]/gi, "_")}.html`), text);
    }
    const jar = path.join(fileURLToPath(new URL(".", import.meta.url)), "node_modules/vnu-jar/build/dist/vnu.jar");
    let said;
    try {
      said = execFileSync("java", ["-Xss8m", "-jar", jar, "--format", "json", "--stdout", "--exit-zero-always", folder], { encoding: "utf8", maxBuffer: 1 << 26 });
    } catch (error) {
      throw new Error(`the checker of HTML did not run: ${error.message}`);
    }
    const { messages } = JSON.parse(said);
    if (this.html.size === 0) {
      this.found.push("no page was given to the checker of HTML");
    }
    for (const { type, url, lastLine, message, extract } of messages) {
      if (type === "error") {
        this.found.push(`${path.basename(url ?? "")}:${lastLine}: ${message}: ${extract?.trim()}`);
      }
    }
  }

  async close() {
    await this.browser.close();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
