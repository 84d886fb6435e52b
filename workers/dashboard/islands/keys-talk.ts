/** What a page and its key maker say to each other, and the page's end of the talk. */
import type { Keyslot, PreviousKey } from "../../../src/core/contract/mailbox.ts";
import { scriptUrl } from "./fragment.ts";

export type Box = { id: string; publicKey: string; keyId: string; keyslots: Keyslot[] };
/** The new key's public half and slots, and the old key wrapped under it. */
export type Rotation = { publicKey: string; keyId: string; previous: PreviousKey; keyslots: Keyslot[] };
export type Asked =
  | { kind: "new"; label: string }
  | { kind: "add" | "rotate"; mailbox: string; label: string; secret: string; keyslots: Keyslot[] };
export type Told =
  | { kind: "progress"; part: number; says: string }
  | { kind: "made"; box: Box; appPassword: string; recoveryCode: string }
  | { kind: "rotated"; rotation: Rotation; appPassword: string; recoveryCode: string }
  | { kind: "added"; slot: Keyslot; appPassword: string }
  | { kind: "failed"; why: string };

export type Progress = (part: number, says: string) => void;

/** Asks a fresh key maker and ends it: nothing of the key outlives the answer. */
export function askKeys(asked: Asked, progress: Progress): Promise<Exclude<Told, { kind: "progress" }>> {
  const worker = new Worker(scriptUrl("/islands/keys.js"), { type: "module" });
  return new Promise((resolve) => {
    const end = (told: Exclude<Told, { kind: "progress" }>) => {
      worker.terminate();
      resolve(told);
    };
    worker.addEventListener("message", ({ data }: MessageEvent<Told>) =>
      data.kind === "progress" ? progress(data.part, data.says) : end(data),
    );
    worker.addEventListener("error", () => end({ kind: "failed", why: "The key maker could not be started." }));
    worker.postMessage(asked);
  });
}
