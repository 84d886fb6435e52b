/**
 * Autodiscover version 2: one JSON question, one JSON answer. It only ever says where a protocol's own service is; of those
 * that a program may ask for, the one we have is version 1 (`autodiscover.ts`).
 */
export type AutodiscoverJson =
  | { status: 200; body: { Protocol: string; Url: string } }
  | { status: 400 | 404; body: { ErrorCode: string; ErrorMessage: string } };

/** `url` is where version 1 is served. */
export function autodiscoverJson(protocol: string, url: string): AutodiscoverJson {
  if (protocol === "") return refusal(400, "MandatoryParameterMissing", "The parameter Protocol is missing.");
  if (protocol.toLowerCase() === "autodiscoverv1")
    return { status: 200, body: { Protocol: "AutodiscoverV1", Url: url } };
  return refusal(400, "InvalidProtocol", "Of the protocols only AutodiscoverV1 is offered here.");
}

export function unknownUser(): AutodiscoverJson {
  return refusal(404, "UserNotFound", "No mail of this address's domain is served here.");
}

function refusal(status: 400 | 404, ErrorCode: string, ErrorMessage: string): AutodiscoverJson {
  return { status, body: { ErrorCode, ErrorMessage } };
}
