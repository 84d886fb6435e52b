/** How one attempt to deliver ended. */
export type Ending = {
  kind: "delivered" | "tempfail" | "permfail";
  /** RFC 3463, class digit included. */
  enhanced: string;
  /** The remote's reply code; null when the reason is ours. */
  code: number | null;
  /** The remote's reply or our reason: one safe line. */
  detail: string;
  /** Which host said so; empty when none was reached. */
  host: string;
  /** No server of the destination could be talked to: the whole host rests. */
  hostDown: boolean;
};
