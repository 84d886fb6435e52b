/** The slot that a login without a user or selector is tried against: it costs the same and opens for nobody. */
import type { Keyslot } from "../../core/contract/mailbox.ts";
import { wrapKey } from "../../core/seal/keys.ts";
import { random } from "../platform.ts";

export const dummySlot: Keyslot = wrapKey(
  random(32),
  random(20),
  { id: "none", kind: "app-password", selector: "none00", label: "", createdAt: 0, mailboxId: "none" },
  random,
);
