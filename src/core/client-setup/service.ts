/**
 * What a domain's node offers to mail programs, in the order they should prefer it: the one fact from which every set-up
 * format is written. Encrypted ways only (RFC 8314 §3): from the first byte, or by STARTTLS that must succeed.
 */
export type Service = {
  protocol: "imap" | "pop3" | "smtp";
  tls: "implicit" | "starttls";
  /** Name in the node's certificate. */
  host: string;
  port: number;
};
export type MailSetup = {
  /** A-labels, lower case. */
  domain: string;
  services: readonly Service[];
};

/** Ports by the names that a node's configuration gives its listeners; an absent one is not offered. */
export type Ports = Readonly<Partial<Record<keyof typeof listeners, number>>>;

const listeners = {
  imaps: { protocol: "imap", tls: "implicit" },
  imap: { protocol: "imap", tls: "starttls" },
  pop3s: { protocol: "pop3", tls: "implicit" },
  pop3: { protocol: "pop3", tls: "starttls" },
  submissions: { protocol: "smtp", tls: "implicit" },
  submission: { protocol: "smtp", tls: "starttls" },
} as const;
const names = ["imaps", "imap", "pop3s", "pop3", "submissions", "submission"] as const;

/** RFC 8314 §3.2, §3.3; submission is listed once a node says that it has it. */
export const usualPorts: Ports = { imaps: 993, imap: 143, pop3s: 995, pop3: 110 };

export function servicesOf(host: string, ports: Ports): Service[] {
  return names.flatMap((name) => {
    const port = ports[name];
    return port === undefined ? [] : [{ ...listeners[name], host, port }];
  });
}

/** The best way for a format that takes one of each kind. */
export function preferred({ services }: MailSetup, protocol: Service["protocol"]): Service | null {
  return services.find((service) => service.protocol === protocol) ?? null;
}

/**
 * By what mail is sent. Programs make no account without such a server (Thunderbird refuses the whole answer), so where a node has
 * no submission its place is named all the same (RFC 8314 §3.3): the account reads, and sends once the node offers it.
 */
export function sending(setup: MailSetup): readonly Service[] {
  const offered = setup.services.filter(({ protocol }) => protocol === "smtp");
  const reading = preferred(setup, "imap") ?? preferred(setup, "pop3");
  if (offered.length > 0 || reading === null) return offered;
  return [{ ...reading, protocol: "smtp", tls: "implicit", port: 465 }];
}
