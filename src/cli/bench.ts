/** `postern bench NAME`: the measurements behind the README's figures. */
const benches: Record<string, () => Promise<{ run(args: string[]): Promise<number> }>> = {
  proof: () => import("../../bench/proof.ts"),
  store: () => import("../../bench/store.ts"),
  imap: () => import("../../bench/imap.ts"),
  forward: () => import("../../bench/forward.ts"),
};

export async function run(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  const load = name === undefined ? undefined : benches[name];
  if (load !== undefined) return (await load()).run(rest);
  process.stderr.write(`usage: npm run bench -- ${Object.keys(benches).join(" | ")}\n`);
  return 2;
}
