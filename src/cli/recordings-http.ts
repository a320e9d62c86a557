import { Readable } from 'node:stream';
import { messageOf } from '../errors.ts';
import { type Manifest, parseManifest } from '../recorder/manifest.ts';
import type { RecordingPage, RecordingQuery } from '../recorder/recording-query.ts';
import type { StoredCast } from '../recorder/storage.ts';
import type { RecordingsSource } from './recordings-source.ts';

const ANSWER_MS = 30_000;

/** A recorder's own answers. */
export class HttpRecordings implements RecordingsSource {
  readonly #base: string;
  readonly #token: string | undefined;

  constructor(url: string, token: string | undefined) {
    const protocol = URL.canParse(url) ? new URL(url).protocol : '';
    if (protocol !== 'http:' && protocol !== 'https:')
      throw new Error(`--url is not an http address: ${url}`);
    this.#base = `${url.replace(/\/$/, '')}/api/v1/recordings`;
    this.#token = token;
  }

  async search(query: RecordingQuery): Promise<RecordingPage> {
    const response = await this.#get(`?${paramsOf(query)}`);
    const list: unknown = await response?.json();
    if (!Array.isArray(list)) throw new Error(`${this.#base} did not answer with a list`);
    const next = /[?&]before=([0-9a-f]{32})[^>]*>; rel="next"/.exec(response?.headers.get('link') ?? '')?.[1];
    return { manifests: list.map(manifestIn), ...(next !== undefined && { next }) };
  }

  async get(id: string): Promise<Manifest | undefined> {
    const response = await this.#get(`/${id}`);
    return response === undefined ? undefined : manifestIn(await response.json());
  }

  async openCast(id: string): Promise<Readable | undefined> {
    const response = await this.#get(`/${id}/cast`);
    if (response === undefined || response.body === null) return undefined;
    return Readable.fromWeb(response.body);
  }

  async openPart(id: string, range: string | undefined): Promise<StoredCast | undefined> {
    const response = await this.#get(`/${id}/cast`, range);
    if (response === undefined) return undefined;
    const body = response.body === null ? Readable.from([]) : Readable.fromWeb(response.body);
    const [, first, last, whole] =
      /^bytes (?:(\d+)-(\d+)|\*)\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? [];
    if (whole === undefined) return { bytes: Number(response.headers.get('content-length')), body };
    const bytes = Number(whole);
    if (first === undefined) return { bytes, part: 'none', body };
    return { bytes, part: { first: Number(first), length: Number(last) - Number(first) + 1 }, body };
  }

  /** Undefined for 404. The bound is on the answer's head: a cast takes as long as it takes. */
  async #get(path: string, range?: string): Promise<Response | undefined> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error('it took too long')), ANSWER_MS);
    const headers = {
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(range === undefined ? {} : { range }),
    };
    let response: Response;
    try {
      response = await fetch(this.#base + path, { headers, redirect: 'error', signal: late.signal });
    } catch (error) {
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      throw new Error(`${this.#base} did not answer: ${messageOf(cause)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
    // 416: nothing lies in that range, which is an answer.
    if (response.ok || response.status === 416) return response;
    const text = await response.text();
    if (response.status === 404) return undefined;
    throw new Error(`${this.#base} answered ${response.status}: ${text.trim()}`);
  }
}

function paramsOf(query: RecordingQuery): URLSearchParams {
  const { sinceMs, untilMs, complete, limit, ...texts } = query;
  return new URLSearchParams({
    ...texts,
    ...(sinceMs !== undefined && { since: new Date(sinceMs).toISOString() }),
    ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }),
    ...(complete !== undefined && { complete: String(complete) }),
    limit: String(limit),
  });
}

function manifestIn(value: unknown): Manifest {
  const manifest = parseManifest(JSON.stringify(value));
  if (manifest === undefined) throw new Error('the recorder answered with something that is no manifest');
  return manifest;
}
