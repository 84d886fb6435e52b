// The few globals that Node, workerd and browsers share and that the core uses. Declared by hand so that nothing
// of one runtime's own can slip into the core.
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array, options?: { stream?: boolean }): string;
}
declare class URL {
  static parse(url: string): URL | null;
  readonly href: string;
  readonly protocol: string;
  readonly username: string;
  readonly password: string;
  readonly hostname: string;
  readonly port: string;
  readonly hash: string;
}
declare class AbortSignal {
  static timeout(milliseconds: number): AbortSignal;
}
