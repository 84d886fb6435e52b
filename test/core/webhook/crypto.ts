// The core's Crypto port as far as webhooks need it, by WebCrypto, which Node and workerd share.
import { concat, fromBase64url } from "../../../src/core/bytes.ts";
import type { Crypto } from "../../../src/core/ports.ts";

const head = new Uint8Array([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);
const name = "Ed25519";

export const webCrypto: Pick<Crypto, "signEd25519" | "verifyEd25519"> = {
  async signEd25519(seed, message) {
    const key = await crypto.subtle.importKey("pkcs8", concat(head, seed), name, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign(name, key, message.slice()));
  },
  async verifyEd25519(publicKey, message, signature) {
    const key = await crypto.subtle.importKey("raw", publicKey.slice(), name, false, ["verify"]);
    return (await crypto.subtle.verify(name, key, signature.slice(), message.slice())) ? "good" : "bad";
  },
};

export async function publicKeyOf(seed: Uint8Array): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("pkcs8", concat(head, seed), name, true, ["sign"]);
  return fromBase64url((await crypto.subtle.exportKey("jwk", key)).x ?? "");
}
