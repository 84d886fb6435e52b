/**
 * The demo's DNS: `demo.test` is the domain served here; the other names are senders and receivers of "the outside world".
 * The files in `test/samples` are mail from them.
 */
import type { Zones } from "./dns.ts";

/** A zone that the loopback Cloudflare keeps, for trying the wizard with a token. Its mail is somewhere else today. */
export const cloudZone = "cloud.test";
export const cloudRecords = [
  { id: "1", type: "MX", name: cloudZone, content: "mx.elsewhere.test", priority: 10 },
  { id: "2", type: "TXT", name: cloudZone, content: "v=spf1 include:elsewhere.test -all" },
];

export function demoZones(doorHost: string): Zones {
  return {
    // ours
    "demo.test": {
      MX: [{ priority: 10, exchange: doorHost }],
      TXT: ["v=spf1 mx -all"],
    },
    [doorHost]: { A: ["127.0.0.1"], AAAA: ["::1"] },
    "1.0.0.127.in-addr.arpa": { PTR: [doorHost] },
    [`1.${"0.".repeat(31)}ip6.arpa`]: { PTR: [doorHost] },
    "_dmarc.demo.test": { TXT: ["v=DMARC1; p=reject"] },
    // a sender that does everything right, and says so strictly
    "sender.test": { MX: [{ priority: 10, exchange: "mx.sender.test" }], TXT: ["v=spf1 ip4:127.0.0.1 ip6:::1 -all"] },
    // the private half signed test/samples once and was thrown away
    "s1._domainkey.sender.test": {
      TXT: [
        "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApLJDnjkPGqN7WJhkP0/qdcyRXaKwMYRN40mjPAXkSMtMf3N6S7ICm/68JjAEuo81DEqADJBVbp2hMsU2EsCwPZVI66LF+9BWsDWHnJ3f868YYdf8kMeYlYndIgq0Okub60aU6DhkqFR7M5936DWgTk7g0TbtKBBlnR5yOP8Ff6kEqbkCgrZl4oVtFmM52qRiCa7KV8uxmp9NgDOmrxYDzAmoBEbz9MS8BfmSUnE/9olIEHtHl3AE8I05Nu4yPu3j99TlLqZaobH/4n54YGgF/IslVrjknqaEKiA3F4abIMv+3szuqXCx2xFlijfYn5O/VF+eMTytY4kSZfZI/tWfNwIDAQAB",
      ],
    },
    "_dmarc.sender.test": { TXT: ["v=DMARC1; p=reject"] },
    "mx.sender.test": { A: ["127.0.0.1"] },
    // a bank that nobody on this machine may send for
    "bank.test": { MX: [{ priority: 10, exchange: "mx.bank.test" }], TXT: ["v=spf1 ip4:192.0.2.7 -all"] },
    "_dmarc.bank.test": { TXT: ["v=DMARC1; p=reject"] },
    "mx.bank.test": { A: ["192.0.2.7"] },
    // a careful one: suspicious mail goes to Junk
    "shop.test": { TXT: ["v=spf1 ip4:192.0.2.8 -all"] },
    "_dmarc.shop.test": { TXT: ["v=DMARC1; p=quarantine"] },
    // an old one with no policy at all
    "plain.test": { MX: [{ priority: 10, exchange: "mx.plain.test" }] },
    "mx.plain.test": { A: ["127.0.0.1"] },
    // where forwarded mail goes
    "elsewhere.test": { MX: [{ priority: 10, exchange: "mx.elsewhere.test" }], TXT: ["v=spf1 -all"] },
    "mx.elsewhere.test": { A: ["127.0.0.1"] },
  };
}
