import { type Manifest, manifestOf } from '../../../src/recorder/manifest.ts';
import { newRecordingId, storedName } from '../../../src/recorder/recording-id.ts';

export const NEW_YEAR_MS = Date.UTC(2026, 0, 1);

export interface Session {
  readonly user?: string;
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
  readonly command?: string;
  readonly session?: string;
  readonly complete?: boolean;
  readonly bytes?: number;
  readonly recordingId?: string;
  readonly continues?: { readonly recording: string; readonly offset: number };
}

/** A manifest as the recorder writes it, of a recording received so many milliseconds after New Year. */
export function manifestAt(ms: number, session: Session = {}): Manifest {
  const { user, namespace, pod, container, command, continues, recordingId } = session;
  const id = newRecordingId(NEW_YEAR_MS + ms);
  return manifestOf({
    id,
    file: storedName(id, '.cast'),
    receivedAt: new Date(NEW_YEAR_MS + ms),
    endedAt: new Date(NEW_YEAR_MS + ms),
    origin: { from: '192.0.2.7', protocol: 'v2' },
    sha256: '',
    bytes: session.bytes ?? 100,
    blocks: [],
    cutReason: session.complete === false ? 'cut' : undefined,
    report: {
      events: 1,
      durationSeconds: 1,
      problem: undefined,
      tornBytes: 0,
      header: {
        width: 80,
        height: 24,
        ...(command !== undefined && { command }),
        kubernetes: {
          ...(namespace !== undefined && { Namespace: namespace }),
          ...(pod !== undefined && { PodName: pod }),
          ...(container !== undefined && { Container: container }),
        },
        kubewitness: {
          ...(user !== undefined && { user }),
          ...(session.session !== undefined && { sessionId: session.session }),
          ...(recordingId !== undefined && { recordingId }),
          ...(continues !== undefined && { continues }),
        },
      },
    },
  });
}
