/**
 * A message is declared once, with its method, and the parsers of what it carries; both ends import it.
 * Parsers throw on bad input, and the ends turn that into a logged, answered error.
 */
export interface NotificationType<P> {
  readonly kind: 'notification';
  readonly method: string;
  readonly parse: (value: unknown) => P;
}

export interface RequestType<P, R> {
  readonly kind: 'request';
  readonly method: string;
  readonly parseParams: (value: unknown) => P;
  readonly parseResult: (value: unknown) => R;
}

export function notification<P>(method: string, parse: (value: unknown) => P): NotificationType<P> {
  return { kind: 'notification', method, parse };
}

export function request<P, R>(
  method: string,
  parseParams: (value: unknown) => P,
  parseResult: (value: unknown) => R,
): RequestType<P, R> {
  return { kind: 'request', method, parseParams, parseResult };
}
