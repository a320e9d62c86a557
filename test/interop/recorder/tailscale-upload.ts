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

/** A program that takes longer hangs, and is killed. */
const RUN_LIMIT_MS = 60_000;

/** Runs the uploader. Undefined when it was told to die, and has. */
export async function runUpload(
  binary: string,
  args: readonly string[],
  stdin: string,
): Promise<TailscaleResult | undefined> {
  const stdout = await run(binary, args, stdin);
  return stdout === '' ? undefined : RESULT.parse(JSON.parse(stdout));
}

/** Runs a program with a text for its stdin, until it ends. Rejects with its stderr. */
export async function run(binary: string, args: readonly string[], stdin: string): Promise<string> {
  const child = spawn(binary, args, { timeout: RUN_LIMIT_MS });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A program that ends before its input does has said why.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  await once(child, 'close');
  if (child.exitCode === 0) return stdout;
  throw new Error(`the uploader ended (code ${child.exitCode}, signal ${child.signalCode}): ${stderr}`);
}
