import { describe, expect, test } from 'vitest';
import type { Place } from '../../../src/kube/place.ts';
import { placeOf } from '../../../src/kube/place.ts';
import { classify } from '../../../src/kube/request-info.ts';
import { readTarget } from '../../../src/kube/target.ts';

const at = (method: string, target: string): Place => {
  const { info } = readTarget(method, target);
  return placeOf(info, classify(info, method));
};
const POD = { namespace: 'prod', pod: 'db-0' };

describe('where a request leads', () => {
  test.each<[method: string, target: string, place: Place]>([
    ['GET', '/api/v1/namespaces/prod/pods/db-0/exec', POD],
    ['POST', '/api/v1/namespaces/prod/pods/db-0/attach', POD],
    ['GET', '/api/v1/namespaces/prod/pods/db-0/exec//', POD],
    ['GET', '/api/v1/namespaces/%70rod/pods/db%2D0/exec', POD],
    ['POST', '/api/v1/namespaces/prod/pods/db-0/portforward', POD],
    ['PATCH', '/api/v1/namespaces/prod/pods/db-0/ephemeralcontainers', POD],
    ['GET', '/api/v1/namespaces/prod/pods/db-0/proxy/x', POD],
    ['GET', '/api/v1/namespaces/prod/pods/db-0:8080/proxy/', POD],
    ['GET', '/api/v1/namespaces/prod/pods/db-0%3A8080/proxy/', POD],
    ['GET', '/api/v1/namespaces/prod/pods/https:db-0:8443/proxy/', POD],
    ['GET', '/api/v1/namespaces/prod/pods/https:db-0:/proxy/', POD],
    ['GET', '/api/v1/namespaces/prod/pods/a:db-0:1:2/proxy/', { namespace: 'prod' }],
    ['GET', '/api/v1/namespaces/prod/pods/:80/proxy/', { namespace: 'prod' }],
    ['GET', '/api/v1/namespaces/prod/pods/db-0/log', POD],
    ['GET', '/api/v1/watch/namespaces/prod/pods/db-0', POD],
    ['GET', '/api/v1/namespaces/prod/pods', { namespace: 'prod' }],
    ['POST', '/api/v1/namespaces/prod/pods', { namespace: 'prod' }],
    ['GET', '/apis/apps/v1/namespaces/prod/deployments/db-0', { namespace: 'prod' }],
    ['GET', '/apis/metrics.k8s.io/v1/namespaces/prod/pods/db-0', { namespace: 'prod' }],
    ['GET', '/api/v1/namespaces/prod', { namespace: 'prod' }],
  ])('%s %s', (method, target, place) => {
    expect(at(method, target)).toEqual(place);
  });

  test.each<[method: string, target: string]>([
    ['GET', '/api/v1/pods'],
    ['GET', '/api/v1/pods/db-0/exec'],
    ['GET', '/healthz'],
    ['POST', '/api/v1/nodes/n/proxy/run/dev/web/x'],
    ['GET', '/api/v1/namespaces/dev/services/web/proxy/'],
    ['GET', '/apis/kubevirt.io/v1/namespaces/dev/virtualmachineinstances/v/console'],
    ['GET', '/apis/cluster.karmada.io/v1/clusters/c/proxy/api/v1/namespaces/dev/pods/p/exec'],
    ['GET', '/k8s/clusters/c/api/v1/namespaces/dev/pods/p/exec'],
    ['GET', '/api/v1/namespaces/Dev/pods/web/exec'],
    ['GET', '/api/v1/namespaces/d%20ev/pods/web/exec'],
    ['GET', '/api/v1/namespaces/dev./pods/web/exec'],
    ['GET', '/api/v1/namespaces/de%C3%A9v/pods/web/exec'],
  ])('of %s %s nothing is known', (method, target) => {
    expect(at(method, target)).toEqual({});
  });

  test.each(['Db-0', 'db-0:1', 'db_0', `${'a'.repeat(254)}`])('a pod called %s is not known', pod => {
    expect(at('GET', `/api/v1/namespaces/prod/pods/${pod}/exec`)).toEqual({ namespace: 'prod' });
  });
});
