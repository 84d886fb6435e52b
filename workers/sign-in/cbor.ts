/** The little CBOR (RFC 8949) that authenticators speak: integers, strings, arrays, maps, definite lengths only (CTAP2's canonical form). */
export type Cbor = number | string | boolean | null | Uint8Array | Cbor[] | Map<Cbor, Cbor>;

const maxDepth = 8;

/** The value at `at` and where it ends. Throws RangeError on anything cut or outside this subset. */
export function readCbor(bytes: Uint8Array, at = 0, depth = 0): { value: Cbor; end: number } {
  if (depth > maxDepth) throw new RangeError("CBOR too deep");
  const first = byteAt(bytes, at);
  const { value: n, end } = readLength(bytes, at + 1, first & 31);
  switch (first >> 5) {
    case 0:
      return { value: n, end };
    case 1:
      return { value: -1 - n, end };
    case 2:
      return { value: slice(bytes, end, n), end: end + n };
    case 3:
      return { value: new TextDecoder().decode(slice(bytes, end, n)), end: end + n };
    case 4:
      return readArray(bytes, end, n, depth);
    case 5:
      return readMap(bytes, end, n, depth);
    default:
      return { value: simple(first), end };
  }
}

function readLength(bytes: Uint8Array, at: number, info: number): { value: number; end: number } {
  if (info < 24) return { value: info, end: at };
  const size = [1, 2, 4][info - 24];
  if (size === undefined) throw new RangeError("CBOR length");
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + byteAt(bytes, at + i);
  return { value, end: at + size };
}

function readArray(bytes: Uint8Array, at: number, n: number, depth: number): { value: Cbor; end: number } {
  const items: Cbor[] = [];
  let end = at;
  for (let i = 0; i < n; i++) {
    const item = readCbor(bytes, end, depth + 1);
    items.push(item.value);
    end = item.end;
  }
  return { value: items, end };
}

function readMap(bytes: Uint8Array, at: number, n: number, depth: number): { value: Cbor; end: number } {
  const map = new Map<Cbor, Cbor>();
  let end = at;
  for (let i = 0; i < n; i++) {
    const key = readCbor(bytes, end, depth + 1);
    const value = readCbor(bytes, key.end, depth + 1);
    map.set(key.value, value.value);
    end = value.end;
  }
  return { value: map, end };
}

function simple(first: number): Cbor {
  if (first === 0xf4) return false;
  if (first === 0xf5) return true;
  if (first === 0xf6) return null;
  throw new RangeError("CBOR type");
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError("CBOR is cut");
  return byte;
}

function slice(bytes: Uint8Array, at: number, n: number): Uint8Array {
  if (at + n > bytes.length) throw new RangeError("CBOR is cut");
  return bytes.subarray(at, at + n);
}
