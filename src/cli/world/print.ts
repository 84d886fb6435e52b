/** What `npm start` tells the person at the terminal. */
import type { Demo } from "./seed.ts";
import type { Endpoints } from "./whole.ts";

type At = { host: string; port: number };
type NodeEndpoints = { imaps: At; pop3s: At; ca: string; data: string };

const row = (name: string, value: string): string => `  ${name.padEnd(14)} ${value}\n`;
const at = ({ host, port }: At): string => `${host}:${port}`;

export function describe(all: Endpoints, demo: Demo): string {
  const curl = `curl --cacert "${all.ca}" "imaps://${at(all.imaps)}/INBOX;MAILINDEX=1" -u '${all.mailbox.address}:${all.mailbox.password}'`;
  return [
    "\nPostern runs.\n\n",
    row("Dashboard", all.dashboard),
    row("  sign in", `${all.admin.email}   ${all.admin.password}`),
    row("IMAPS", at(all.imaps)),
    row("POP3S", at(all.pop3s)),
    row("SMTP door", `${at(all.door)} (STARTTLS)`),
    row("Certificate", `${all.ca} (a throw-away authority, for this machine only)`),
    row("Mailbox", all.mailbox.address),
    row("  password", all.mailbox.password),
    row("  recovery", demo.mailbox.recoveryCode),
    row("Outside world", `${all.sink.list} (what was forwarded to it)`),
    row("DNS", `${all.dns.zones} (add records here to try a domain of your own)`),
    row("Cloudflare", `${all.cloudflare.zone}, token ${all.cloudflare.token} (a loopback API: the wizard's other way)`),
    row("Data", all.data),
    "\nSend a first message, and watch it in the dashboard's activity page:\n\n",
    "  npm run send -- test/samples/welcome.eml --from ann@sender.test --to hello@demo.test\n\n",
    "Read it:\n\n",
    `  ${curl}\n\n`,
    "Ctrl-C ends everything; the next start goes on with the same data (npm start -- --fresh empties it).\n\n",
  ].join("");
}

export function describeNodeOnly(
  all: NodeEndpoints & { mailboxes: readonly { address: string; password: string }[] },
): string {
  return [
    "\nThe node runs, without an edge.\n\n",
    row("IMAPS", at(all.imaps)),
    row("POP3S", at(all.pop3s)),
    row("Certificate", all.ca),
    ...all.mailboxes.map(({ address, password }) => row("Mailbox", `${address}   ${password}`)),
    row("Data", all.data),
    "\n",
  ].join("");
}
