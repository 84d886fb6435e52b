/** The installation's own webhook key, Ed25519: for domains whose owner has no account to be shown a secret in. */
import { labels } from "../src/core/seal/labels.ts";
import { publicKeyText, signingKeyText } from "../src/core/webhook/keys.ts";
import { ed25519PublicKey } from "./crypto.ts";
import type { Edge } from "./platform.ts";
import { derivedKey } from "./transit.ts";

/** Signs for domains without an account: receivers verify with the public half that the edge shows at `/webhook-key`. */
export async function installationKey(edge: Edge): Promise<string> {
  const seed = derivedKey(edge, labels.webhookKey);
  return signingKeyText(seed, await ed25519PublicKey(seed));
}

export async function installationPublicKey(edge: Edge): Promise<string> {
  return publicKeyText(await ed25519PublicKey(derivedKey(edge, labels.webhookKey)));
}
