import { describe, expect, it } from "vitest";
import { isLoopbackAddress, isPublicAddress } from "../../src/core/net-address.ts";

describe("public addresses", () => {
  it.each(["1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.0", "11.0.0.1", "126.255.255.255", "128.0.0.1"])(
    "%s is one",
    (text) => expect(isPublicAddress(text)).toBe(true),
  );
  it.each(["2606:4700::1111", "2001:200::1", "2a00:1450:4001:800::200e", "::ffff:1.1.1.1", "2400:cb00::1"])(
    "%s is one",
    (text) => expect(isPublicAddress(text)).toBe(true),
  );
  it.each(
    (
      "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 " +
      "172.31.255.255 192.0.0.1 192.0.2.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 " +
      "239.255.255.255 240.0.0.1 255.255.255.255"
    ).split(" "),
  )("%s is none", (text) => expect(isPublicAddress(text)).toBe(false));
  it.each(
    (
      ":: ::1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 fc00::1 " +
      "fd12:3456::1 fe80::1 fec0::1 ff02::1 2001::1 2001:db8::1 2002:7f00:1::1 3fff::1 4000::1 2001:1ff::1"
    ).split(" "),
  )("%s is none", (text) => expect(isPublicAddress(text)).toBe(false));
  it.each([
    "",
    "localhost",
    "127.1",
    "0x7f.0.0.1",
    "01.1.1.1",
    "1.1.1.1.1",
    "1.1.1.256",
    "1.1.1.1 ",
    "fe80::1%eth0",
    "[::1]",
  ])("what can't be read is none: '%s'", (text) => expect(isPublicAddress(text)).toBe(false));

  it("knows the loopback", () => {
    for (const text of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
      expect(isLoopbackAddress(text)).toBe(true);
    for (const text of ["128.0.0.1", "::2", "::", "", "1::1"]) expect(isLoopbackAddress(text)).toBe(false);
  });
});
