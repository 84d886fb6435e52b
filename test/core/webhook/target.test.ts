import { describe, expect, it } from "vitest";
import { checkTarget, fillTarget } from "../../../src/core/webhook/target.ts";

const rules = { ownHosts: ["postern.net", "node1.example.org"] };
const why = (url: string, more = {}) => {
  const check = checkTarget(url, { ...rules, ...more });
  return check.ok ? check.url : check.why;
};

describe("webhook targets", () => {
  it.each([
    ["https://hooks.site.com/in?to=$1", "https://hooks.site.com/in?to=$1"],
    ["HTTPS://Hooks.Site.com:443", "https://hooks.site.com/"],
    ["https://hooks.site.com/a#frag", "https://hooks.site.com/a"],
    ["https://bücher.de/x", "https://xn--bcher-kva.de/x"],
    ["https://notpostern.net/", "https://notpostern.net/"],
  ])("takes %s", (url, normal) => expect(why(url)).toBe(normal));

  it.each([
    ["http://hooks.site.com/", "not-https"],
    ["ftp://hooks.site.com/", "not-https"],
    ["hooks.site.com/in", "not-https"],
    ["javascript:alert(1)", "not-https"],
    ["https:hooks.site.com", "not-https"],
    ["https://", "not-a-url"],
    ["https://hooks.site.com/a b", "not-a-url"],
    ["https:\\\\127.0.0.1", "not-a-url"],
    ["https://hooks.site.com/\r\nHost: x", "not-a-url"],
    [`https://hooks.site.com/${"a".repeat(500)}`, "too-long"],
    ["https://user:secret@hooks.site.com/", "has-userinfo"],
    ["https://postern.net@hooks.site.com/", "has-userinfo"],
    ["https://@hooks.site.com/", "has-userinfo"],
    ["https://hooks.site.com:8443/", "bad-port"],
    ["https://hooks.site.com:22/", "bad-port"],
    ["https://93.184.216.34/", "ip-literal"],
    ["https://127.1/", "ip-literal"],
    ["https://2130706433/", "ip-literal"],
    ["https://0x7f000001/", "ip-literal"],
    ["https://0x7f.1/", "ip-literal"],
    ["https://0177.0.0.1/", "ip-literal"],
    ["https://１２７.０.０.１/", "ip-literal"],
    ["https://127。0。0。1/", "ip-literal"],
    ["https://[::1]/", "ip-literal"],
    ["https://[::ffff:127.0.0.1]/", "ip-literal"],
    ["https://[2606:2800:220:1::1]/", "ip-literal"],
    ["https://127.0.0.1./", "ip-literal"],
    ["https://localhost/", "inward-name"],
    ["https://a.localhost./", "inward-name"],
    ["https://printer.local/", "inward-name"],
    ["https://metadata.google.internal/", "inward-name"],
    ["https://router.home.arpa/", "inward-name"],
    ["https://intranet/", "inward-name"],
    ["https://hooks/", "bad-host"],
    ["https://hooks.site.com./", "bad-host"],
    ["https://$1.site.com/", "bad-host"],
    ["https://postern.net/in", "own-host"],
    ["https://a.b.POSTERN.net/in", "own-host"],
    ["https://node1.example.org/", "own-host"],
  ])("refuses %s: %s", (url, problem) => expect(why(url)).toBe(problem));

  it("takes further ports and the loopback only where they are allowed", () => {
    expect(why("https://hooks.site.com:8443/", { ports: [8443] })).toBe("https://hooks.site.com:8443/");
    expect(why("https://localhost:9000/x", { allowLoopback: true })).toBe("https://localhost:9000/x");
    expect(why("https://127.1:9000/", { allowLoopback: true })).toBe("https://127.0.0.1:9000/");
    expect(why("https://10.0.0.1/", { allowLoopback: true })).toBe("ip-literal");
    expect(why("https://a.localhost/", { allowLoopback: true })).toBe("inward-name");
  });

  it("fills in groups so that they stay within their place", () => {
    const fill = (url: string, ...groups: string[]) => fillTarget(url, ["whole", ...groups]);
    expect(fill("https://a.com/?to=$1", "x&admin=1#y")).toBe("https://a.com/?to=x%26admin%3D1%23y");
    expect(fill("https://a.com/u/$1/in", "../../etc")).toBe("https://a.com/u/..%2F..%2Fetc/in");
    expect(fill("https://a.com/u/$1/in", "..")).toBe("https://a.com/u//in");
    expect(fill("https://a.com/$2/$1", "x")).toBe("https://a.com//x");
    expect(fill("https://a.com/?to=$1", "\ud800'")).toBe("https://a.com/?to=%EF%BF%BD%27");
  });
});
