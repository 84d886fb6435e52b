/** Errors as problem+json (RFC 9457): the expected ones in their own words, everything else as a 500 that says nothing. */
import type { z } from "zod";
import { Problem } from "../directory/problem.ts";

const titles: Record<number, string> = {
  400: "Bad request",
  401: "Not signed in",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  412: "Changed meanwhile",
  413: "Too large",
  415: "Unsupported media type",
  422: "Invalid input",
  429: "Too many requests",
  500: "Our fault",
  503: "Not now",
};

export type FieldError = { field: string; message: string };

export class WrongFields extends Problem {
  readonly errors: FieldError[];
  constructor(errors: FieldError[]) {
    const detail = errors.map((e) => (e.field === "" ? e.message : `${e.field}: ${e.message}`)).join("; ");
    super(422, "invalid-input", detail.slice(0, 2000), { field: errors[0]?.field });
    this.errors = errors;
  }
}

export class InvalidInput extends WrongFields {
  constructor(issues: readonly z.core.$ZodIssue[]) {
    super(issues.map((issue) => ({ field: issue.path.join("."), message: issue.message })));
  }
}

export function problemResponse(error: unknown): Response {
  if (!(error instanceof Problem)) {
    // A database error embeds the values of its statement: its class is all that may be logged.
    console.error("api", error instanceof Error ? error.name : typeof error);
    return answer(500, { code: "our-fault", detail: "Something went wrong on our side. Please try again." });
  }
  const errors = error instanceof WrongFields ? error.errors : field(error);
  const body = { code: error.code, detail: error.detail, ...(errors.length > 0 ? { errors } : {}) };
  return answer(error.status, body, error.retryAfter);
}

function field(error: Problem): FieldError[] {
  return error.field === null ? [] : [{ field: error.field, message: error.detail }];
}

function answer(status: number, body: Record<string, unknown>, retryAfter: number | null = null): Response {
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (retryAfter !== null) headers["retry-after"] = String(retryAfter);
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="postern"';
  return Response.json({ title: titles[status] ?? "Error", status, ...body }, { status, headers });
}
