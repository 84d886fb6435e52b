// What the store uses of a native module that ships no usable types.
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
