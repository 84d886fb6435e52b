/**
 * Autodiscover as Outlook and Windows ask it: plain old XML ([MS-OXDSCLI] §2.2.3, §2.2.4). We answer with mail servers
 * (schema 2006a); Exchange's and ActiveSync's own schemas are not offered and told so in the format's error form.
 */

import { child, readXml } from "./read-xml.ts";
import { type MailSetup, preferred, type Service, sending } from "./service.ts";
import { element, type Xml, xmlDocument } from "./xml.ts";

/** A request is a few hundred bytes. */
export const autodiscoverBytes = 16 * 1024;

const outer = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
export const outlookSchema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

export type AutodiscoverRequest = { email: string; schema: string };

/** Null: not a request, or not one that names an address (old Outlooks may send a LegacyDN instead). */
export function readAutodiscover(body: Uint8Array): AutodiscoverRequest | null {
  if (body.length > autodiscoverBytes) return null;
  const root = parse(body);
  const request = root?.name === "Autodiscover" ? child(root, "Request") : null;
  const email = child(request, "EMailAddress")?.text.trim() ?? "";
  // Left out by some programs; they are the ones that want mail servers.
  const schema = child(request, "AcceptableResponseSchema")?.text.trim() || outlookSchema;
  return email === "" || email.length > 320 ? null : { email, schema };
}

function parse(body: Uint8Array): ReturnType<typeof readXml> {
  try {
    return readXml(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return null;
  }
}

/** `address` is given back as the login name, whether or not there is such a mailbox. */
export function autodiscoverAnswer(setup: MailSetup, address: string): string {
  const reading = (["imap", "pop3"] as const).flatMap((kind) => preferred(setup, kind) ?? []);
  const offered = [...reading, ...sending(setup).slice(0, 1)];
  const account = [
    element("AccountType", "email"),
    element("Action", "settings"),
    ...offered.map((service) => protocol(service, address)),
  ];
  const response = [element("User", [element("DisplayName", address)]), element("Account", account)];
  return xmlDocument(
    element("Autodiscover", [element("Response", response, { xmlns: outlookSchema })], { xmlns: outer }),
  );
}

function protocol(service: Service, login: string): Xml {
  return element("Protocol", [
    element("Type", service.protocol.toUpperCase()),
    element("Server", service.host),
    element("Port", String(service.port)),
    element("DomainRequired", "off"),
    element("LoginName", login),
    element("SPA", "off"),
    element("SSL", "on"),
    // overrides SSL where a program knows it; TLS here means STARTTLS
    element("Encryption", service.tls === "implicit" ? "SSL" : "TLS"),
    element("AuthRequired", "on"),
    ...(service.protocol === "smtp" ? [element("UsePOPAuth", "off"), element("SMTPLast", "off")] : []),
  ]);
}

const errors = {
  500: "The email address can't be found.",
  600: "Invalid Request",
  601: "The requested response schema is not offered here.",
} as const;
export type AutodiscoverErrorCode = keyof typeof errors;

/** `at` in UTC milliseconds. */
export function autodiscoverError(code: AutodiscoverErrorCode, at: number): string {
  const content = [element("ErrorCode", String(code)), element("Message", errors[code]), element("DebugData", "")];
  const error = element("Error", content, { Time: `${new Date(at).toISOString().slice(11, 23)}0000`, Id: "0" });
  return xmlDocument(element("Autodiscover", [element("Response", [error])], { xmlns: outer }));
}
