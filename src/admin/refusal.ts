import type { IncomingMessage } from 'node:http';
import type { AuditSink } from '../audit/record.ts';
import { messageOf, WitnessError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Visitor } from './access.ts';

/** Characters of a path that stand in the audit. */
const MAX_PATH = 512;

/**
 * What somebody is told who is refused. Who was refused a right, or showed a credential in vain, is written down; that
 * nobody has signed in yet is no news.
 */
export function refusalOf(
  thrown: unknown,
  { headers, method = '', url = '' }: IncomingMessage,
  who: Visitor | undefined,
  { audit, log }: { readonly audit: AuditSink; readonly log: Logger },
): WitnessError {
  if (!(thrown instanceof WitnessError)) {
    log.error({ error: messageOf(thrown) }, 'admin request failed');
    return new WitnessError('KW_INTERNAL', 'the proxy met an internal error', { cause: thrown });
  }
  const { code, message } = thrown;
  if (code === 'KW_FORBIDDEN' || (code === 'KW_UNAUTHENTICATED' && headers.authorization !== undefined)) {
    audit.write({
      type: 'request.refused',
      ...(who?.caller === undefined ? {} : { subject: who.subject }),
      method,
      path: url.split('?', 1)[0]?.slice(0, MAX_PATH) ?? '',
      code,
      message,
    });
  }
  return thrown;
}
