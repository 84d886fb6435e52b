/** A browser's own word about itself, shortened to what its owner recognises. */

/** “Firefox on Linux”, as far as the browser's own word goes. */
export function browserOf(agent: string): string {
  const names: [RegExp, string][] = [
    [/Edg\//, "Edge"],
    [/Firefox\//, "Firefox"],
    [/Chrome\//, "Chrome"],
    [/Safari\//, "Safari"],
    [/curl\//, "curl"],
  ];
  const systems: [RegExp, string][] = [
    [/Android/, "Android"],
    [/iPhone|iPad/, "iOS"],
    [/Mac OS X/, "macOS"],
    [/Windows/, "Windows"],
    [/Linux/, "Linux"],
  ];
  const name = names.find(([pattern]) => pattern.test(agent))?.[1] ?? "A program";
  const system = systems.find(([pattern]) => pattern.test(agent))?.[1];
  return system === undefined ? name : `${name} on ${system}`;
}
