/**
 * The one expected error of everything a person asks of the directory. The API turns it into problem+json (RFC 9457), a
 * page into a sentence beside the form. `detail` is public and says what to do; a private cause goes to the log only.
 */
export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 422 | 429 | 503;

export class Problem extends Error {
  readonly status: ProblemStatus;
  /** Stable, machine-readable name (`alias-exists`). */
  readonly code: string;
  readonly detail: string;
  /** The input field it is about, when there is one. */
  readonly field: string | null;
  /** Seconds, with 429 and 503. */
  readonly retryAfter: number | null;

  constructor(
    status: ProblemStatus,
    code: string,
    detail: string,
    more: { field?: string | undefined; retryAfter?: number | undefined } = {},
  ) {
    super(code);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.field = more.field ?? null;
    this.retryAfter = more.retryAfter ?? null;
  }
}

/** One answer for "is not there" and "is not yours": ids of other people's things can't be told from wrong ones. */
export function notFound(what: string): Problem {
  return new Problem(404, "not-found", `There is no such ${what} here, or it is not yours.`);
}
