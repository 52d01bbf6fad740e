import { assertNever } from '../../shared/base/assertNever.ts';
import type { ActionId } from '../health/conditions.ts';
import type { Translate } from '../translate.ts';

/** The words around an action on one server. */

/** Over the list of servers that it is offered for. */
export function questionFor(action: ActionId, t: Translate): string {
  switch (action) {
    case 'resetBreaker':
      return t('Select the server whose breaker is to be reset');
    case 'isolate':
      return t('Select the server to isolate');
    case 'rejoin':
      return t('Select the server to rejoin');
    case 'freePort':
      return t('Select the server whose port is to be freed');
    case 'acceptChange':
      return t('Select the server whose change is to be accepted');
    default:
      return assertNever(action);
  }
}

/** There is no server that it would do anything for. */
export function noServerFor(action: ActionId, t: Translate): string {
  switch (action) {
    case 'resetBreaker':
      return t('No MCP server has a breaker to reset: all are closed.');
    case 'isolate':
      return t('There is no MCP server to isolate.');
    case 'rejoin':
      return t('No MCP server is isolated.');
    case 'freePort':
      return t('No MCP server is kept from its port by an old process of its own.');
    case 'acceptChange':
      return t('No MCP server offers less than before.');
    default:
      return assertNever(action);
  }
}

/** While it is under way. */
export function progressFor(action: ActionId, server: string, t: Translate): string {
  switch (action) {
    case 'resetBreaker':
      return t('Resetting the breaker of "{0}"…', server);
    case 'isolate':
      return t('Isolating "{0}"…', server);
    case 'rejoin':
      return t('Rejoining "{0}"…', server);
    case 'freePort':
      return t('Freeing the port of "{0}"…', server);
    case 'acceptChange':
      return t('Accepting the change of "{0}"…', server);
    default:
      return assertNever(action);
  }
}

/** It is done. */
export function actionMessage(action: ActionId, server: string, t: Translate): string {
  switch (action) {
    case 'resetBreaker':
      return t('The breaker of "{0}" is closed, and its failures are forgotten.', server);
    case 'isolate':
      return t('"{0}" is isolated: calls to it are refused until you rejoin it.', server);
    case 'rejoin':
      return t('"{0}" is in use again.', server);
    case 'freePort':
      return t('The old process on the port of "{0}" was ended, and the server is started again.', server);
    case 'acceptChange':
      return t('What "{0}" offers now counts as complete.', server);
    default:
      return assertNever(action);
  }
}
