import type { Manifest } from '../recorder/manifest.ts';

/** Options of `recordings list` that are parameters of a search. */
export const FILTERS = [
  'user',
  'namespace',
  'pod',
  'container',
  'command',
  'session',
  'since',
  'until',
  'complete',
  'before',
  'limit',
] as const;

const HEADINGS = ['RECEIVED', 'ID', 'USER', 'POD', 'COMMAND', 'SECONDS', 'BYTES', 'COMPLETE'];
const MAX_COLUMNS = 40;

/** One line a recording under a line of headings. Whatever a session put in is shown without its control characters. */
export function recordingTable(manifests: readonly Manifest[]): string[] {
  const rows = [HEADINGS, ...manifests.map(rowOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return rows.map(
    row =>
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
  );
}

function rowOf({ header, ...manifest }: Manifest): string[] {
  const { Namespace = '', PodName = '', Container = '' } = header?.kubernetes ?? {};
  const user = header?.kubewitness?.['user'];
  return [
    manifest.receivedAt,
    manifest.id,
    cell(typeof user === 'string' ? user : (header?.srcNodeUser ?? '')),
    cell([Namespace, PodName, Container].filter(part => part !== '').join('/')),
    cell(header?.command ?? ''),
    manifest.durationSeconds.toFixed(1),
    String(manifest.bytes),
    manifest.complete ? 'yes' : cell(`no: ${manifest.incompleteReason ?? 'unknown'}`),
  ];
}

function cell(text: string): string {
  const shown = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u00b7');
  if (shown === '') return '-';
  return shown.length > MAX_COLUMNS ? `${shown.slice(0, MAX_COLUMNS - 1)}…` : shown;
}
