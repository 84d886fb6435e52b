import { describe, expect, it } from "vitest";
import { newMailbox } from "../../../src/core/seal/keys.ts";
import { openPrevious, rotateKeys } from "../../../src/core/seal/rotate.ts";
import { random } from "./suite.ts";

describe("a rotated master key", () => {
  it("opens the one before it, for its own mailbox only", () => {
    const first = newMailbox("m1", random);
    const second = rotateKeys("m1", first.masterKey, random);
    expect(second.keyId).not.toBe(first.keyId);
    expect(second.previous.keyId).toBe(first.keyId);
    expect(openPrevious(second.masterKey, "m1", second.previous)).toEqual(first.masterKey);
    expect(openPrevious(second.masterKey, "m2", second.previous)).toBeNull();
    expect(openPrevious(first.masterKey, "m1", second.previous)).toBeNull();
    const other = newMailbox("m1", random);
    expect(openPrevious(second.masterKey, "m1", { ...second.previous, keyId: other.keyId })).toBeNull();
  });
});
