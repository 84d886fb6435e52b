// What tests use of vite's `import.meta.glob`: case files as text, the same in Node and workerd.
declare global {
  interface ImportMeta {
    glob<T = unknown>(
      pattern: string | readonly string[],
      options: { query: "?raw"; import: "default"; eager: true },
    ): Record<string, T>;
  }
}

export {};
