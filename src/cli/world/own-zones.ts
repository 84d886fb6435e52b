/**
 * What a person adds to the local world's DNS: `zones.json` in the data folder, name → type → values as `postern prove --dns`
 * takes them, read at the start and again whenever it changes. A file with a mistake is named and changes nothing.
 */
import { existsSync, readFileSync, watch, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { z } from "zod";
import { Zones as zonesSchema } from "../../core/dns/zones.ts";
import type { LoopbackDns, Zones } from "./dns.ts";

/** Editors write a file in several goes. */
const settleMs = 50;

/** Answers how to stop watching. */
export function keepOwnZones(file: string, dns: LoopbackDns, say: (text: string) => void): () => void {
  if (!existsSync(file)) writeFileSync(file, "{}\n");
  const read = (): void => {
    const zones = parse(file);
    if (typeof zones === "string") say(zones);
    else dns.lay("own", zones);
  };
  read();
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(dirname(file), (_event, name) => {
    if (name !== basename(file)) return;
    clearTimeout(timer);
    timer = setTimeout(read, settleMs);
  });
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}

/** The zones, or what is wrong with the file. */
function parse(file: string): Zones | string {
  try {
    return zonesSchema.parse(JSON.parse(readFileSync(file, "utf8"))) as Zones;
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    return `${file} is not read, because of a mistake in it:\n${what}`;
  }
}
