// Bundles each island (workers/dashboard/islands/*.ts), and the styles, into workers/dashboard/public/. wrangler runs it before it
// bundles the Worker ([build] in wrangler.toml), so `npm start`, the tests and `wrangler deploy` all get the same files.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
// What an island shares with others lives in islands/ too; only these are entry points.
const islands = [
  "site.ts",
  "activity.ts",
  "aliases.ts",
  "charts.ts",
  "mailbox.ts",
  "rotate.ts",
  "keys.ts",
  "passkey.ts",
  "setup.ts",
];

const options = { bundle: true, minify: true, legalComments: "none", logLevel: "warning" };
await Promise.all([
  build({
    ...options,
    entryPoints: islands.map((name) => `${here}islands/${name}`),
    outdir: `${here}public/islands`,
    format: "esm",
    target: "es2022",
  }),
  build({ ...options, entryPoints: [`${here}styles/postern.css`], outfile: `${here}public/postern.css` }),
]);
