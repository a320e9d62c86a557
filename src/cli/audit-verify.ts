import type { Place, VerifyReport } from '../audit/verify.ts';
import { Verifier } from '../audit/verify.ts';
import { printLines } from './audit-print.ts';
import type { SourceOptions } from './audit-source.ts';
import { withAudit } from './audit-source.ts';

interface VerifyOptions extends SourceOptions {
  readonly head?: readonly string[];
  readonly archived?: boolean;
  readonly json?: true;
}

/** `audit verify`. Throws, for the exit code, when something is wrong. */
export function verifyAudit({ head = [], archived = false, json, ...source }: VerifyOptions): Promise<void> {
  return withAudit(source, async reader => {
    const verifier = new Verifier({ heads: head, archived });
    for await (const { text, file, number } of reader.lines()) verifier.line(text, { file, number });
    const report = verifier.finish();
    await printLines(json === true ? [JSON.stringify(report)] : linesOf(report));
    const { length } = report.problems;
    if (length > 0)
      throw new Error(`the audit is not whole: ${length} ${length === 1 ? 'problem' : 'problems'}`);
  });
}

function linesOf({ problems, chains, torn }: VerifyReport): string[] {
  return [
    ...problems.map(problem => `${placeOf(problem)}${problem.kind}: ${problem.message}`),
    ...torn.map(
      place => `${placeOf(place)}note: a crash left this line unfinished, and the next record says so`,
    ),
    ...chains.map(
      ({ replica, records, firstSeq, lastSeq, head }) =>
        `${replica}: ${records} records, ${firstSeq} to ${lastSeq}, head ${head}`,
    ),
  ];
}

function placeOf({ file, number }: Place): string {
  return file === '' ? '' : `${file}:${number}: `;
}
