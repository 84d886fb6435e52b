/** Each way in which a signature can be no good has its own name (RFC 6376 §6.1). The message is RFC 8463 Appendix A's. */
import { describe, expect, test } from "vitest";
import { fromLatin1, latin1 } from "../../../src/core/bytes.ts";
import { zoneResolver } from "../../../src/core/dns/zones.ts";
import { limits } from "../../../src/core/limits.ts";
import { prove } from "../../../src/core/proof/prove.ts";
import type { DkimResult } from "../../../src/core/proof/types.ts";
import { parseCases } from "./cases.ts";
import { webCrypto } from "./crypto.ts";

const [text = ""] = Object.values(
  import.meta.glob<string>("../../cases/proof/dkim-rfc.txt", { query: "?raw", import: "default", eager: true }),
);
const example = parseCases(text)[1];
if (example === undefined) throw new Error("the RFC's example is gone");
const message = latin1(example.input.raw);
const rsaKey =
  "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";
const edKey = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/** RSA, 512 bits. */
const shortKey =
  "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKoYq6Q7UN7vOFmPr4fSq2NORXHBMKm8p7h4JnQU+quLRxvYll9cn8OBhIXq9SnCYkbzBVBkqN4ZyMM4vlSWy58CAwEAAQ==";

type Zone = Record<string, unknown>;
const name = "test._domainkey.football.example.com";

async function rsaSignature(
  raw: string,
  zone: Zone = { [name]: { TXT: [`v=DKIM1; k=rsa; p=${rsaKey}`] } },
): Promise<DkimResult | undefined> {
  const input = { ...(example as NonNullable<typeof example>).input, raw: fromLatin1(raw) };
  const { dkim } = await prove(input, { dns: zoneResolver(zone as never), crypto: webCrypto });
  return dkim.at(-1);
}

function withKey(text: string | string[] | "TIMEOUT" | "SERVFAIL"): Zone {
  if (text === "TIMEOUT" || text === "SERVFAIL") return { [name]: text };
  return { [name]: { TXT: [text].flat() } };
}

describe("the key", () => {
  test.each([
    [`v=DKIM1; k=rsa; p=${rsaKey}`, "pass", ""],
    [`p=${rsaKey}`, "pass", ""],
    [`v=DKIM1;; p=${rsaKey};`, "pass", ""],
    [`v=DKIM1; k=rsa; t=y; n=being tried; p=${rsaKey}`, "pass", ""],
    [`v=DKIM1; h=sha1 : sha256; s=other:email; t=s; p=${rsaKey}`, "pass", ""],
    [`v=DKIM1; s=*; p=${rsaKey.slice(0, 40)} ${rsaKey.slice(40)}`, "pass", ""],
    ["v=DKIM1; k=rsa; p=", "permerror", "key-revoked"],
    ["v=DKIM1; k=rsa", "permerror", "key-syntax"],
    ["v=DKIM1; k=rsa; p=?", "permerror", "key-syntax"],
    [`v=DKIM1; p=${rsaKey}; p=${rsaKey}`, "permerror", "key-syntax"],
    [`v=DKIM2; p=${rsaKey}`, "permerror", "key-version"],
    [`v=dkim1; p=${rsaKey}`, "permerror", "key-version"],
    [`k=rsa; v=DKIM1; p=${rsaKey}`, "permerror", "key-version"],
    [`v=DKIM1; k=ed25519; p=${edKey}`, "permerror", "key-type"],
    [`v=DKIM1; k=dsa; p=${rsaKey}`, "permerror", "key-type"],
    [`v=DKIM1; h=sha1; p=${rsaKey}`, "permerror", "key-hash"],
    [`v=DKIM1; s=tlsrpt; p=${rsaKey}`, "permerror", "key-service"],
    ["v=DKIM1; p=AAAA", "permerror", "key-unusable"],
    [`v=DKIM1; p=${shortKey}`, "policy", "key-too-short"],
    ["just some text", "permerror", "key-syntax"],
  ])("%s", async (record, result, reason) => {
    expect(await rsaSignature(message, withKey(record))).toMatchObject({ result, reason });
  });

  test("none, none in time, none to be had", async () => {
    expect(await rsaSignature(message, {})).toMatchObject({ result: "permerror", reason: "key-missing" });
    expect(await rsaSignature(message, withKey("TIMEOUT"))).toMatchObject({
      result: "temperror",
      reason: "key-timeout",
    });
    expect(await rsaSignature(message, withKey("SERVFAIL"))).toMatchObject({
      result: "temperror",
      reason: "key-servfail",
    });
  });

  test("one of several records is enough; text that is no key is passed over", async () => {
    const records = ["v=spf1 -all", `v=DKIM1; p=${rsaKey}`];
    expect(await rsaSignature(message, withKey(records))).toMatchObject({ result: "pass" });
  });

  test("another key of the right kind", async () => {
    const other = rsaKey.replace(
      "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQ",
      "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOR",
    );
    expect(await rsaSignature(message, withKey(`p=${other}`))).toMatchObject({ result: "fail", reason: "signature" });
  });
});

describe("the signature field", () => {
  const edits: [what: string, from: RegExp, to: string, result: string, reason: string][] = [
    ["no v=", /v=1; (a=rsa)/, "$1", "permerror", "missing-v"],
    ["another version", /v=1; (a=rsa)/, "v=2; $1", "permerror", "version"],
    ["SHA-1", /rsa-sha256/, "rsa-sha1", "policy", "algorithm-sha1"],
    ["unknown algorithm", /rsa-sha256/, "rsa-sha512", "permerror", "algorithm-unknown"],
    [
      "unknown canonicalisation",
      /(a=rsa.*)c=relaxed\/relaxed/,
      "$1c=relaxed/nowsp",
      "permerror",
      "canonicalization-unknown",
    ],
    ["no d=", /(a=rsa[\s\S]*?) d=football\.example\.com;/, "$1", "permerror", "missing-d"],
    [
      "d= of one label",
      /(a=rsa[\s\S]*?) d=football\.example\.com; i=@football\.example\.com;/,
      "$1 d=com;",
      "permerror",
      "domain-syntax",
    ],
    [
      "d= that is no name",
      /(a=rsa[\s\S]*?) d=football\.example\.com; i=@football\.example\.com;/,
      "$1 d=a..b;",
      "permerror",
      "domain-syntax",
    ],
    ["bad selector", /s=test;/, "s=te st;", "permerror", "selector-syntax"],
    [
      "i= elsewhere",
      /(a=rsa[\s\S]*?)i=@football\.example\.com/,
      "$1i=@example.com",
      "permerror",
      "identity-outside-domain",
    ],
    [
      "i= without @",
      /(a=rsa[\s\S]*?)i=@football\.example\.com/,
      "$1i=football.example.com",
      "permerror",
      "identity-syntax",
    ],
    [
      "i= below d=",
      /(a=rsa[\s\S]*?)i=@football\.example\.com/,
      "$1i=joe@sub.football.example.com",
      "fail",
      "signature",
    ],
    ["another query method", /(a=rsa[\s\S]*?)q=dns\/txt/, "$1q=dns/foo", "permerror", "query-unknown"],
    ["one known query method among others", /(a=rsa[\s\S]*?)q=dns\/txt/, "$1q=dns/foo : dns/txt", "fail", "signature"],
    ["x= before t=", /(s=test; )/, "$1 x=1528637908; ", "permerror", "expires-before-signed"],
    ["x= in the past", /(s=test; )/, "$1 x=1528637910; ", "fail", "expired"],
    ["x= that is no number", /(s=test; )/, "$1 x=soon; ", "permerror", "expiry-syntax"],
    ["t= that is no number", /(s=test; )t=1528637909/, "$1t=now", "permerror", "timestamp-syntax"],
    ["l= that is no number", /(s=test; )/, "$1 l=-1; ", "permerror", "length-syntax"],
    ["l= beyond the body", /(s=test; )/, "$1 l=99999; ", "permerror", "length-beyond-body"],
    ["l= short of the body", /(s=test; )/, "$1 l=3; ", "fail", "body-hash"],
    [
      "From not signed",
      /(a=rsa[\s\S]*?)h=from : to : subject :\r\n date : message-id : from/,
      "$1h=to",
      "permerror",
      "from-not-signed",
    ],
    ["an empty name in h=", /(a=rsa[\s\S]*?)h=from : to/, "$1h=from : : to", "permerror", "signed-fields-syntax"],
    ["bh= too short", /(a=rsa[\s\S]*?)bh=2jUSOH9N/, "$1bh=", "permerror", "body-hash-syntax"],
    ["b= empty", /(s=test;[\s\S]*?) b=[\s\S]*?8=\r\n/, "$1 b=\r\n", "permerror", "signature-syntax"],
    ["b= that is no base64", / b=F45d/, " b=F*5d", "permerror", "signature-syntax"],
    ["a tag twice", /(s=test; )/, "$1 s=test; ", "permerror", "syntax"],
    ["no tag list", /(a=rsa[\s\S]*?)q=dns\/txt/, "$1q", "permerror", "syntax"],
    ["D= is not d=", /(a=rsa[\s\S]*?) d=football/, "$1 D=football", "permerror", "missing-d"],
    ["an unknown tag", /(s=test; )/, "$1 foo=bar; ", "fail", "signature"],
  ];
  test.each(edits)("%s", async (_, from, to, result, reason) => {
    const edited = message.replace(from, to);
    expect(edited).not.toBe(message);
    expect(await rsaSignature(edited)).toMatchObject({ result, reason });
  });

  test("longer than any honest one", async () => {
    const long = message.replace("s=test;", `s=test; z=${"x".repeat(limits.proof.signatureBytes)};`);
    expect(await rsaSignature(long)).toMatchObject({ result: "permerror", reason: "too-long" });
  });
});

describe("what was signed", () => {
  test.each<[what: string, edit: (text: string) => string, reason: string]>([
    ["one letter of the body", (text) => text.replace("hungry", "Hungry"), "body-hash"],
    ["one more line", (text) => `${text}more\r\n`, "body-hash"],
    ["one letter of a signed field", (text) => text.replace("Is dinner", "Is lunch"), "signature"],
    ["a signed field gone", (text) => text.replace(/^Date:.*\r\n/m, ""), "signature"],
    [
      "a second From below: h= names From twice",
      (text) => text.replace("\r\nTo:", "\r\nFrom: evil@example.org\r\nTo:"),
      "signature",
    ],
    [
      "a second Date on top of a bottom-up choice",
      (text) => text.replace("\r\nTo:", "\r\nDate: now\r\nTo:"),
      "signature",
    ],
  ])("%s", async (_, edit, reason) => {
    expect(await rsaSignature(edit(message))).toMatchObject({ result: "fail", reason });
  });

  test.each<[what: string, edit: (text: string) => string]>([
    ["white space in relaxed fields", (text) => text.replace("Subject: Is dinner", "SUBJECT :  Is\r\n\t dinner")],
    [
      "white space in the relaxed body",
      (text) => text.replace("game.  Are", "game. \t Are  ").replace("Joe.\r\n", "Joe. \r\n\r\n \r\n"),
    ],
    ["a field that is not signed", (text) => `X-New: field\r\n${text}`],
    ["bare LFs all over", (text) => text.replaceAll("\r\n", "\n")],
    ["bare LFs in the body", (text) => text.replace("Hi.\r\n", "Hi.\n")],
    ["white space in b=", (text) => text.replace("b=F45dVW", "b= F45\r\n dVW")],
    ["no line end at the end", (text) => text.slice(0, -2)],
  ])("%s changes nothing", async (_, edit) => {
    expect(edit(message)).not.toBe(message);
    expect(await rsaSignature(edit(message))).toMatchObject({ result: "pass" });
  });
});

test("t=s holds i= to the very domain of d=", async () => {
  // The RSA signature of RFC 6376's own example has i= below d=.
  const [first] = parseCases(text);
  if (first === undefined) throw new Error("the RFC's example is gone");
  const answer = await first.dns.resolve("brisbane._domainkey.example.com", "TXT");
  const key = answer.kind === "found" ? (answer.records[0] ?? "") : "";
  const zone = { "brisbane._domainkey.example.com": { TXT: [key.replace("v=DKIM1;", "v=DKIM1; t=s;")] } };
  const { dkim } = await prove(first.input, { dns: zoneResolver(zone), crypto: webCrypto });
  expect(dkim[0]).toMatchObject({ result: "permerror", reason: "identity-below-strict-domain" });
});
