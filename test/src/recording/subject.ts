import type { CastSubject } from '../../../src/recording/cast.ts';

export const SUBJECT: CastSubject = {
  command: ['sh'],
  srcNode: '',
  srcNodeID: '',
  kubernetes: { PodName: 'p', Namespace: 'd', Container: 'c', SessionType: 'exec' },
  kubewitness: {
    sessionId: 'session-id',
    auditId: 's',
    user: 'u',
    groups: [],
    cluster: 'k',
    subprotocol: 'v5.channel.k8s.io',
  },
};
