import { messageOf } from '../errors.ts';

/** One thing that must hold for the proxy to do its work. Plain functions, so that probes and people can both run them. */
export interface Check {
  /** One word, for `?exclude=` and for alerts. */
  readonly name: string;
  /**
   * For how long an answer holds, milliseconds: probes come every few seconds from every node's kubelet and balancer, and
   * must not become load for what they ask. 0: it costs nothing and is looked at each time.
   */
  readonly keepMs: number;
  /** Resolves with what is worth saying, if anything; rejects with the reason, fit to show. */
  run(signal: AbortSignal): Promise<string | undefined> | string | undefined;
}

export type CheckResult =
  | { readonly name: string; readonly ok: true; readonly detail?: string }
  | { readonly name: string; readonly ok: false; readonly reason: string };

/** Runs a check to its end, or to `limitMs`: what has not answered by then has failed. Never rejects. */
export async function runCheck(check: Check, limitMs: number): Promise<CheckResult> {
  const { name } = check;
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  try {
    const detail = await Promise.race([Promise.resolve(check.run(abort.signal)), late]);
    return { name, ok: true, ...(detail === undefined ? {} : { detail: oneLine(detail) }) };
  } catch (error) {
    return { name, ok: false, reason: oneLine(messageOf(error)) };
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

/** A line of the probe's text each; what others say may have more of them. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, '; ');
}
