import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Definition } from '../../src/metrics/definitions.ts';
import { METRICS } from '../../src/metrics/definitions.ts';

const definitions: ReadonlyMap<string, Definition> = new Map(Object.entries(METRICS));
/** Added by whoever scrapes, by histograms, and by us. */
const GIVEN_LABELS = ['job', 'instance', 'le'];

function page(name: string): string {
  return readFileSync(new URL(`../../docs/deploy/${name}`, import.meta.url), 'utf8');
}

/** The metric behind the name of a series: histograms have three of them. */
function metricOf(series: string): Definition | undefined {
  const exact = definitions.get(series);
  if (exact !== undefined) return exact.kind === 'histogram' ? undefined : exact;
  const base = definitions.get(series.replace(/_(bucket|sum|count)$/, ''));
  return base?.kind === 'histogram' ? base : undefined;
}

/** Series with the labels that select them, and the labels that are summed by, of one PromQL expression. */
function partsOf(expression: string) {
  const series = [...expression.matchAll(/\b((?:kubewitness|k8s_auth_proxy)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, name = '', selector = '']) => ({
      name,
      labels: [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }),
  );
  const by = [...expression.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map(label => label.trim()),
  );
  return { series, by };
}

function problemsOf(expression: string): string[] {
  const { series, by } = partsOf(expression);
  if (series.length === 0) return [`no metric in ${expression}`];
  return series.flatMap(({ name, labels }) => {
    const metric = metricOf(name);
    if (metric === undefined) return [`there is no ${name}`];
    const known = [...(metric.labels ?? []), ...GIVEN_LABELS];
    return [...labels, ...by]
      .filter(label => !known.includes(label))
      .map(label => `${name} has no label ${label}`);
  });
}

/** Every string under that key, wherever it stands. */
function stringsAt(value: unknown, key: string): string[] {
  if (Array.isArray(value)) return value.flatMap(item => stringsAt(item, key));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === key && typeof member === 'string' ? [member] : stringsAt(member, key),
  );
}

describe('docs/deploy', () => {
  test.each([
    ['kubewitness_nothing > 0', ['there is no kubewitness_nothing']],
    ['kubewitness_session_seconds > 0', ['there is no kubewitness_session_seconds']],
    ['sum by (pod) (kubewitness_sessions)', ['kubewitness_sessions has no label pod']],
    ['kubewitness_sessions{user="ann"}', ['kubewitness_sessions has no label user']],
    ['up', ['no metric in up']],
  ])('the check finds what is wrong with %s', (expression, problems) => {
    expect(problemsOf(expression)).toEqual(problems);
  });

  test('alert rules name metrics and labels that there are', () => {
    const rules: unknown = parse(page('alerts.yaml'));
    const expressions = stringsAt(rules, 'expr');
    expect(expressions.length).toBeGreaterThan(5);
    expect(expressions.flatMap(problemsOf)).toEqual([]);
    expect(stringsAt(rules, 'summary')).toHaveLength(expressions.length);
    expect(stringsAt(rules, 'severity')).toHaveLength(expressions.length);
  });

  test('so does the dashboard, and it leaves none of ours out', () => {
    const dashboard: unknown = JSON.parse(page('dashboard.json'));
    const expressions = stringsAt(dashboard, 'expr');
    expect(expressions.flatMap(problemsOf)).toEqual([]);
    const shown = new Set(
      expressions.flatMap(expression => partsOf(expression).series.map(({ name }) => metricOf(name))),
    );
    const ours = [...definitions].filter(([name]) => name.startsWith('kubewitness_'));
    expect(ours.filter(([, metric]) => !shown.has(metric)).map(([name]) => name)).toEqual([]);
  });
});
