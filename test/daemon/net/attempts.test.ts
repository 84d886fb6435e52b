import { describe, expect, it } from "vitest";
import { Attempts } from "../../../src/daemon/net/attempts.ts";
import { Crowd } from "../../../src/daemon/net/crowd.ts";

describe("failed logins", () => {
  const limits = { firstDelayMs: 100, longestDelayMs: 1000, forgetMs: 60_000, refuseAfter: 5, entries: 100 };

  it("slow each next one down, by address and by account", () => {
    const attempts = new Attempts(() => 0, limits);
    expect([1, 2, 3].map(() => attempts.failed("192.0.2.1", "ann"))).toEqual([100, 200, 400]);
    expect(attempts.failed("192.0.2.1", "bob")).toBe(800);
    expect(attempts.failed("192.0.2.9", "ann")).toBe(800);
    expect(attempts.failed("192.0.2.8", "new")).toBe(100);
  });

  it("are refused from an address that goes on, until it was quiet", () => {
    let now = 0;
    const attempts = new Attempts(() => now, limits);
    for (let i = 0; i < 5; i++) attempts.failed("192.0.2.1", `user${i}`);
    expect(attempts.isRefused("192.0.2.1")).toBe(true);
    expect(attempts.isRefused("192.0.2.2")).toBe(false);
    now = 60_000;
    expect(attempts.isRefused("192.0.2.1")).toBe(false);
    expect(attempts.failed("192.0.2.1", "user")).toBe(100);
  });

  it("count an IPv6 client's whole /64", () => {
    const attempts = new Attempts(() => 0, limits);
    for (let i = 0; i < 5; i++) attempts.failed(`2001:db8::${i + 1}`, `user${i}`);
    expect(attempts.isRefused("2001:db8:0:0:ffff::1")).toBe(true);
    expect(attempts.isRefused("2001:db8:0:1::1")).toBe(false);
  });

  it("never fill the memory", () => {
    const attempts = new Attempts(() => 0, { ...limits, entries: 10 });
    for (let i = 0; i < 1000; i++) attempts.failed(`192.0.2.${i % 250}`, `user${i}`);
    expect(attempts.failed("198.51.100.1", "fresh")).toBe(100);
  });
});

describe("the crowd", () => {
  const member = { leave: async () => undefined };

  it("is bounded by address and by mailbox, but for this host's own", () => {
    const crowd = new Crowd({ perAddress: 1, perMailbox: 1, connections: 4 });
    crowd.join(member, "192.0.2.1");
    expect(crowd.isFull("192.0.2.1")).toBe(true);
    expect(crowd.isFull("192.0.2.2")).toBe(false);
    expect(crowd.enter("m", "192.0.2.1")).toBe(true);
    expect(crowd.enter("m", "192.0.2.1")).toBe(false);
    expect(crowd.enter("m", "127.0.0.1")).toBe(true);
    crowd.exit("m");
    crowd.exit("m");
    expect(crowd.enter("m", "192.0.2.1")).toBe(true);
    crowd.part(member, "192.0.2.1");
    expect(crowd.isFull("192.0.2.1")).toBe(false);
  });

  it("counts an IPv6 client's whole /64", () => {
    const crowd = new Crowd({ perAddress: 1 });
    crowd.join(member, "2001:db8::1");
    expect(crowd.isFull("2001:db8::ffff:2")).toBe(true);
    expect(crowd.isFull("2001:db8:0:1::1")).toBe(false);
    crowd.part(member, "2001:db8::1");
    expect(crowd.isFull("2001:db8::1")).toBe(false);
  });

  it("is bounded as a whole", () => {
    const crowd = new Crowd({ connections: 2 });
    crowd.join({ ...member }, "127.0.0.1");
    crowd.join({ ...member }, "127.0.0.1");
    expect(crowd.isFull("127.0.0.1")).toBe(true);
  });
});
