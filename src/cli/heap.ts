/** What of the memory there is may be JavaScript's heap; buffers of sockets and recordings lie outside of it. */
const HEAP_SHARE = 0.6;
const MIB = 1024 * 1024;

export interface ProcessFacts {
  readonly execPath: string;
  readonly execArgv: readonly string[];
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the cgroup (v1 or v2) allows, bytes; 0, or more than there is, when it does not limit. */
  readonly constrainedBytes: number;
  readonly totalBytes: number;
}

/** `--max-old-space-size` for a limit, MiB; undefined without one. */
export function heapMiB(constrainedBytes: number, totalBytes: number): number | undefined {
  if (!(constrainedBytes > 0) || constrainedBytes > totalBytes) return undefined;
  return Math.max(1, Math.floor((constrainedBytes * HEAP_SHARE) / MIB));
}

/**
 * How to begin again with a heap that fits the cgroup: the program and its arguments, argv[0] first. Undefined when
 * there is no limit, or when somebody has already said how large the heap may be: it was us, or an operator who knows.
 */
export function restartWithHeap(facts: ProcessFacts): readonly string[] | undefined {
  const { execPath, execArgv, argv, env, constrainedBytes, totalBytes } = facts;
  const said = [...execArgv, env['NODE_OPTIONS'] ?? ''].some(text =>
    /max[-_]old[-_]space[-_]size/.test(text),
  );
  const size = heapMiB(constrainedBytes, totalBytes);
  if (said || size === undefined) return undefined;
  return [execPath, `--max-old-space-size=${size}`, ...execArgv, ...argv.slice(1)];
}
