/** Passkeys in the browser: signing in with one, adding one. WebAuthn's bytes go as base64url. */
import { fromBase64url, toBase64url, utf8 } from "../../../src/core/bytes.ts";
import { ask, Refused, wordsFor } from "./ask.ts";

type Question = { challenge: string; rpId: string };
type NewQuestion = Question & { user: { id: string; name: string }; known: string[] };

const trouble = document.querySelector<HTMLElement>("[data-passkey-trouble]");
const able = "PublicKeyCredential" in globalThis;

const enter = document.querySelector<HTMLButtonElement>("[data-passkey-in]");
if (enter !== null && able) {
  enter.hidden = false;
  enter.addEventListener("click", () => void attempt(() => signIn(enter.dataset["passkeyIn"] ?? "/")));
}

const again = document.querySelector<HTMLButtonElement>("[data-passkey-prove]");
if (again !== null && able) {
  again.hidden = false;
  again.addEventListener("click", () => void attempt(() => prove(again.dataset["passkeyProve"] ?? "/security")));
}

const add = document.querySelector<HTMLFormElement>("[data-passkey-add]");
if (add !== null && able) {
  add.hidden = false;
  add.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = new FormData(add).get("name");
    void attempt(() => addPasskey(typeof name === "string" ? name : "Passkey"));
  });
}

async function attempt(work: () => Promise<void>): Promise<void> {
  if (trouble !== null) trouble.hidden = true;
  try {
    await work();
  } catch (error) {
    if (trouble === null) return;
    trouble.hidden = false;
    const cancelled = error instanceof DOMException;
    trouble.textContent = cancelled ? "No passkey was given. You can try again." : wordsFor(error);
  }
}

const signIn = (next: string): Promise<void> => answerWith("/session/passkey", next);
const prove = (next: string): Promise<void> => answerWith("/session/proof/passkey", next);

async function answerWith(path: string, next: string): Promise<void> {
  const { challenge, rpId } = (await ask("POST", "/session/passkey/question")) as Question;
  const publicKey = { challenge: bytesOf(challenge), rpId, userVerification: "required" as const };
  const given = await navigator.credentials.get({ publicKey });
  if (!(given instanceof PublicKeyCredential) || !(given.response instanceof AuthenticatorAssertionResponse)) return;
  const { clientDataJSON, authenticatorData, signature } = given.response;
  await ask("POST", path, {
    id: given.id,
    clientDataJSON: spell(clientDataJSON),
    authenticatorData: spell(authenticatorData),
    signature: spell(signature),
  });
  location.assign(/^\/(?![/\\])/.test(next) ? next : "/");
}

async function addPasskey(name: string): Promise<void> {
  const asked = await question();
  const made = await navigator.credentials.create({
    publicKey: {
      challenge: bytesOf(asked.challenge),
      rp: { id: asked.rpId, name: "Postern" },
      user: { id: utf8(asked.user.id), name: asked.user.name, displayName: asked.user.name },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key" as const, alg })),
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      excludeCredentials: asked.known.map((id) => ({ type: "public-key" as const, id: fromBase64url(id) })),
    },
  });
  if (!(made instanceof PublicKeyCredential) || !(made.response instanceof AuthenticatorAttestationResponse)) return;
  const { clientDataJSON, attestationObject } = made.response;
  await ask("POST", "/account/passkeys", {
    name,
    clientDataJSON: spell(clientDataJSON),
    attestationObject: spell(attestationObject),
  });
  location.assign("/security?done=passkey-added");
}

async function question(): Promise<NewQuestion> {
  try {
    return (await ask("POST", "/account/passkeys/question")) as NewQuestion;
  } catch (error) {
    if (error instanceof Refused && error.code === "prove-again") location.assign("/security/prove");
    throw error;
  }
}

/** Browsers write the challenge into client data as base64url: handing them the decoded bytes gives our own text back. */
function bytesOf(challenge: string): Uint8Array<ArrayBuffer> {
  return fromBase64url(challenge);
}

function spell(bytes: ArrayBuffer): string {
  return toBase64url(new Uint8Array(bytes));
}
