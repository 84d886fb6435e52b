// Bundles each island (workers/dashboard/islands/*.ts) into workers/dashboard/public/islands/. wrangler runs it before it
// bundles the Worker ([build] in wrangler.toml), so `npm start`, the tests and `wrangler deploy` all get the same files.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
// What an island shares with others lives in islands/ too; only these are entry points.
const islands = [
  "site.ts",
  "activity.ts",
  "aliases.ts",
  "mailbox.ts",
  "rotate.ts",
  "keys.ts",
  "passkey.ts",
  "setup.ts",
];

await build({
  entryPoints: islands.map((name) => `${here}islands/${name}`),
  outdir: `${here}public/islands`,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
});
