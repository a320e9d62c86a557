import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { z } from 'zod';

const RESULT = z.object({
  attempts: z.array(z.object({ recorder: z.string(), failure: z.string() })).nullable(),
  bytes: z.number(),
  sha256: z.string(),
  /** Empty when Tailscale's client calls it a success. */
  error: z.string(),
});

export type TailscaleResult = z.infer<typeof RESULT>;

/**
 * Runs the uploader with a text for its stdin, until it ends by itself. Undefined when it was told to die. Rejects with
 * its stderr.
 */
export async function runUpload(
  binary: string,
  args: readonly string[],
  stdin: string,
): Promise<TailscaleResult | undefined> {
  const child = spawn(binary, args);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // An upload that is refused leaves its input unread; the result says why.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`the uploader ended (code ${child.exitCode}): ${stderr}`);
  return stdout === '' ? undefined : RESULT.parse(JSON.parse(stdout));
}
