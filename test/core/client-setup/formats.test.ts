import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { autoconfig } from "../../../src/core/client-setup/autoconfig.ts";
import {
  autodiscoverAnswer,
  autodiscoverBytes,
  autodiscoverError,
  outlookSchema,
  readAutodiscover,
} from "../../../src/core/client-setup/autodiscover.ts";
import { autodiscoverJson } from "../../../src/core/client-setup/autodiscover-json.ts";
import { recordText, setupRecords } from "../../../src/core/client-setup/dns-records.ts";
import { mobileconfig } from "../../../src/core/client-setup/mobileconfig.ts";
import { nameUuid } from "../../../src/core/client-setup/name-uuid.ts";
import { child, readXml, type XmlElement } from "../../../src/core/client-setup/read-xml.ts";
import { servicesOf, usualPorts } from "../../../src/core/client-setup/service.ts";

const reading = { domain: "demo.test", services: servicesOf("mx.demo.test", usualPorts) };
const sending = {
  domain: "demo.test",
  services: servicesOf("mx.demo.test", { ...usualPorts, submissions: 465, submission: 587 }),
};
/** Every character that XML gives a meaning, and two that it can't hold. */
const hostile = `a"'<b>&]]>--x\u0000\ud800@demo.test`;

function parsed(document: string): XmlElement {
  const root = readXml(document.replace(/^<!DOCTYPE.*$/m, ""));
  if (root === null) throw new Error(`not well-formed: ${document}`);
  return root;
}

function path(root: XmlElement | null, ...names: string[]): string | undefined {
  return names.reduce((at, name) => child(at, name), root)?.text;
}

describe("Mozilla autoconfig", () => {
  test("is, to the byte, what the format's description says", () => {
    const document = autoconfig({ domain: "demo.test", services: servicesOf("mx.demo.test", { imaps: 993 }) });
    expect(document).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="demo.test">
    <domain>demo.test</domain>
    <displayName>demo.test</displayName>
    <displayShortName>demo.test</displayShortName>
    <incomingServer type="imap">
      <hostname>mx.demo.test</hostname>
      <port>993</port>
      <socketType>SSL</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>mx.demo.test</hostname>
      <port>465</port>
      <socketType>SSL</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </outgoingServer>
  </emailProvider>
</clientConfig>
`);
  });

  const servers = (document: string) =>
    child(parsed(document), "emailProvider")
      ?.children.filter(({ name }) => name.endsWith("Server"))
      .map((server) => [server.name, path(server, "port"), path(server, "socketType")].join(" "));

  test("lists the preferred way of each protocol first", () => {
    expect(servers(autoconfig(sending))).toEqual([
      "incomingServer 993 SSL",
      "incomingServer 143 STARTTLS",
      "incomingServer 995 SSL",
      "incomingServer 110 STARTTLS",
      "outgoingServer 465 SSL",
      "outgoingServer 587 STARTTLS",
    ]);
  });

  // Thunderbird and K-9 refuse an answer without one.
  test("names an outgoing server also where submission is not offered yet", () => {
    expect(servers(autoconfig(reading))?.at(-1)).toBe("outgoingServer 465 SSL");
  });

  test("keeps names within 60 and 20 characters", () => {
    const domain = `${"long".repeat(15)}.${"name".repeat(10)}.test`;
    const provider = child(parsed(autoconfig({ domain, services: [] })), "emailProvider");
    expect(path(provider, "domain")).toBe(domain);
    expect(path(provider, "displayName")).toBe("Mail");
    expect(path(provider, "displayShortName")).toBe("Mail");
  });
});

describe("Autodiscover, plain old XML", () => {
  const request = (inner: string) =>
    utf8(
      `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>${inner}</Request></Autodiscover>`,
    );
  const schema = `<AcceptableResponseSchema>${outlookSchema}</AcceptableResponseSchema>`;

  test.each([
    ["Outlook's", request(`<EMailAddress>ada@demo.test</EMailAddress>${schema}`)],
    ["the other order, white space", request(`\r\n ${schema}\r\n <EMailAddress>\r\n ada@demo.test </EMailAddress>`)],
    ["no schema", request("<EMailAddress>ada@demo.test</EMailAddress>")],
    ["references and CDATA", request("<EMailAddress>ada&#64;<![CDATA[demo]]>&#x2e;test</EMailAddress>")],
    [
      "a comment inside",
      request("<!-- <EMailAddress>eve@demo.test</EMailAddress> --><EMailAddress>ada@demo.test</EMailAddress>"),
    ],
    [
      "a prefix, a BOM",
      utf8(
        "\ufeff<a:Autodiscover xmlns:a='x'><a:Request><a:EMailAddress>ada@demo.test</a:EMailAddress></a:Request></a:Autodiscover>",
      ),
    ],
  ])("reads a request: %s", (_, body) => {
    expect(readAutodiscover(body)).toEqual({ email: "ada@demo.test", schema: outlookSchema });
  });

  test("keeps the schema that is asked for", () => {
    const mobile = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";
    const body = request(
      `<EMailAddress>ada@demo.test</EMailAddress><AcceptableResponseSchema>${mobile}</AcceptableResponseSchema>`,
    );
    expect(readAutodiscover(body)?.schema).toBe(mobile);
  });

  test.each([
    ["nothing", utf8("")],
    ["no XML", utf8("hello")],
    ["JSON", utf8('{"Email":"ada@demo.test"}')],
    ["no address", request(schema)],
    ["an empty address", request("<EMailAddress> </EMailAddress>")],
    ["an endless address", request(`<EMailAddress>${"a".repeat(400)}@demo.test</EMailAddress>`)],
    ["the address elsewhere", utf8("<Other><Request><EMailAddress>ada@demo.test</EMailAddress></Request></Other>")],
    ["an element left open", utf8("<Autodiscover><Request><EMailAddress>ada@demo.test</EMailAddress></Request>")],
    [
      "crossed elements",
      utf8("<Autodiscover><Request><EMailAddress>ada@demo.test</Request></EMailAddress></Autodiscover>"),
    ],
    ["two roots", utf8("<Autodiscover/><Autodiscover/>")],
    ["not UTF-8", Uint8Array.of(0x3c, 0xff, 0x3e)],
    ["an unknown entity", request("<EMailAddress>&ada;@demo.test</EMailAddress>")],
    ["a reference to NUL", request("<EMailAddress>&#0;ada@demo.test</EMailAddress>")],
    [
      "a document type",
      utf8(
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Autodiscover><Request><EMailAddress>&x;</EMailAddress></Request></Autodiscover>',
      ),
    ],
    ["depth", request(`${"<a>".repeat(50)}${"</a>".repeat(50)}<EMailAddress>ada@demo.test</EMailAddress>`)],
    ["breadth", request(`${"<a/>".repeat(500)}<EMailAddress>ada@demo.test</EMailAddress>`)],
    ["size", request(`<EMailAddress>ada@demo.test</EMailAddress>${" ".repeat(autodiscoverBytes)}`)],
    ["attributes without an end", utf8(`<Autodiscover ${"a='1' ".repeat(2000)}`)],
    ["white space without an end", utf8(`<Autodiscover${" ".repeat(16_000)}`)],
  ])("refuses %s", (_, body) => {
    expect(readAutodiscover(body)).toBeNull();
  });

  test("answers with one server of each kind", () => {
    const root = parsed(autodiscoverAnswer(sending, "ada@demo.test"));
    const account = child(child(root, "Response"), "Account");
    expect([path(account, "AccountType"), path(account, "Action")]).toEqual(["email", "settings"]);
    const protocols = account?.children.filter(({ name }) => name === "Protocol") ?? [];
    expect(
      protocols.map((each) =>
        ["Type", "Server", "Port", "Encryption", "LoginName", "SPA"].map((name) => path(each, name)),
      ),
    ).toEqual([
      ["IMAP", "mx.demo.test", "993", "SSL", "ada@demo.test", "off"],
      ["POP3", "mx.demo.test", "995", "SSL", "ada@demo.test", "off"],
      ["SMTP", "mx.demo.test", "465", "SSL", "ada@demo.test", "off"],
    ]);
  });

  test("says STARTTLS as Outlook does, and where SMTP will be without submission", () => {
    const setup = { domain: "demo.test", services: servicesOf("mx.demo.test", { imap: 143 }) };
    const answer = autodiscoverAnswer(setup, "ada@demo.test");
    expect(answer).toContain("<Encryption>TLS</Encryption>");
    expect(answer).toMatch(/<Type>SMTP<.Type>\s*<Server>mx.demo.test<.Server>\s*<Port>465</);
  });

  test("an error names its code and the time of day", () => {
    const error = child(
      child(parsed(autodiscoverError(600, Date.UTC(2026, 10, 24, 5, 6, 7, 89))), "Response"),
      "Error",
    );
    expect([path(error, "ErrorCode"), path(error, "Message")]).toEqual(["600", "Invalid Request"]);
    expect(autodiscoverError(600, Date.UTC(2026, 10, 24, 5, 6, 7, 89))).toContain('Time="05:06:07.0890000"');
  });
});

describe("Autodiscover, JSON", () => {
  const url = "https://edge.test/autodiscover/autodiscover.xml";
  test("knows where version 1 is, and nothing else", () => {
    expect(autodiscoverJson("AutodiscoverV1", url)).toEqual({
      status: 200,
      body: { Protocol: "AutodiscoverV1", Url: url },
    });
    expect(autodiscoverJson("autodiscoverv1", url).status).toBe(200);
    expect(autodiscoverJson("ActiveSync", url)).toMatchObject({ status: 400, body: { ErrorCode: "InvalidProtocol" } });
    expect(autodiscoverJson("", url)).toMatchObject({ status: 400, body: { ErrorCode: "MandatoryParameterMissing" } });
  });
});

describe("Apple configuration profile", () => {
  const required = [
    "EmailAccountType",
    "IncomingMailServerAuthentication",
    "IncomingMailServerHostName",
    "OutgoingMailServerAuthentication",
    "OutgoingMailServerHostName",
    "PayloadIdentifier",
    "PayloadUUID",
    "PayloadType",
    "PayloadVersion",
  ];
  const keys = (profile: string | null) => {
    const account = child(child(parsed(profile ?? ""), "dict"), "array")?.children[0];
    const pairs = account?.children ?? [];
    return new Map(
      pairs.flatMap((each, i) => (each.name === "key" ? [[each.text, pairs[i + 1]?.text || pairs[i + 1]?.name]] : [])),
    );
  };

  test("has every key that Apple requires, and no password", () => {
    const account = keys(mobileconfig(sending, "ada@demo.test"));
    for (const key of required) expect(account.get(key), key).toBeTruthy();
    expect(Object.fromEntries(account)).toMatchObject({
      PayloadType: "com.apple.mail.managed",
      EmailAccountType: "EmailTypeIMAP",
      EmailAddress: "ada@demo.test",
      IncomingMailServerPortNumber: "993",
      IncomingMailServerUseSSL: "true",
      IncomingMailServerUsername: "ada@demo.test",
      OutgoingMailServerPortNumber: "465",
    });
    expect([...account.keys()].filter((key) => /Password$/.test(key))).toEqual([
      "OutgoingPasswordSameAsIncomingPassword",
    ]);
  });

  test("is the same for the same address, another for another", () => {
    expect(mobileconfig(sending, "ada@demo.test")).toBe(mobileconfig(sending, "ada@demo.test"));
    const uuids = (address: string) =>
      mobileconfig(sending, address)?.match(/[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/g) ?? [];
    expect(new Set([...uuids("ada@demo.test"), ...uuids("bob@demo.test")]).size).toBe(6);
  });

  test("says when sending is not offered, and is none where nothing can be read", () => {
    expect(mobileconfig(reading, "ada@demo.test")).toContain("sending is not offered yet");
    expect(mobileconfig(sending, "ada@demo.test")).not.toContain("not offered");
    expect(mobileconfig({ domain: "demo.test", services: [] }, "ada@demo.test")).toBeNull();
  });

  test("UUIDs are of version 8 (RFC 9562 §5.8)", () => {
    expect(nameUuid("x")).toMatch(/^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
  });
});

test("a hostile address stays text in every document", () => {
  const shown = `a"'<b>&]]>--x\ufffd\ufffd@demo.test`;
  const account = child(child(parsed(autodiscoverAnswer(sending, hostile)), "Response"), "Account");
  expect(path(child(account, "Protocol"), "LoginName")).toBe(shown);
  const profile = parsed(mobileconfig(sending, hostile) ?? "");
  const dict = child(child(child(profile, "dict"), "array"), "dict");
  expect(dict?.children.filter(({ text }) => text === shown).length).toBe(4);
  expect(path(child(parsed(autoconfig({ ...sending, domain: hostile })), "emailProvider"), "domain")).toBe(shown);
});

test("DNS records: what is not offered says so (RFC 6186 §3.4)", () => {
  expect(setupRecords(reading, "edge.test").map(recordText)).toEqual([
    "_imaps._tcp.demo.test. SRV 0 1 993 mx.demo.test.",
    "_imap._tcp.demo.test. SRV 10 1 143 mx.demo.test.",
    "_pop3s._tcp.demo.test. SRV 20 1 995 mx.demo.test.",
    "_pop3._tcp.demo.test. SRV 30 1 110 mx.demo.test.",
    "_submissions._tcp.demo.test. SRV 0 0 0 .",
    "_submission._tcp.demo.test. SRV 0 0 0 .",
    "_autodiscover._tcp.demo.test. SRV 0 0 443 edge.test.",
    "autoconfig.demo.test. CNAME edge.test.",
    "autodiscover.demo.test. CNAME edge.test.",
  ]);
});
