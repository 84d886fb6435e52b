// What a daemon's memory holds of a mailbox after its owner has left: nothing that we control. /proc/PID/mem tells.
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
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

/** What X-Wing makes of the seed: ML-KEM's and X25519's own (draft-connolly-cfrg-xwing-kem §5.2). */
function expanded(seed: Uint8Array): { mlkem: Buffer; x25519: Buffer } {
  const bytes = createHash("shake256", { outputLength: 96 }).update(seed).digest();
  return { mlkem: bytes.subarray(0, 64), x25519: bytes.subarray(64) };
}

/** In whatever a slip would leave them: bytes, and text of one byte or two a character, at each place base64 may begin. */
function spelled(name: string, bytes: Uint8Array): Record<string, Uint8Array> {
  const raw = Buffer.from(bytes);
  const hex = raw.toString("hex");
  const texts: Record<string, string> = { hex, HEX: hex.toUpperCase() };
  for (const shift of [0, 1, 2]) {
    // Only digits that no neighbour has a part in.
    const text = Buffer.concat([Buffer.alloc(shift), raw]).toString("base64");
    texts[`base64+${shift}`] = text.slice(shift === 0 ? 0 : 4, Math.floor(((shift + raw.length) * 8) / 6) - 1);
  }
  texts["base64url"] = raw.toString("base64url").slice(0, -1);
  const as = Object.entries(texts).flatMap(([how, text]) => [
    [`${name} ${how}`, utf8(text)],
    [`${name} ${how} utf16`, Buffer.from(text, "utf16le")],
  ]);
  return { [name]: raw, ...Object.fromEntries(as) };
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
    const { secret = utf8("") } = parseAppPassword(utf8(mailbox.password)) ?? {};
    const secrets = { ...keys, masterKey: mailbox.masterKey, secret, ...expanded(keys.sealSeed) };
    const text = mailbox.password.slice(11);
    const needles: Record<string, Uint8Array> = {
      ...Object.assign({}, ...Object.entries(secrets).map(([name, bytes]) => spelled(name, bytes))),
      ...spelled("password", utf8(text)),
      "password utf16": Buffer.from(text, "utf16le"),
      "password without hyphens": utf8(text.replaceAll("-", "")),
      marker: utf8(marker),
      "marker utf16": Buffer.from(marker, "utf16le"),
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
    const some = (found: Record<string, number>) => Object.fromEntries(Object.entries(found).filter(([, n]) => n > 0));
    console.log("in memory while in use, and after:", JSON.stringify(some(during)), JSON.stringify(some(after)));
    expect(during["masterKey"]).toBeGreaterThan(0);
    expect(during["marker"]).toBeGreaterThan(0);
    const { marker: left = 0, "marker utf16": wide = 0, ...keysLeft } = after;
    expect(Object.entries(keysLeft).filter(([, times]) => times > 0)).toEqual([]);
    expect(Object.keys(keysLeft).length).toBeGreaterThan(100);
    // Strings that V8 has not overwritten yet are all that may remain: the threat model says so.
    expect(left + wide).toBeLessThan((during["marker"] ?? 0) / 2);
  });
});
