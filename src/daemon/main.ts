/**
 * The node: configuration → store → servers → signals. Usage: `node src/daemon/main.ts CONFIG.json`. Tells a parent process,
 * when there is one, which ports are bound; ends in order on SIGTERM, SIGINT, or when the parent goes away.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { z } from "zod";
import { fromBase64 } from "../core/bytes.ts";
import { mailboxRecordSchema } from "../core/contract/mailbox.ts";
import { type Config, readConfig, readIdentity } from "./config.ts";
import { certificate } from "./main/certificate.ts";
import { startEdgeSide } from "./main/edge-side.ts";
import { log, logLine } from "./main/log.ts";
import { startMailAccess } from "./main/mail-access.ts";
import { openStore, type Store } from "./store/store.ts";

/** Longest a stop may take before the process ends all the same; everything acknowledged is on disk already. */
const stopMs = 7000;

async function main(path: string): Promise<void> {
  const config = readConfig(path);
  const identity = readIdentity(config.identity);
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  const store = await openStore({
    dir: config.data,
    nodeKey: fromBase64(identity.storeKey),
    testSlots: config.testing.insecurePlain,
    ...(config.workers === undefined ? {} : { workers: config.workers }),
    onAlarm: ({ mailbox, what }) => log("store.alarm", { mailbox, what }),
  });
  await applyStandalone(config, store);
  const cert = certificate(config.tls, logLine);
  const access = await startMailAccess(config, store, cert);
  const edgeSide =
    config.edge === null
      ? null
      : await startEdgeSide({ config, identity, store, certificate: cert, mailPorts: access.ports }, config.edge);
  onStop(async () => {
    await Promise.all([access.close(), edgeSide?.close()]);
    await store.close();
  });
  log("ready");
  process.send?.({ ready: { ...access.ports, ...edgeSide?.ports }, signing: edgeSide?.signing });
}

/** A node without an edge has its mailboxes from a file. */
async function applyStandalone(config: Config, store: Store): Promise<void> {
  if (config.standalone === undefined) return;
  const records = z.array(mailboxRecordSchema).parse(JSON.parse(readFileSync(config.standalone, "utf8")));
  for (const record of records) await store.applyMailbox(record);
}

function onStop(close: () => Promise<void>): void {
  let stopping = false;
  const stop = (why: string): void => {
    if (stopping) return;
    stopping = true;
    log("stopping", { why });
    setTimeout(() => process.exit(1), stopMs).unref();
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        logLine("stopping failed", error);
        process.exit(1);
      },
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop(signal));
  process.on("disconnect", () => stop("the parent is gone"));
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  process.stderr.write("usage: node src/daemon/main.ts CONFIG.json\n");
  process.exit(2);
}
main(path).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
