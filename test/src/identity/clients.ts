import { readFileSync } from 'node:fs';
import { generate } from 'selfsigned';

/** Texts of the fixtures beside this file (`fixtures/make.sh` made them). */
export function fixture(name: string): string {
  return readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');
}

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly caPem: string;
  issue(subject: Subject, options?: IssueOptions): Promise<KeyPair>;
}

type Subject = Readonly<Record<'CN' | 'O', string | undefined>>;

interface IssueOptions {
  readonly from?: Date;
  readonly to?: Date;
  /** For servers, not for clients. */
  readonly server?: boolean;
}

const KEY = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

/** An authority made for one run. */
export async function authority(name: string): Promise<Authority> {
  const ca = await generate([{ name: 'commonName', value: name }], {
    ...KEY,
    notBeforeDate: new Date(Date.now() - 3_600_000),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    caPem: ca.cert,
    issue: (subject, options) => issuedBy({ cert: ca.cert, key: ca.private }, subject, options),
  };
}

/** A certificate signed with the key of another, whether that may sign or not. */
export async function issuedBy(
  ca: KeyPair,
  { CN, O }: Subject,
  { from, to, server = false }: IssueOptions = {},
): Promise<KeyPair> {
  const subject = [
    ...(O === undefined ? [] : [{ name: 'organizationName', value: O }]),
    ...(CN === undefined ? [] : [{ name: 'commonName', value: CN }]),
  ];
  const leaf = await generate(subject, {
    ...KEY,
    notBeforeDate: from ?? new Date(Date.now() - 3_600_000),
    ...(to === undefined ? {} : { notAfterDate: to }),
    ca: { key: ca.key, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', ...(server ? { serverAuth: true } : { clientAuth: true }) },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });
  return { cert: leaf.cert, key: leaf.private };
}
