/**
 * Mail whose destination is served by this very node: another domain here, a mailbox of the forwarding domain itself, a notice
 * to an owner who keeps his mail here. It goes to the edge, once more through all rules, instead of out and in again. It bears
 * our mark, so a circle ends as it does for mail that left the house; its return path stays the author's.
 */
import type { RelayJob } from "../../core/contract/handoff.ts";
import { type ComposeDeps, compose, pathsOf } from "./compose.ts";
import type { Ending } from "./ending.ts";
import type { Home } from "./port.ts";

export type HomeDeps = Pick<ComposeDeps, "srs" | "name"> & { home: Home | null };

export async function deliverHome(job: RelayJob, raw: Uint8Array, { srs, name, home }: HomeDeps): Promise<Ending> {
  if (home === null) return ending("permfail", "5.4.6", null, "The destination's mail host is this very host", name);
  // The same bytes at each attempt, so that the edge knows a message again that it took just before a crash.
  const { raw: marked } = await compose(job, raw, { srs, name, now: job.receivedAt, sign: async () => undefined });
  const { to: recipient } = pathsOf(job, srs);
  const { mailFrom, smtputf8 } = job;
  try {
    const said = await home({ mailFrom, recipient, raw: marked, smtputf8, vouched: job.dmarcPassed || isOurs(job) });
    return ending(kinds[said.kind], said.enhanced, said.code, said.text, name);
  } catch {
    return ending("tempfail", "4.4.1", null, "The edge could not be asked", name);
  }
}

const kinds = { accepted: "delivered", refused: "permfail", deferred: "tempfail" } as const;

/** Written by this service: nobody else's words. */
function isOurs({ mailFrom, forwardedFor }: RelayJob): boolean {
  return mailFrom === "" && forwardedFor === "";
}

function ending(kind: Ending["kind"], enhanced: string, code: number | null, detail: string, host: string): Ending {
  return { kind, enhanced, code, detail, host, hostDown: false };
}
