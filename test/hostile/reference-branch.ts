import type { ErrorCode } from '../../src/errors.ts';

/** What becomes of a request here. The words stand in docs/tailscale.md. */
export type Ours =
  | { readonly kind: 'refused'; readonly status: number; readonly code: ErrorCode }
  | { readonly kind: keyof typeof WORDS };

const WORDS = {
  forwarded: 'forwarded as the caller',
  told: 'the recorder has the event, then forwarded as the caller',
  recorded: 'a recorder accepts, then the API server is asked as the caller',
  passedThrough: "the API server's answer as it came; the upload is reset, and no failure is audited",
  cut: 'the connection is cut, so that nothing looks whole',
  ownCredential: "forwarded with the caller's own credential, and none of the proxy's",
} as const;

/** Addresses that rules can name. */
export interface Addresses {
  readonly recorder: string;
  readonly dead: string;
  /** Takes events. */
  readonly events: string;
  /** An older recorder: it knows nothing of events. */
  readonly noEvents: string;
}

export interface Branch {
  readonly part: keyof typeof PARTS;
  /** The reference's order: the first that fits is taken. */
  readonly branch: string;
  readonly when: string;
  readonly reference: string;
  readonly ours: Ours;
  /** Nobody that is known, nobody since tailscaled fails, or a person with these values of the capability. */
  readonly who: 'stranger' | 'outage' | ((at: Addresses) => readonly unknown[]);
  /** The capability has its old name. */
  readonly oldName?: true;
  readonly request: string;
  /** It does not listen, or answers with the 101 of another protocol. */
  readonly upstream?: 'gone' | 'otherProtocol';
  readonly mode?: 'noauth';
}

const PARTS = {
  request: 'Every request but exec and attach',
  session: 'exec and attach',
  upstream: "What the API server's answer comes to",
  caller: 'Who calls',
} as const;

/** For docs/tailscale.md: one table for each part. */
export function branchTables(branches: readonly Branch[]): string {
  return Object.entries(PARTS)
    .map(([part, title]) => {
      const rows = branches
        .filter(branch => branch.part === part)
        .map(
          ({ branch, when, reference, ours }) =>
            `| ${branch} | ${when} | ${reference} | ${oursInWords(ours)} |`,
        );
      return [
        `### ${title}`,
        '',
        "| | when | Tailscale's proxy | kubewitness |",
        '|---|---|---|---|',
        ...rows,
      ].join('\n');
    })
    .join('\n\n');
}

function oursInWords(ours: Ours): string {
  return ours.kind === 'refused' ? `${ours.status} \`${ours.code}\`` : WORDS[ours.kind];
}
