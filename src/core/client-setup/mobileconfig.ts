/**
 * A configuration profile for iPhone, iPad and Mac: one mail account (Apple's Device Management reference, payload
 * `com.apple.mail.managed`). It carries no password: the device asks for it. Identifiers follow from the address, so a
 * profile installed again replaces the former one. It may be signed (cms.ts); else the device says that it is not.
 */
import { nameUuid } from "./name-uuid.ts";
import { plist } from "./plist.ts";
import { type MailSetup, preferred, type Service, sending } from "./service.ts";

/** Null when the domain offers nothing to read mail by. `address` is not checked against any mailbox. */
export function mobileconfig(setup: MailSetup, address: string): string | null {
  const incoming = preferred(setup, "imap") ?? preferred(setup, "pop3");
  if (incoming === null) return null;
  const [outgoing = incoming] = sending(setup);
  const identifier = `${setup.domain.split(".").reverse().join(".")}.mail.${nameUuid(address)}`;
  const account = {
    ...payload("com.apple.mail.managed", `${identifier}.account`, address),
    EmailAccountDescription: address,
    EmailAccountType: incoming.protocol === "imap" ? "EmailTypeIMAP" : "EmailTypePOP",
    EmailAddress: address,
    ...server("Incoming", incoming, address),
    ...server("Outgoing", outgoing, address),
    OutgoingPasswordSameAsIncomingPassword: true,
  };
  return plist({
    ...payload("Configuration", identifier, address),
    PayloadDescription: description(address, preferred(setup, "smtp") !== null),
    PayloadOrganization: setup.domain,
    PayloadRemovalDisallowed: false,
    PayloadContent: [account],
  });
}

function payload(type: string, identifier: string, address: string) {
  return {
    PayloadType: type,
    PayloadVersion: 1,
    PayloadIdentifier: identifier,
    PayloadUUID: nameUuid(identifier),
    PayloadDisplayName: `Mail: ${address}`,
  };
}

function server(way: "Incoming" | "Outgoing", { host, port }: Service, login: string) {
  return {
    [`${way}MailServerAuthentication`]: "EmailAuthPassword",
    [`${way}MailServerHostName`]: host,
    [`${way}MailServerPortNumber`]: port,
    [`${way}MailServerUseSSL`]: true,
    [`${way}MailServerUsername`]: login,
  };
}

function description(address: string, sends: boolean): string {
  const ask = "You will be asked for an app password.";
  return `Sets up the mail account ${address}. ${ask}${sends ? "" : " It receives mail; sending is not offered yet."}`;
}
