import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { BUILD_LIMIT_MS, buildGo, describeWithGo } from '../go-program.ts';

const CASES = fileURLToPath(new URL('alerts.test.yaml', import.meta.url));
const RULES = fileURLToPath(new URL('../../../docs/deploy/alerts.yaml', import.meta.url));

interface Case {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly object[] }[];
}

test('every alert has series that make it fire, and series that do not', () => {
  const rules = parse(readFileSync(RULES, 'utf8')).groups.flatMap(
    (group: { readonly rules: readonly { readonly alert: string }[] }) =>
      group.rules.map(({ alert }) => alert),
  );
  const cases: readonly Case[] = parse(readFileSync(CASES, 'utf8')).tests;
  const named = (fires: boolean): Set<string> =>
    new Set(
      cases
        .flatMap(each => each.alert_rule_test)
        .filter(each => each.exp_alerts.length > 0 === fires)
        .map(({ alertname }) => alertname),
    );
  expect([...named(true)].toSorted()).toEqual(rules.toSorted());
  expect([...named(false)].toSorted()).toEqual(rules.toSorted());
});

describeWithGo("alert rules in Prometheus' own engine", () => {
  let program = '';
  beforeAll(async () => {
    program = await buildGo('alerts');
  }, BUILD_LIMIT_MS);

  const evaluated = (cases: string): Promise<string> =>
    new Promise(resolve => {
      execFile(program, [cases], (error, _stdout, stderr) =>
        resolve(error === null ? '' : stderr || error.message),
      );
    });

  /** The cases with rules of which one text is replaced. */
  function changed(from: string, to: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'kubewitness-alerts-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const rules = readFileSync(RULES, 'utf8');
    expect(rules).toContain(from);
    writeFileSync(join(folder, 'rules.yaml'), rules.replace(from, to));
    const cases = readFileSync(CASES, 'utf8').replace('../../../docs/deploy/alerts.yaml', 'rules.yaml');
    writeFileSync(join(folder, 'cases.yaml'), cases);
    return join(folder, 'cases.yaml');
  }

  test('each fires when it should, with its labels and its words, and not when it should not', async () => {
    expect(await evaluated(CASES)).toBe('');
  });

  test.each([
    [
      'a bound that is passed too early',
      'kubewitness_unacked_age_seconds > 15',
      'kubewitness_unacked_age_seconds > 5',
    ],
    ['a label that is not there', 'action="continuedUnrecorded"', 'action="continued"'],
    ['no expression', 'kubewitness_audit_failing == 1', 'kubewitness_audit_failing =='],
  ])('%s is found', async (_what, from, to) => {
    expect(await evaluated(changed(from, to))).not.toBe('');
  });
});
