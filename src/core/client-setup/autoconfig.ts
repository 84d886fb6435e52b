/**
 * Mozilla's autoconfig file, version 1.1, which Thunderbird, K-9, Evolution, KMail and others fetch
 * (draft-ietf-mailmaint-autoconfig, from practice since 2009). It speaks of a domain, never of one mailbox: the address
 * stays the placeholder that the program fills in.
 */
import { type MailSetup, type Service, sending } from "./service.ts";
import { element, type Xml, xmlDocument } from "./xml.ts";

export function autoconfig(setup: MailSetup): string {
  const { domain, services } = setup;
  const provider = element(
    "emailProvider",
    [
      element("domain", domain),
      element("displayName", fitting(60, domain)),
      element("displayShortName", fitting(20, domain, domain.split(".")[0] ?? "")),
      ...services.filter(({ protocol }) => protocol !== "smtp").map((each) => server("incomingServer", each)),
      ...sending(setup).map((each) => server("outgoingServer", each)),
    ],
    { id: domain },
  );
  return xmlDocument(element("clientConfig", [provider], { version: "1.1" }));
}

function server(name: string, { protocol, tls, host, port }: Service): Xml {
  const content = [
    element("hostname", host),
    element("port", String(port)),
    element("socketType", tls === "implicit" ? "SSL" : "STARTTLS"),
    // "cleartext" inside TLS: app passwords by PLAIN or LOGIN
    element("authentication", "password-cleartext"),
    element("username", "%EMAILADDRESS%"),
  ];
  return element(name, content, { type: protocol });
}

/** The names MUST NOT be longer than 60 and 20 characters. */
function fitting(length: number, ...candidates: string[]): string {
  return candidates.find((each) => each.length <= length) ?? "Mail";
}
