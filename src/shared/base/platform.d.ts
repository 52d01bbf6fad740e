// What every JavaScript platform has and the ES library does not declare. Seen only by this folder's own project:
// the others get these from their platform's types.
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  decode(bytes: Uint8Array): string;
}
declare class URL {
  constructor(text: string, base?: string);
  static canParse(text: string, base?: string): boolean;
  readonly hostname: string;
  readonly href: string;
  readonly password: string;
  readonly protocol: string;
  readonly username: string;
  hash: string;
}
