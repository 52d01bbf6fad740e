import * as z from 'zod/mini';

/** What a model hands over. VS Code has compared it with the schema in the manifest; a test may not have. */
const serverName = z.string().check(z.minLength(1), z.maxLength(256));
const healthInput = z.strictObject({ server: z.optional(serverName) });
const recoverInput = z.strictObject({ server: serverName });

/** `undefined` when it is not what the schema asks for. */
export function parseHealthInput(value: unknown): { readonly server?: string } | undefined {
  const parsed = healthInput.safeParse(value ?? {});
  if (!parsed.success) return undefined;
  return parsed.data.server === undefined ? {} : { server: parsed.data.server };
}

/** `undefined` when it is not what the schema asks for. */
export function parseRecoverInput(value: unknown): { readonly server: string } | undefined {
  const parsed = recoverInput.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
