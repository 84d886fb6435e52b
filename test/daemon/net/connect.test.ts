import { createServer } from "node:net";
import { expect, it } from "vitest";
import { addressesOf, type ConnectRules, guardedConnect, mailPorts, refusal } from "../../../src/daemon/net/connect.ts";

const rules: ConnectRules = {
  ownAddresses: ["198.51.0.1", "2a00:1::5"],
  ports: mailPorts,
  allowLoopback: false,
  timeoutMs: 1000,
};

const refused: string[] = [
  ..."0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.8.8.8 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1".split(" "),
  ..."192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.4 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255".split(" "),
  // Loopback, unspecified, mapped, compatible, NAT64, link-local, unique local, site-local, multicast, 6to4, Teredo, documentation.
  ..."::1 :: ::ffff:8.8.8.8 ::ffff:127.0.0.1 ::8.8.8.8 64:ff9b::8.8.8.8 fe80::1 fc00::1 fd12:3456::1 fec0::1".split(
    " ",
  ),
  ..."ff02::1 2002:7f00:1::1 2001:0:1::1 2001:db8::1 3fff::1 100::1".split(" "),
  ...rules.ownAddresses,
  // Names and other spellings of numbers are not addresses.
  ..."localhost 0x7f.1 2130706433 127.1 [::1] 8.8.8.8.".split(" "),
  "2a00:1:0:0:0:0:0:5",
];
it("refuses every inward address, whatever the spelling", () => {
  for (const address of refused) expect([address, refusal(address, 25, rules)]).toEqual([address, expect.any(String)]);
});

it("lets public addresses through, on mail's ports only", () => {
  for (const address of ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.169.0.1", "2606:4700::1111", "2a00:1::6"]) {
    expect(refusal(address, 25, rules)).toBe(null);
    expect(refusal(address, 22, rules)).toBe("not a mail port");
    expect(refusal(address, 443, rules)).toBe("not a mail port");
  }
});

it("the loopback allowance opens loopback and nothing else", () => {
  const local = { ...rules, allowLoopback: true };
  expect(refusal("127.0.0.1", 40_000, local)).toBe(null);
  expect(refusal("::1", 40_000, local)).toBe(null);
  for (const address of ["10.0.0.1", "169.254.169.254", "fe80::1"]) expect(refusal(address, 25, local)).not.toBe(null);
});

it("looks a name up once and dials that very address", async () => {
  let asked = 0;
  const dns = {
    resolve: async (_name: string, type: string) => {
      asked++;
      return type === "A"
        ? { kind: "found" as const, records: ["127.0.0.1"] as never[] }
        : { kind: "none" as const, nxdomain: false };
    },
  };
  const found = await addressesOf("rebind.test", dns);
  expect(found).toEqual({ kind: "found", addresses: ["127.0.0.1"] });
  expect(asked).toBe(2);
  const server = createServer((socket) => socket.end());
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  expect(await guardedConnect(rules)("127.0.0.1", port)).toEqual({ kind: "unreachable", why: "not a public address" });
  const dialled = await guardedConnect({ ...rules, allowLoopback: true })("127.0.0.1", port);
  expect(dialled.kind).toBe("connected");
  if (dialled.kind === "connected") dialled.socket.destroy();
  await new Promise((done) => server.close(done));
  expect(await guardedConnect({ ...rules, allowLoopback: true })("127.0.0.1", port)).toEqual({
    kind: "unreachable",
    why: "connection refused",
  });
});

it("tells trouble from absence", async () => {
  const trouble = { resolve: async () => ({ kind: "trouble" as const, reason: "timeout" as const }) };
  expect(await addressesOf("x.test", trouble)).toEqual({ kind: "trouble" });
  const none = { resolve: async () => ({ kind: "none" as const, nxdomain: true }) };
  expect(await addressesOf("x.test", none)).toEqual({ kind: "none" });
});
