import { describe, expect, test } from 'vitest';
import { isLongRunning, readRequestInfo } from '../../../src/kube/request-info.ts';

const core = { isResourceRequest: true, apiPrefix: 'api', apiGroup: '', apiVersion: 'v1', namespace: '' };

describe('request info', () => {
  test.each([
    ['GET', '/api/v1/pods', '', { ...core, verb: 'list', resource: 'pods', name: '', parts: ['pods'] }],
    ['GET', '/api/v1/pods', 'watch=true', { verb: 'watch', resource: 'pods' }],
    ['GET', '/api/v1/pods', 'watch', { verb: 'watch' }],
    ['GET', '/api/v1/pods', '%77atch=1', { verb: 'watch' }],
    ['GET', '/api/v1/pods', 'watch=0&watch=1', { verb: 'list' }],
    ['GET', '/api/v1/pods', 'watch=FALSE', { verb: 'list' }],
    ['GET', '/api/v1/pods', 'watch=no', { verb: 'watch' }],
    ['GET', '/api/v1/pods', 'a;b&watch=1', { verb: 'watch' }],
    ['GET', '/api/v1/pods', 'watch=1;b', { verb: 'list' }],
    ['GET', '/api/v1/pods', 'watch=%ff&watch=0', { verb: 'watch' }],
    ['GET', '/api/v1/pods', '%ffwatch=1&watch%=1&watch=%C3%A9', { verb: 'watch' }],
    ['GET', '/api/v1/pods', 'watch=%zz&watch=%6&watch=+', { verb: 'watch' }],
    ['GET', '/api/v1/pods', 'watch=%zz&watch=%30', { verb: 'list' }],
    ['GET', '/api/v1/watch/pods', '', { verb: 'watch', resource: 'pods', name: '' }],
    [
      'GET',
      '/api/v1/watch/namespaces/n/pods/p',
      '',
      { verb: 'watch', namespace: 'n', resource: 'pods', name: 'p' },
    ],
    ['HEAD', '/api/v1/nodes/n', '', { ...core, verb: 'get', resource: 'nodes', name: 'n' }],
    ['POST', '/api/v1/namespaces/n/pods', '', { verb: 'create', namespace: 'n', resource: 'pods' }],
    ['PUT', '/api/v1/namespaces/n/pods/p/status', '', { verb: 'update', name: 'p', subresource: 'status' }],
    ['PATCH', '/api/v1/namespaces/n/pods/p', '', { verb: 'patch', name: 'p', subresource: '' }],
    ['DELETE', '/api/v1/namespaces/n/pods/p', '', { verb: 'delete', name: 'p' }],
    ['DELETE', '/api/v1/namespaces/n/pods', '', { verb: 'deletecollection', name: '' }],
    ['OPTIONS', '/api/v1/namespaces/n/pods', '', { verb: '' }],
    ['GET', '/api/v1/namespaces', '', { verb: 'list', resource: 'namespaces', namespace: '', name: '' }],
    ['GET', '/api/v1/namespaces/n', '', { verb: 'get', resource: 'namespaces', namespace: 'n', name: 'n' }],
    [
      'PUT',
      '/api/v1/namespaces/n/finalize',
      '',
      { resource: 'namespaces', name: 'n', subresource: 'finalize' },
    ],
    [
      'GET',
      '/apis/apps/v1/namespaces/n/deployments/d/scale',
      '',
      {
        isResourceRequest: true,
        apiPrefix: 'apis',
        apiGroup: 'apps',
        apiVersion: 'v1',
        namespace: 'n',
        resource: 'deployments',
        name: 'd',
        subresource: 'scale',
        parts: ['deployments', 'd', 'scale'],
        verb: 'get',
      },
    ],
    ['GET', '/apis/apps/v1', '', { isResourceRequest: false, apiPrefix: 'apis', verb: 'get', resource: '' }],
    ['GET', '/api/v1', '', { isResourceRequest: false, verb: 'get', apiPrefix: '' }],
    ['POST', '/healthz/ping/x/y', '', { isResourceRequest: false, verb: 'post', path: '/healthz/ping/x/y' }],
  ])('%s %s ?%s', (method, path, query, expected) => {
    expect(readRequestInfo(method, path, query)).toMatchObject(expected);
  });

  test.each([
    ['GET', '/api/v1/proxy/nodes/n'],
    ['GET', '/api/v1/proxy'],
    ['GET', '/apis/x.io/v1/proxy/y'],
    ['GET', '/api/v1/watch'],
    ['POST', '/api/v1/watch/pods'],
    ['GET', '/api/v1/watch/namespaces/n/pods/p/log'],
  ])('%s %s is refused', (method, path) => {
    expect(() => readRequestInfo(method, path, '')).toThrow(
      expect.objectContaining({ code: 'KW_BAD_REQUEST' }),
    );
  });
});

describe('long-running requests', () => {
  test.each([
    ['/api/v1/pods', 'watch=1', true],
    ['/api/v1/watch/pods', '', true],
    ['/api/v1/namespaces/n/pods/p', 'watch=1', true],
    ['/api/v1/namespaces/n/pods/p/log', 'follow=true', true],
    ['/api/v1/namespaces/n/services/s/proxy/x', '', true],
    ['/debug/pprof/profile', '', true],
    ['/api/v1/pods', '', false],
    ['/api/v1/namespaces/n/pods/p', '', false],
    ['/version', 'watch=1', false],
  ])('%s ?%s', (path, query, expected) => {
    expect(isLongRunning(readRequestInfo('GET', path, query), query)).toBe(expected);
  });
});
