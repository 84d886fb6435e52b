/** Debian's Thunderbird on a screen of its own (Xvfb), with an empty profile, driven by its own remote control. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Marionette } from "./marionette.ts";

const program = "/usr/lib/thunderbird/thunderbird-bin";

/** What a first start would ask or fetch, answered: there is no network here but loopback. */
const prefs: Readonly<Record<string, string | number | boolean>> = {
  "marionette.port": 0,
  "app.update.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "mail.provider.suppress_dialog_on_startup": true,
  "mail.shell.checkDefaultClient": false,
  "mail.spotlight.firstRunDone": true,
  "mail.winsearch.firstRunDone": true,
  "mail.rights.version": 1,
  "mailnews.start_page.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
};

export type Thunderbird = { marionette: Marionette; profile: string; close(): Promise<void> };

export async function startThunderbird(home: string, scriptMs: number): Promise<Thunderbird> {
  const profile = join(home, "profile");
  mkdirSync(profile);
  const lines = Object.entries(prefs).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
  writeFileSync(join(profile, "user.js"), lines.join(""));
  const screen = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1200x800x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const [display] = await said(screen, screen.stdio[3], /^\d+/m);
  const bird = spawn(program, ["--profile", profile, "--no-remote", "--marionette", "--remote-allow-system-access"], {
    // Its own group: it has children. Its sandbox needs namespaces that a container may not give.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { HOME: home, DISPLAY: `:${display}`, LIBGL_ALWAYS_SOFTWARE: "1", MOZ_DISABLE_CONTENT_SANDBOX: "1" },
  });
  // What it complains of is the only trace when it goes away in the middle.
  let complaints = "";
  let closing = false;
  bird.stderr?.on("data", (chunk: Buffer) => {
    complaints = (complaints + chunk.toString("utf8")).slice(-4000);
  });
  bird.once("exit", (code, signal) => {
    if (!closing) process.stderr.write(`thunderbird ended by itself (${code ?? signal}): ${complaints}\n`);
  });
  const [, port] = await said(bird, bird.stdout, /Listening on port (\d+)/);
  const marionette = await Marionette.connect(Number(port), scriptMs);
  const close = async (): Promise<void> => {
    closing = true;
    marionette.close();
    const gone = Promise.all([bird, screen].map((child) => child.exitCode ?? once(child, "exit")));
    process.kill(-Number(bird.pid), "SIGKILL");
    screen.kill();
    await gone;
  };
  return { marionette, profile, close };
}

/** Waits until a program says what it is asked to match. */
function said(child: ChildProcess, stream: unknown, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`ended before it said ${String(pattern)}: ${text}`)));
    (stream as NodeJS.ReadableStream).on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      const found = pattern.exec(text);
      if (found) resolve(found);
    });
  });
}
