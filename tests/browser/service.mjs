// A real `aftertone serve` on the lab, with a database, evidence and a port of its own.

import { spawn, execFileSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export class Service {
  // The program, the lab's configuration and a fresh folder.
  constructor({ program, config, folder, settings = {} }) {
    this.program = program;
    this.folder = folder;
    this.config = config;
    this.settings = settings;
    this.process = null;
    fs.mkdirSync(folder, { recursive: true });
  }

  async start() {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    this.log = path.join(this.folder, "serve.log");
    const log = fs.openSync(this.log, "a");
    this.process = spawn(this.program, ["serve"], { env: this.env(), stdio: ["ignore", log, log] });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    fs.closeSync(log);
    await until("the service to answer", async () => (await fetch(`${this.url}/healthz`)).ok);
  }

  env() {
    const own = {
      AFTERTONE__INSTANCE: "browser",
      AFTERTONE__STATE_DIR: path.join(this.folder, "state"),
      AFTERTONE__STORE__URL: `sqlite:${path.join(this.folder, "aftertone.db")}`,
      AFTERTONE__EVIDENCE__DIR: path.join(this.folder, "evidence"),
      AFTERTONE__SERVE__LISTEN: `127.0.0.1:${this.port}`,
      ...this.settings,
    };
    return { ...process.env, AFTERTONE_CONFIG: this.config, ...own };
  }

  ask(...words) {
    return execFileSync(this.program, ["--config", this.config, ...words], { env: this.env(), encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  json(...words) {
    return JSON.parse(this.ask(...words, "--json"));
  }

  async kill(signal = "SIGKILL") {
    this.process?.kill(signal);
    await this.ended;
    this.process = null;
  }

  // A user's link, behind which a password is set.
  invite(name, role) {
    return this.ask("user", "add", name, "--role", role).match(/http\S+/)[0];
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// Waits until something holds, and says what was waited for if it never does.
export async function until(what, holds, patience = 30_000) {
  const end = Date.now() + patience;
  let last = null;
  while (Date.now() < end) {
    try {
      last = await holds();
      if (last) {
        return last;
      }
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`waited ${patience / 1000} s for ${what}: ${last?.message ?? last}`);
}
