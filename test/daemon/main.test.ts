// The node's wiring that no protocol test sees: balancers from the configuration, limits behind them, a renewed certificate.
import { once } from "node:events";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { configSchema } from "../../src/daemon/config.ts";
import { certificate } from "../../src/daemon/main/certificate.ts";
import { startMailAccess } from "../../src/daemon/main/mail-access.ts";
import { crowdDefaults } from "../../src/daemon/net/crowd.ts";
import { certificatePair } from "../fakes/certificate.ts";
import { makeMailbox, storeFixture } from "./store/fixture.ts";

const open: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of open.splice(0).reverse()) await close();
});

async function files(): Promise<{ cert: string; key: string; write(pair: { cert: string; key: string }): void }> {
  const folder = mkdtempSync(join(tmpdir(), "postern-main-"));
  open.push(() => rmSync(folder, { recursive: true }));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  let stamp = 1_700_000_000;
  const write = (pair: { cert: string; key: string }): void => {
    for (const [file, text] of [[cert, pair.cert] as const, [key, pair.key] as const]) {
      writeFileSync(file, text);
      utimesSync(file, ++stamp, stamp);
    }
  };
  write(await certificatePair("localhost"));
  return { cert, key, write };
}

describe("a balancer named in the configuration", () => {
  const header = (source: string): Buffer =>
    Buffer.concat([
      Buffer.from("0d0a0d0a000d0a515549540a2111000c", "hex"),
      Buffer.from(source.split(".").map(Number)),
      Buffer.from([10, 0, 0, 1, 0x12, 0x34, 0x03, 0xe1]),
    ]);

  async function node(): Promise<{ port: number; login: string }> {
    const fixture = await storeFixture();
    open.push(() => fixture.end());
    const mailbox = makeMailbox("m", "m@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    const { cert, key } = await files();
    const config = configSchema.parse({
      node: { id: "n", hostname: "mx.test" },
      data: "/",
      identity: "/",
      edge: null,
      tls: { cert, key },
      listen: { imap: { host: "127.0.0.1", port: 0, proxies: ["127.0.0.1"] } },
      testing: { insecurePlain: true },
    });
    const access = await startMailAccess(
      config,
      fixture.store,
      certificate({ cert, key }, () => undefined),
    );
    open.push(() => access.close());
    return { port: access.ports["imap"] ?? 0, login: `a LOGIN m@demo.test ${mailbox.password}\r\n` };
  }

  /** What it says up to a line that begins with `until`, or to its end. */
  async function talk(socket: Socket, say: string | Buffer, until: RegExp): Promise<string> {
    let text = "";
    socket.write(say);
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      text += String(chunk);
      if (until.test(text)) break;
    }
    return text;
  }

  async function dial(port: number): Promise<Socket> {
    const socket = connect({ port, host: "127.0.0.1" });
    open.push(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  }

  it("must say whose connection it is, and its clients are counted each by itself", { timeout: 60_000 }, async () => {
    const { port } = await node();
    // No header: nothing is said at all.
    expect(await talk(await dial(port), "a NOOP\r\n", /OK/)).toBe("");
    for (let i = 0; i < crowdDefaults.perAddress; i++) {
      expect(await talk(await dial(port), header("203.0.113.9"), /ready/)).toContain("* OK");
    }
    const refused = await talk(await dial(port), header("203.0.113.9"), /$^/);
    expect(refused).toMatch(/^\* BYE \[UNAVAILABLE\] Too many connections from your address/);
    expect(await talk(await dial(port), header("203.0.113.10"), /ready/)).toContain("* OK");
  });

  it("does not let one mailbox have all sessions", { timeout: 60_000 }, async () => {
    const { port, login } = await node();
    const enter = async (ip: string): Promise<string> => {
      const socket = await dial(port);
      await talk(socket, header(ip), /ready/);
      return await talk(socket, login, /^a OK|\* BYE.*\n/m);
    };
    for (let i = 0; i < crowdDefaults.perMailbox; i++) expect(await enter("203.0.113.1")).toMatch(/^a OK/);
    expect(await enter("203.0.113.2")).toMatch(/^\* BYE \[LIMIT\] Too many sessions for this mailbox/);
  });
});

describe("a certificate", () => {
  it("renewed on disk is taken without a restart, and a broken one is not", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { write, ...paths } = await files();
    const said: string[] = [];
    const { source, pem } = certificate(paths, (what) => said.push(what));
    const first = source();
    const second = await certificatePair("localhost");
    write(second);
    expect(source()).toBe(first);
    vi.setSystemTime(Date.now() + 6_000);
    expect(source()).not.toBe(first);
    expect(pem()).toEqual({ cert: second.cert, key: second.key });
    const renewed = source();
    write({ cert: "not a certificate", key: second.key });
    vi.setSystemTime(Date.now() + 6_000);
    expect(source()).toBe(renewed);
    expect(said).toEqual(["certificate renewed", "the new certificate can't be used; the old one goes on"]);
  });
});
