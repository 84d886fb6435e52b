/** A request's body, or null as soon as it is known to be longer than `most`: a length that is not told is not trusted to be small. */
export async function readBounded(request: Request, most: number): Promise<Uint8Array | null> {
  if (Number(request.headers.get("content-length") ?? 0) > most) return null;
  const whole = new Uint8Array(most);
  let length = 0;
  for await (const part of request.body ?? []) {
    if (length + part.length > most) return null;
    whole.set(part, length);
    length += part.length;
  }
  return whole.subarray(0, length);
}
