import type { Command } from 'commander';
import { Option } from 'commander';
import type { CheckResult } from '../checks/check.ts';
import { runCheck } from '../checks/check.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { createLogger } from '../log.ts';
import { adviceFor } from './doctor-advice.ts';
import { doctorChecks } from './doctor-checks.ts';
import { readConfig } from './read-config.ts';
import { readText } from './read-text.ts';

/** Of one question to one peer, and of one check: tailscaled can take its time over a certificate. Milliseconds. */
const ASK_MS = 5_000;
const CHECK_MS = 20_000;

/** What came of one check, and where it failed what to do about it. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'failed' | 'notTried';
  readonly text?: string;
  readonly fix?: string;
}

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
      const ok = findings.every(({ state }) => state === 'ok');
      process.stdout.write(
        output === 'json' ? `${JSON.stringify({ ok, checks: findings }, undefined, 2)}\n` : textOf(findings),
      );
      if (!ok) process.exitCode = 1;
    });
}

/** Tries the API server first, and then all the rest at once. */
async function examine(file: string): Promise<Finding[]> {
  let config: Config;
  try {
    config = readConfig(readText(file), file);
  } catch (error) {
    return messageOf(error)
      .split('\n')
      .map(reason => findingOf({ name: 'config', ok: false, reason }));
  }
  const parts = { clock: systemClock, log: createLogger('silent'), readText, askMs: ASK_MS };
  const [upstream, ...others] = doctorChecks(config, parts);
  if (upstream === undefined) return [];
  const first = await runCheck(upstream, CHECK_MS);
  const rest = others.map(async (check): Promise<Finding> => {
    if (check.needsUpstream && !first.ok)
      return { name: check.name, state: 'notTried', text: `${upstream.name} comes first` };
    return findingOf(await runCheck(check, CHECK_MS));
  });
  return [
    findingOf({ name: 'config', ok: true, detail: file }),
    findingOf(first),
    ...(await Promise.all(rest)),
  ];
}

function findingOf(result: CheckResult): Finding {
  const { name } = result;
  if (result.ok)
    return { name, state: 'ok', ...(result.detail === undefined ? {} : { text: result.detail }) };
  const fix = adviceFor(name);
  return { name, state: 'failed', text: result.reason, ...(fix === undefined ? {} : { fix }) };
}

const MARKS = { ok: 'ok  ', failed: 'FAIL', notTried: '-   ' } as const;

function textOf(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, state, text = '', fix }) => {
    const line = `${MARKS[state]}  ${name.padEnd(width)}  ${text}`.trimEnd();
    return fix === undefined ? [line] : [line, `${' '.repeat(width + 8)}fix: ${fix}`];
  });
  const failed = findings.filter(({ state }) => state === 'failed').length;
  return [...lines, failed === 0 ? 'all is well' : `${failed} of ${findings.length} to mend`, ''].join('\n');
}
