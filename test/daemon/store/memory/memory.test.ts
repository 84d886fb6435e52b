// What a daemon's memory holds of a mailbox after its owner has left: nothing that we control. /proc/PID/mem tells.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../../src/core/bytes.ts";
import { deriveKeys, parseAppPassword } from "../../../../src/core/seal/keys.ts";
import { makeMailbox, storeFixture } from "../fixture.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-memory-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** How often each needle is in the process's writable memory. */
function search(pid: number, needles: Record<string, Uint8Array>): Record<string, number> {
  const found = Object.fromEntries(Object.keys(needles).map((name) => [name, 0]));
  const memory = openSync(`/proc/${pid}/mem`, "r");
  for (const [from, length] of residentMappings(pid)) {
    const bytes = read(memory, from, length);
    for (const [name, needle] of Object.entries(needles)) {
      for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1))
        found[name] = (found[name] ?? 0) + 1;
    }
  }
  closeSync(memory);
  return found;
}

/** Runs of pages that are in memory, of private mappings; a guarded page is not even readable, and still looked at. */
function residentMappings(pid: number): [from: number, length: number][] {
  const pagemap = openSync(`/proc/${pid}/pagemap`, "r");
  const runs: [number, number][] = [];
  for (const line of readFileSync(`/proc/${pid}/maps`, "latin1").split("\n")) {
    const [, start = "", end = "", mode = ""] = line.match(/^([0-9a-f]+)-([0-9a-f]+) (\S+)/) ?? [];
    if (!(mode.includes("w") || mode === "---p")) continue;
    const [from, to] = [Number.parseInt(start, 16), Number.parseInt(end, 16)];
    const entries = read(pagemap, (from / 4096) * 8, ((to - from) / 4096) * 8);
    for (let at = 0; at < entries.length; at += 8) {
      // Bits 63 and 62: present, swapped.
      if (((entries[at + 7] ?? 0) & 0xc0) === 0) continue;
      const page = from + (at / 8) * 4096;
      const last = runs.at(-1);
      if (last && last[0] + last[1] === page) last[1] += 4096;
      else runs.push([page, 4096]);
    }
  }
  closeSync(pagemap);
  return runs;
}

function read(memory: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  try {
    return bytes.subarray(0, readSync(memory, bytes, 0, length, from));
  } catch {
    return Buffer.alloc(0);
  }
}

function told(child: ChildProcess): Promise<unknown> {
  return once(child, "message").then(([said]) => said);
}

describe("the memory of a daemon", () => {
  it("holds keys while their owner is there, and none of them, no password and no mail afterwards", async () => {
    const mailbox = makeMailbox("p1", "pat@demo.test");
    const marker = "marker-q8w7e6r5t4-in-the-body";
    const fixture = await storeFixture({ workers: 1 }, join(dir, "store"));
    await fixture.store.applyMailbox(mailbox.record);
    for (let i = 0; i < 20; i++) {
      const bytes = mailbox.seal(`Subject: ${i}\r\n\r\n${`${marker} ${"text ".repeat(50)}\r\n`.repeat(i + 1)}`);
      await fixture.store.acceptSealed({ mailbox: "p1", epoch: 0, id: `p${i}`, bytes });
    }
    await fixture.store.close();
    const passwordFile = join(dir, "password");
    writeFileSync(passwordFile, mailbox.password);
    const keys = deriveKeys(mailbox.masterKey);
    const needles = {
      masterKey: mailbox.masterKey,
      mailKey: keys.mailKey,
      indexKey: keys.indexKey,
      sealSeed: keys.sealSeed,
      bodyMac: keys.bodyMac,
      password: utf8(mailbox.password.slice(11)),
      secret: parseAppPassword(utf8(mailbox.password))?.secret ?? utf8(""),
      marker: utf8(marker),
    };
    const child = fork(
      fileURLToPath(new URL("child.ts", import.meta.url)),
      [join(dir, "store"), passwordFile, "pat@demo.test"],
      {
        execArgv: ["--expose-gc"],
        // glibc overwrites what is freed.
        env: { ...process.env, MALLOC_PERTURB_: "165" },
      },
    );
    expect(await told(child)).toBe("in use");
    const during = search(child.pid ?? 0, needles);
    child.send("go on");
    expect(await told(child)).toBe("left");
    const after = search(child.pid ?? 0, needles);
    child.send("go on");
    await once(child, "exit");
    console.log("in memory while in use, and after:", JSON.stringify(during), JSON.stringify(after));
    expect(during["masterKey"]).toBeGreaterThan(0);
    expect(during["marker"]).toBeGreaterThan(0);
    const { marker: left, ...keysLeft } = after;
    expect(keysLeft).toEqual({
      masterKey: 0,
      mailKey: 0,
      indexKey: 0,
      sealSeed: 0,
      bodyMac: 0,
      password: 0,
      secret: 0,
    });
    // Strings that V8 has not overwritten yet are all that may remain: the threat model says so.
    expect(left).toBeLessThan((during["marker"] ?? 0) / 2);
  });
});
