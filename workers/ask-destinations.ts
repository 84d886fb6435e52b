/** A destination is asked for its consent as soon as an alias names it, so that the first message need not wait. */
import { consentOf } from "../src/core/rules/standing.ts";
import { type DomainRef, lookUp } from "./directory/routes.ts";
import { logTrouble, openEdge } from "./platform.ts";
import { askVerification } from "./verification.ts";

type Caller = { env: Env; later(work: Promise<unknown>): void };
type Target = { kind: string; target: string };

/** Runs after the answer; what it can't do now, the first message does. */
export function askDestinations({ env, later }: Caller, domainName: string, targets: readonly Target[]): void {
  const asked = new Set(targets.flatMap((one) => consentOf(one) ?? []));
  const addresses = [...asked].filter((address) => !address.endsWith(`@${domainName}`));
  if (addresses.length === 0) return;
  const edge = openEdge(env, { waitUntil: later });
  const ask = async (): Promise<void> => {
    const domain = await domainRef(env, domainName);
    for (const address of addresses) if (domain !== null) await askVerification(edge, domain, address);
  };
  later(ask().catch((error: unknown) => logTrouble("ask-destinations", error)));
}

async function domainRef(env: Env, name: string): Promise<DomainRef | null> {
  const [found] = await lookUp(env.DIRECTORY, [`postmaster@${name}`], []);
  return found?.domain ?? null;
}
