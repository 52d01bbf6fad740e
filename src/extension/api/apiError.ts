import type { LifelineErrorCode } from '../../../api/mcp-lifeline.d.ts';

/** What other extensions are given; they compare `code`, because they do not have this class. */
export class ApiError extends Error {
  readonly code: LifelineErrorCode;

  constructor(code: LifelineErrorCode, message: string) {
    super(message);
    this.name = 'McpLifelineError';
    this.code = code;
  }
}
