// Makes `workers/sign-in/common-data.ts`: a Bloom filter of the passwords on standard input, one a line. The list that it was made of
// is `passwords.json` of @zxcvbn-ts/language-common 4.1.3 (MIT): the most frequent of passwords that were made public.
//   node -e 'console.log(require("./passwords.json").join("\n"))' | node bin/common-passwords.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { filterBytes, hashesOf, shortest } from "../workers/sign-in/bloom.ts";

const words = new Set(
  readFileSync(0, "utf8")
    .split("\n")
    .map((word) => word.trim().toLowerCase()),
);
const kept = [...words].filter((word) => word.length >= shortest);
const bits = new Uint8Array(filterBytes);
for (const word of kept) for (const at of hashesOf(word)) bits[at >> 3] |= 1 << (at & 7);

const text = `/** Made by \`bin/common-passwords.mjs\` of ${kept.length.toLocaleString("en")} passwords; the list is of zxcvbn (MIT), © Dan Wheeler, Dropbox and @zxcvbn-ts. */
export const commonPasswords =
  "${Buffer.from(bits).toString("base64")}";
`;
writeFileSync(new URL("../workers/sign-in/common-data.ts", import.meta.url), text);
console.log(`${kept.length} passwords, ${(bits.length / 1024).toFixed(0)} KiB`);
