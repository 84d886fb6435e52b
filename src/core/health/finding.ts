/** What a look at DNS comes to: a state, what was found, what to do. DNS trouble is its own answer and never reads as "missing". */
import type { DnsAnswer } from "../ports.ts";
import type { WantedRecord } from "./records.ts";

export type CheckState = "pass" | "warn" | "missing" | "wrong" | "trouble";
/** Who can put it right: you at your DNS provider, whoever runs the mail server, or the registrar of the domain. */
export type By = "owner" | "operator" | "registrar";

export type Check = Omit<WantedRecord, "id" | "type"> & {
  id: string;
  type: string;
  by: By;
  state: CheckState;
  /** As DNS has it. */
  found: string[];
  /** What to do; empty when all is well. */
  todo: string;
};

/** `value`: what to set where that is not the record as anybody would set it, but the owner's own with ours in it. */
export type Finding = Pick<Check, "state" | "found" | "todo"> & { value?: string };

export const pass = (found: string[]): Finding => ({ state: "pass", found, todo: "" });
export const warn = (found: string[], todo: string): Finding => ({ state: "warn", found, todo });
export const wrong = (found: string[], todo: string): Finding => ({ state: "wrong", found, todo });
export const missing = (todo: string): Finding => ({ state: "missing", found: [], todo });

export function judged<T>(answer: DnsAnswer<T>, judge: (records: T[]) => Finding): Finding {
  if (answer.kind === "trouble") return troubled(answer.reason);
  return judge(answer.kind === "found" ? answer.records : []);
}

export function troubled(reason: "timeout" | "servfail"): Finding {
  const what = reason === "timeout" ? "did not answer" : "answered with an error";
  return { state: "trouble", found: [], todo: `The domain's DNS servers ${what}. This is checked again by itself.` };
}

/** Names compare without case or final dot. */
export const fold = (name: string): string => name.replace(/\.$/, "").toLowerCase();
