import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { CheckResult } from '../checks/check.ts';
import { runCheck } from '../checks/check.ts';
import { systemClock } from '../clock.ts';
import { withFiles } from '../config/files.ts';
import { parseConfig } from '../config/parse.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { createLogger } from '../log.ts';
import { adviceFor } from './doctor-advice.ts';
import { doctorChecks } from './doctor-checks.ts';
import { readText } from './read-text.ts';

/** Of one question to one peer, and of one check: tailscaled can take its time over a certificate. Milliseconds. */
const ASK_MS = 5_000;
const CHECK_MS = 20_000;

/** A result, and where it is bad what to do about it. */
export type Finding = CheckResult & { readonly fix?: string };

/** Adds `kubewitness doctor`. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('try everything that a configuration depends on, and say what to mend; exits 1 if anything')
    .option('--config <file>', 'the configuration; required')
    .addOption(
      new Option('--output <form>', 'for people or for programs').choices(['text', 'json']).default('text'),
    )
    .action(async ({ config, output }: { config?: string; output: 'text' | 'json' }, command: Command) => {
      if (config === undefined) command.error("error: required option '--config <file>' not specified");
      const findings = await examine(config);
      const ok = findings.every(finding => finding.ok);
      process.stdout.write(
        output === 'json' ? `${JSON.stringify({ ok, checks: findings }, undefined, 2)}\n` : textOf(findings),
      );
      if (!ok) process.exitCode = 1;
    });
}

/** Tries all of it at once; the order is that of the checks. */
async function examine(file: string): Promise<Finding[]> {
  let config: Config;
  try {
    const folder = dirname(resolve(file));
    config = withFiles(parseConfig(readText(file), file), named => resolve(folder, named));
  } catch (error) {
    return messageOf(error)
      .split('\n')
      .map(reason => withAdvice({ name: 'config', ok: false, reason }));
  }
  const parts = { clock: systemClock, log: createLogger('silent'), readText, askMs: ASK_MS };
  const results = await Promise.all(doctorChecks(config, parts).map(check => runCheck(check, CHECK_MS)));
  return [{ name: 'config', ok: true as const, detail: file }, ...results].map(withAdvice);
}

function withAdvice(result: CheckResult): Finding {
  const fix = result.ok ? undefined : adviceFor(result.name);
  return fix === undefined ? result : { ...result, fix };
}

function textOf(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(finding => {
    const text = finding.ok ? finding.detail : finding.reason;
    const line = `${finding.ok ? 'ok  ' : 'FAIL'}  ${finding.name.padEnd(width)}  ${text ?? ''}`.trimEnd();
    return finding.fix === undefined ? [line] : [line, `${' '.repeat(width + 8)}fix: ${finding.fix}`];
  });
  const bad = findings.filter(({ ok }) => !ok).length;
  return [...lines, bad === 0 ? 'all is well' : `${bad} of ${findings.length} to mend`, ''].join('\n');
}
