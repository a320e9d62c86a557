import type { RecordingSummary } from '../recordings-reader.ts';
import { clockTime, duration } from './format.ts';
import { Badge } from './icon.tsx';
import { Playback } from './playback.tsx';
import { fetchRecording } from './recordings-api.ts';
import { recordingLook } from './recordings-view.tsx';
import { hrefOf } from './route.ts';
import { useFetched } from './use-fetched.ts';
import type { Found } from './use-recordings.ts';
import { visibleText } from './visible-text.ts';

/** One recording on its own; that of a session is shown with the session too, where chart and cast move together. */
export function RecordingPage(props: { recordings: boolean; id: string; nowMs: number }) {
  const { recordings, id, nowMs } = props;
  const answer = useFetched(id, recordings, recordings ? fetchRecording : unavailable);
  const item = answer.kind === 'found' ? answer.value : undefined;
  const found = foundIn(recordings, answer);
  return (
    <>
      <p class="crumbs">
        <a href={hrefOf({ view: 'recordings', sought: {} })}>Recordings</a> › <bdi>{visibleText(id)}</bdi>
      </p>
      <h1 class="command-title">
        <code>{visibleText(item?.command ?? id)}</code>
      </h1>
      {item !== undefined && (
        <p class="verdict">
          <Badge look={recordingLook(item)} strong />
          <span>
            <bdi>{visibleText(item.user ?? 'somebody')}</bdi> in{' '}
            <bdi>{visibleText(`${item.namespace ?? ''}/${item.pod ?? ''}`)}</bdi>
          </span>
          <span class="dim">
            received <time dateTime={item.receivedAt}>{clockTime(item.receivedAt, nowMs)}</time>, lasts{' '}
            {duration(item.durationSeconds * 1000)}
          </span>
          {item.sessionId !== undefined && (
            <a href={hrefOf({ view: 'session', id: item.sessionId })}>Its session, step by step</a>
          )}
        </p>
      )}
      <div class="recording-page">
        <Playback found={found} atMs={undefined} played={() => {}} />
      </div>
    </>
  );
}

function unavailable(): Promise<undefined> {
  return Promise.resolve(undefined);
}

function foundIn(
  recordings: boolean,
  answer: ReturnType<typeof useFetched<RecordingSummary | undefined>>,
): Found {
  if (!recordings) return { kind: 'unavailable' };
  if (answer.kind !== 'found') return answer;
  return { kind: 'found', items: answer.value === undefined ? [] : [answer.value] };
}
