/** Just the daemon with ready mailboxes and no edge: for protocol tests and benchmarks. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { mailboxRecordSchema } from "../../core/contract/mailbox.ts";
import { makeMailbox } from "../mailbox.ts";
import { certificates } from "./certificates.ts";
import type { OnClose } from "./child.ts";
import { nodeConfig, startNode } from "./node.ts";
import type { StartOptions } from "./options.ts";
import { type Place, secrets } from "./place.ts";
import { describeNodeOnly } from "./print.ts";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

export async function startNodeOnly(place: Place, options: StartOptions, onClose: OnClose): Promise<string> {
  const known = secrets(place);
  const tls = await certificates(place.tls, ["localhost"]);
  const mailboxes = readyMailboxes(place, options);
  const config = await nodeConfig(place, { nodeId: known.nodeId, hostname: "localhost", edge: null, tls });
  delete config.listen.door;
  delete config.listen.handoff;
  config.standalone = place.standalone;
  config.testing = { insecurePlain: options.insecurePlain, loopbackDestinations: false };
  const node = await startNode(place, known, config, { say, onClose });
  const at = (name: string) => ({ host: "localhost", port: node.ports[name] ?? 0 });
  const endpoints = {
    imaps: at("imaps"),
    imap: at("imap"),
    pop3s: at("pop3s"),
    pop3: at("pop3"),
    ca: tls.ca,
    data: place.folder,
    mailbox: mailboxes[0],
    mailboxes,
    pids: { node: node.child.pid },
  };
  writeFileSync(place.endpoints, JSON.stringify(endpoints), { mode: 0o600 });
  return options.json ? `${JSON.stringify(endpoints)}\n` : describeNodeOnly(endpoints);
}

const readySchema = z.strictObject({ address: z.string(), password: z.string() });
type Ready = z.infer<typeof readySchema>;

/** Made once, kept as records; the passwords are kept beside them for the next start. */
function readyMailboxes(place: Place, options: StartOptions): Ready[] {
  const passwordFile = join(place.folder, "passwords.json");
  const records = readList(place.standalone, mailboxRecordSchema);
  const passwords = readList(passwordFile, readySchema);
  const asked = options.mailboxes.map(({ user, password }) => ({ address: user.toLowerCase(), password }));
  for (const { address, password } of asked) {
    const had = passwords.find((each) => each.address === address);
    if (had !== undefined && password !== null && had.password !== password) {
      throw new Error(`mailbox ${address} exists with another password: use --fresh`);
    }
    if (had !== undefined) continue;
    const made = makeMailbox(address, password === null ? {} : { testPassword: password });
    records.push(made.record);
    passwords.push({ address, password: password ?? made.appPassword });
  }
  writeFileSync(place.standalone, JSON.stringify(records), { mode: 0o600 });
  writeFileSync(passwordFile, JSON.stringify(passwords), { mode: 0o600 });
  return passwords.filter(({ address }) => asked.some((each) => each.address === address));
}

function readList<T>(file: string, schema: z.ZodType<T>): T[] {
  return existsSync(file) ? z.array(schema).parse(JSON.parse(readFileSync(file, "utf8"))) : [];
}
