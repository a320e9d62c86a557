import { createHash } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import { messageOf } from '../errors.ts';
import { xmlValue } from './s3-xml.ts';
import { errnoOf } from './storage.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface S3Place {
  /** `https://s3.example.net`; the bucket is the first part of the path, which every S3 server understands. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Before every object's name; empty, or ends with `/`. */
  readonly prefix: string;
}

export interface S3ClientOptions extends S3Place {
  /** Asked for each request, so that rotated credentials count at once. */
  readonly credentials: () => Promise<S3Credentials>;
  /** One request, its body and its answer included. */
  readonly requestMs?: number;
}

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Below the prefix; undefined for the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Instead of the client's own bound, for bodies that are read slowly. */
  readonly limitMs?: number;
}

const REQUEST_MS = 120_000;

/** `status` 0: no answer came. `code` is S3's word, or the errno name. */
export class S3Error extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'S3Error';
    this.status = status;
    this.code = code;
  }
}

/** Signed requests to one bucket. Never retries: whoever calls knows what may be said twice. */
export class S3Client {
  readonly place: S3Place;
  readonly #credentials: () => Promise<S3Credentials>;
  readonly #requestMs: number;

  constructor({ credentials, requestMs = REQUEST_MS, ...place }: S3ClientOptions) {
    this.place = place;
    this.#credentials = credentials;
    this.#requestMs = requestMs;
  }

  /** Resolves to an answer of class 2xx; everything else is an S3Error. The caller reads or cancels the body. */
  async send(request: S3Request): Promise<Response> {
    const what = `${request.method} ${request.key ?? 'bucket'}`;
    let response: Response;
    try {
      response = await fetch(await this.#sign(request));
    } catch (error) {
      throw lost(what, error);
    }
    if (response.ok) return response;
    const text = await response.text().catch(() => '');
    const code = xmlValue(text, 'Code') ?? '';
    const said = [code, xmlValue(text, 'Message')].filter(part => part !== undefined && part !== '');
    const words = said.length === 0 ? '' : ` (${said.join(': ')})`;
    throw new S3Error(response.status, code, `${what} was answered ${response.status}${words}`);
  }

  async text(request: S3Request): Promise<string> {
    const response = await this.send(request);
    try {
      return await response.text();
    } catch (error) {
      throw lost(`${request.method} ${request.key ?? 'bucket'}`, error);
    }
  }

  async #sign({ method, key, query, headers, body, limitMs }: S3Request): Promise<Request> {
    const { endpoint, region, bucket, prefix } = this.place;
    const path = key === undefined ? bucket : `${bucket}/${prefix}${key}`;
    const url = new URL(`${endpoint.replace(/\/$/, '')}/${path}`);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    const client = new AwsClient({ ...(await this.#credentials()), region, service: 's3' });
    return client.sign(url, {
      method,
      headers: {
        ...headers,
        'x-amz-content-sha256': createHash('sha256')
          .update(body ?? '')
          .digest('hex'),
      },
      redirect: 'manual',
      signal: AbortSignal.timeout(limitMs ?? this.#requestMs),
      ...(body !== undefined && { body: new Uint8Array(body) }),
    });
  }
}

/** What fetch throws says only that it failed; its cause says how. */
function lost(what: string, thrown: unknown): S3Error {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  const code = errnoOf(cause) ?? '';
  return new S3Error(0, code, `${what} got no answer: ${messageOf(cause)}`, { cause: thrown });
}
