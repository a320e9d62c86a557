import { readFileSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import { RECORDING_HEADER } from '../relay/handshake.ts';
import type { Endpoint, RawAnswer } from './check-raw.ts';
import { askRaw } from './check-raw.ts';
import type { Road, RoadTarget } from './check-road-list.ts';
import { roadsOf } from './check-road-list.ts';

export interface RoadsCommand extends RoadTarget {
  /** `https://host:port` of the proxy. */
  readonly url: string;
  readonly ca: string;
  readonly tokenFile: string;
}

export type Verdict =
  | 'recorded'
  | 'refused'
  | 'refused by the API server'
  | 'PASSED UNRECORDED'
  | 'NO ANSWER';

/** For one answer. A session waits for its recorders, whose own bound is 30 s. */
const ANSWER_MS = 40_000;

/**
 * `kubewitness check --roads`: tries every road around the recorder against a running proxy, as one caller, and prints
 * what came of each. Rejects when one of them passed unrecorded, or was not answered at all.
 */
export async function checkRoads(command: RoadsCommand): Promise<void> {
  const endpoint: Endpoint = {
    ...readUrl(command.url),
    ca: read(command.ca),
    token: read(command.tokenFile).trim(),
  };
  await refuseWithoutBaseline(endpoint, command);
  const rows: { readonly road: Road; readonly answer: RawAnswer; readonly verdict: Verdict }[] = [];
  for (const road of roadsOf(command)) {
    const answer = await askRaw(endpoint, road.request, ANSWER_MS);
    rows.push({ road, answer, verdict: verdictOf(road, answer) });
  }
  const cells = rows.map(({ road, answer, verdict }) => [road.name, answerText(answer), verdict] as const);
  process.stdout.write(table([['ROAD', 'ANSWER', 'VERDICT'], ...cells]));
  const count = (...wanted: Verdict[]): number =>
    rows.filter(({ verdict }) => wanted.includes(verdict)).length;
  const passed = count('PASSED UNRECORDED');
  const silent = count('NO ANSWER');
  const refused = count('refused', 'refused by the API server');
  process.stdout.write(
    `\n${rows.length} roads: ${count('recorded')} recorded, ${refused} refused, ` +
      `${passed} passed unrecorded, ${silent} without an answer\n`,
  );
  if (passed > 0) throw new Error(`${passed} of ${rows.length} roads lead past the recorder for this caller`);
  if (silent > 0) throw new Error(`${silent} of ${rows.length} roads were not answered`);
}

/** What an answer says of a road. Only a proxy that has a recorder for a session marks its 101. */
export function verdictOf(road: Road, answer: RawAnswer): Verdict {
  if (answer.kind === 'silent') return 'NO ANSWER';
  if (answer.kind === 'closed') return 'refused';
  const { status } = answer;
  if (status < 400) return has(answer.lines, RECORDING_HEADER) ? 'recorded' : 'PASSED UNRECORDED';
  // The API server names its audit id in each answer. What it refuses has come that far, and another day another
  // name is found there; only its own "no" to this caller, or to such a path at all, closes the road.
  if (!has(answer.lines, 'Audit-Id')) return 'refused';
  const closed = status === 401 || status === 403 || status === 405;
  return closed || (status === 404 && road.unknownToKubernetes)
    ? 'refused by the API server'
    : 'PASSED UNRECORDED';
}

/** Where nothing at all is let in, refusals would prove nothing. */
async function refuseWithoutBaseline(endpoint: Endpoint, { namespace, pod }: RoadTarget): Promise<void> {
  const target = `/api/v1/namespaces/${namespace}/pods/${pod}`;
  const answer = await askRaw(endpoint, { method: 'GET', target, lines: [] }, ANSWER_MS);
  if (answer.kind === 'answered' && answer.status === 200) return;
  throw new Error(
    `the caller must be able to read the pod ${namespace}/${pod} for the check to mean something; ` +
      `the answer was ${answerText(answer)}`,
  );
}

function has(lines: readonly string[], name: string): boolean {
  return lines.some(line => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
}

function answerText(answer: RawAnswer): string {
  return answer.kind === 'answered' ? String(answer.status) : answer.kind;
}

function table(rows: readonly (readonly string[])[]): string {
  const width = (column: number): number => Math.max(...rows.map(row => row[column]?.length ?? 0));
  const widths = [width(0), width(1)];
  return rows
    .map(row => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`)
    .join('');
}

/** The parts of `https://host[:port]`, IPv6 in brackets. */
export function readUrl(url: string): { readonly host: string; readonly port: number } {
  const match = /^https:\/\/(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::([0-9]{1,5}))?\/?$/.exec(url);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 443);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new Error(`${JSON.stringify(url)} is not https://host:port`);
  }
  return { host, port };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}
