/** What a page says after a form was carried out. Named in the address, so no stranger's text can be put on our pages. */
const notes: Record<string, string> = {
  "alias-added": "The alias is live. Mail to it is taken from now on.",
  "alias-changed": "Saved.",
  "alias-removed": "The alias is gone. Mail to it is refused from now on.",
  "aliases-changed": "Done.",
  "domain-added": "The domain is here. Next: prove that it is yours.",
  "dns-applied": "Cloudflare has taken the changes. The checks below turn green within a minute or so.",
  "domain-removed": "The domain and its aliases are gone.",
  "domain-proved": "Proven: the domain is yours, and receives mail from now on.",
  "mailbox-added": "The mailbox is ready.",
  "device-revoked": "That device is cut off. Its sessions ended at once.",
  "device-added": "The device can sign in now.",
  "signed-out": "You are signed out.",
  "session-revoked": "That session is ended.",
  "sessions-revoked": "All other sessions are ended.",
  "password-changed": "Your password is changed, and your other sessions are ended.",
  "key-removed": "The API key no longer works.",
  "totp-on": "Done. From now on signing in asks for a code.",
  "totp-off": "Signing in no longer asks for a code.",
  "passkey-added": "The passkey works from now on.",
  "passkey-removed": "The passkey no longer works.",
  "name-changed": "Saved.",
  "member-removed": "They no longer belong to this domain.",
  "member-changed": "Saved.",
  "invitation-removed": "The invitation no longer works.",
  joined: "Welcome. You belong to this domain now.",
  "settings-changed": "Saved.",
  "hook-added": "The webhook is ready to be an alias's destination.",
  "hook-changed": "Saved.",
  "hook-removed": "The webhook is gone.",
  "rule-added": "The rule counts from now on.",
  "rule-removed": "The rule is gone.",
};

export function noteOf(name: string | undefined): string | null {
  return name === undefined ? null : Object.hasOwn(notes, name) ? (notes[name] ?? null) : null;
}
