import type { SessionView } from '../../session/view.ts';
import { visibleText } from './visible-text.ts';

/** Whose session it is, in a sentence. */
export function Replica({ session: { replica } }: { session: SessionView }) {
  if (replica === undefined) return <>another replica</>;
  return (
    <>
      replica <bdi>{visibleText(replica)}</bdi>
    </>
  );
}
