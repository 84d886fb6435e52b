/** The queue's two secrets, derived from the node's key under labels of their own. */
import { hkdfSync } from "node:crypto";
import { labels } from "../../core/seal/labels.ts";

/** `nodeKey` is 32 bytes and stays the caller's. */
export function queueSecrets(nodeKey: Uint8Array): { key: Uint8Array; srsSecrets: Uint8Array[] } {
  if (nodeKey.length !== 32) throw new RangeError("a node key has 32 bytes");
  const derive = (label: string) => new Uint8Array(hkdfSync("sha256", nodeKey, new Uint8Array(0), label, 32));
  return { key: derive(labels.queueDb), srsSecrets: [derive(labels.srsSecret)] };
}
