// What we use of a native module that ships no usable types. `backup`, `serialize` and `loadExtension` are left out on purpose:
// they would write or read mail in clear.
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
