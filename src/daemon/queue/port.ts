/** What the relay queue gives to the rest of the node and wants from it. */
import type { OutboundResults } from "../../core/contract/handoff.ts";

export type Result = OutboundResults["results"][number];

/** Tells the edge what became of jobs; rejects when it could not be told, then the same results come again. */
export type ReportResults = (results: OutboundResults) => Promise<void>;

/** The job can never be delivered here: damaged, sealed to another key, or not a job. The edge has to seal it anew. */
export class NotAJob extends Error {
  constructor() {
    super("the relay job does not open");
    this.name = "NotAJob";
  }
}
