/** What the relay queue gives to the rest of the node and wants from it. */
import type { IngestAnswer, OutboundResults } from "../../core/contract/handoff.ts";

export type Result = OutboundResults["results"][number];

/** Tells the edge what became of jobs; rejects when it could not be told, then the same results come again. */
export type ReportResults = (results: OutboundResults) => Promise<void>;

/**
 * Brings mail for a domain that is served here back to the edge, as if it had come to the door: its MX is this very host.
 * `vouched` as in the ingest contract. Rejects when the edge can't be asked.
 */
export type Home = (mail: HomeMail) => Promise<IngestAnswer["outcomes"][number]>;
export type HomeMail = { mailFrom: string; recipient: string; raw: Uint8Array; smtputf8: boolean; vouched: boolean };

/** The job can never be delivered here: damaged, sealed to another key, or not a job. The edge has to seal it anew. */
export class NotAJob extends Error {
  constructor() {
    super("the relay job does not open");
    this.name = "NotAJob";
  }
}
