// What the store uses of two native modules that ship no usable types. `backup`, `serialize` and `loadExtension` are left out on
// purpose: they would write or read mail in clear.
declare module "better-sqlite3" {
  export interface Statement {
    run(...values: unknown[]): { changes: number; lastInsertRowid: number | bigint };
    get(...values: unknown[]): unknown;
    all(...values: unknown[]): unknown[];
    iterate(...values: unknown[]): IterableIterator<unknown>;
    raw(on: boolean): this;
    pluck(on: boolean): this;
  }
  class SqliteError extends Error {
    readonly code: string;
  }
  export default class Sqlite {
    constructor(path: string, options?: { readonly?: boolean; fileMustExist?: boolean; timeout?: number });
    static readonly SqliteError: typeof SqliteError;
    readonly inTransaction: boolean;
    prepare(text: string): Statement;
    exec(text: string): this;
    key(key: Buffer): number;
    rekey(key: Buffer): number;
    pragma(text: string, options?: { simple: boolean }): unknown;
    function(name: string, options: { deterministic: boolean }, work: (...values: unknown[]) => unknown): this;
    close(): this;
  }
}

declare module "sodium-native" {
  const sodium: {
    /** Guarded pages, locked where RLIMIT_MEMLOCK allows it. */
    sodium_malloc(size: number): Buffer;
    sodium_memzero(buffer: Uint8Array): void;
    sodium_mprotect_noaccess(buffer: Buffer): void;
    sodium_mprotect_readonly(buffer: Buffer): void;
    sodium_mprotect_readwrite(buffer: Buffer): void;
    sodium_free(buffer: Buffer): void;
  };
  export default sodium;
}
