import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import packageJson from '../../../package.json' with { type: 'json' };
import { shutdownMs } from '../../../src/cli/shutdown.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { CHART, DEPLOY, EXAMPLES, helm, object, objects, parse, rendered } from '../../support/chart.ts';
import { problemsOf } from '../../support/kubernetes-schema.ts';

const VERSIONS = ['1.34.0', '1.36.0'] as const;

test('helm lint finds nothing, with the defaults and with every example', async () => {
  const values = EXAMPLES.map(example => ['--values', `${DEPLOY}values/${example}.yaml`]);
  for (const args of [[], ...values]) {
    const result = await helm(['lint', '--strict', CHART, ...args]);
    expect(result, result.stdout).toMatchObject({ code: 0 });
  }
});

test("the chart's versions are the program's", () => {
  const chart = parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8'))[0];
  expect(chart).toMatchObject({ version: packageJson.version, appVersion: packageJson.version });
});

describe.each([undefined, ...EXAMPLES])('with the values %s', example => {
  const options = example === undefined ? {} : { example };

  test.each(VERSIONS)('every object is one that Kubernetes knows (cluster %s)', async kubeVersion => {
    const all = await objects({ ...options, kubeVersion });
    expect(all.length).toBeGreaterThan(7);
    for (const item of all) expect(await problemsOf(item)).toEqual([]);
    const names = all.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  test('every container runs as nobody, on a read-only root, with bounds', async () => {
    const pods = (await objects(options)).flatMap(item => item.spec?.template?.spec ?? []);
    for (const pod of pods) {
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(pod.enableServiceLinks).toBe(false);
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
        expect(container.securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources).toMatchObject({
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        });
        // The kernel's own interface cannot be had without; nobody else gets anything.
        const kernel = container.name === 'tailscaled' && example === 'tailscale-kernel';
        expect(container.securityContext.runAsNonRoot).toBe(!kernel);
        expect(container.securityContext.capabilities.add).toEqual(
          kernel ? ['NET_ADMIN', 'NET_RAW'] : undefined,
        );
        const probed =
          container.name === 'tailscaled' ? ['startupProbe'] : ['readinessProbe', 'livenessProbe'];
        for (const probe of probed) expect(container[probe].httpGet).toBeDefined();
      }
    }
  });

  test('what is mounted is there, and selectors find their pods', async () => {
    const all = await objects(options);
    const workloads = all.filter(item => item.spec?.template !== undefined);
    for (const { spec } of workloads) {
      const pod = spec.template.spec;
      const claims = (spec.volumeClaimTemplates ?? []).map(
        (claim: { metadata: { name: string } }) => claim.metadata.name,
      );
      const volumes = new Set([...claims, ...(pod.volumes ?? []).map(({ name }: { name: string }) => name)]);
      const mounts = [...pod.containers, ...(pod.initContainers ?? [])].flatMap(({ volumeMounts }) =>
        volumeMounts.map(({ name }: { name: string }) => name),
      );
      expect(new Set(mounts)).toEqual(volumes);
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    }
    const labels = workloads.map(({ spec }) => spec.template.metadata.labels);
    const selectors = all.flatMap(({ kind, spec }) => {
      if (kind === 'Service') return [spec.selector];
      return kind === 'NetworkPolicy' ? [spec.podSelector.matchLabels] : [];
    });
    for (const selector of selectors) {
      expect(
        labels.filter(own => Object.entries(selector).every(([key, value]) => own[key] === value)),
      ).toHaveLength(1);
    }
  });

  test('the configuration parses, and the files that it names are mounted', async () => {
    const { data } = await object('ConfigMap', options);
    const config = parseConfig(data['proxy.yaml'], 'proxy.yaml');
    const { spec } = (await object('Deployment', options)).spec.template;
    const [proxy] = spec.containers;
    const mounts: string[] = proxy.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath);
    const files = [...String(data['proxy.yaml']).matchAll(/: (\/\S+)/g)].map(match => match[1] ?? '');
    for (const file of files)
      expect(
        mounts.some(mount => file.startsWith(`${mount}/`)),
        file,
      ).toBe(true);
    expect(proxy.ports).toEqual([
      { name: 'https', containerPort: config.listen.port },
      { name: 'admin', containerPort: config.admin.port },
    ]);
    expect(proxy.args).toEqual(['proxy', '--config', '/etc/kubewitness/proxy.yaml']);
  });

  test('the kubelet waits for longer than a shutdown takes', async () => {
    const { data } = await object('ConfigMap', options);
    const longestMs = shutdownMs(parseConfig(data['proxy.yaml'], 'proxy.yaml'));
    const { spec } = (await object('Deployment', options)).spec.template;
    expect(spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(longestMs);
  });
});

test('the check of objects sees unknown fields, wrong types and what is missing', async () => {
  const deployment = await object('Deployment', {});
  const [proxy] = deployment.spec.template.spec.containers;
  proxy.readOnlyRootFilesystem = true;
  proxy.ports[0].containerPort = '8443';
  delete deployment.spec.selector;
  const problems = await problemsOf(deployment);
  expect(problems.join('\n')).toContain('containers[0].readOnlyRootFilesystem: there is no such field');
  expect(problems.join('\n')).toContain('containerPort must be integer');
  expect(problems.join('\n')).toContain('must have required property selector');
  expect(await problemsOf({ apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor' })).not.toEqual(
    [],
  );
});

describe('values that would not work are refused', () => {
  test.each([
    ['replicas: more than one cannot share persistence', ['replicas=2']],
    ['replicas: more than one needs config.audit.postgres', ['replicas=2', 'persistence.enabled=false']],
    ['without config.upstream.marker', ['admissionPolicy.enabled=true']],
    ["additional properties 'replica'", ['replica=2']],
    ['rbac/impersonation', ['rbac.impersonation="legacy"']],
    ['config/admin/address', ['config.admin.address="127.0.0.1"']],
    ["invalid propertyName 'port'", ['recorder.options.port="8282"']],
  ])('%s', async (message, set) => {
    await expect(rendered({ set })).rejects.toThrow(message);
  });
});

test("recorders take every option that the examples give them, and the program's help knows it", async () => {
  const { createProgram } = await import('../../../src/cli/program.ts');
  const recorder = createProgram('0').commands.find(command => command.name() === 'recorder');
  const known = recorder?.options.map(({ long }) => long) ?? [];
  for (const example of EXAMPLES) {
    const sets = (await objects({ example })).filter(({ kind }) => kind === 'StatefulSet');
    for (const { spec } of sets) {
      const [command, ...options]: string[] = spec.template.spec.containers[0].args;
      expect(command).toBe('recorder');
      for (const option of options) expect(known).toContain(option.split('=')[0]);
    }
  }
});

test('the admission policy and the alerts are the files of docs/deploy, word for word', async () => {
  const all = await objects({ example: 'ha-postgres' });
  const read = (file: string) =>
    parseAllDocuments(readFileSync(`${DEPLOY}${file}`, 'utf8')).map(document => document.toJS());
  const [policy, binding] = read('admission-policy.yaml');
  const ours = all.filter(({ kind }) => String(kind).startsWith('ValidatingAdmissionPolicy'));
  expect(ours).toMatchObject([policy, binding]);
  expect(ours[0].spec.matchConditions).toHaveLength(1);
  const rule = all.find(({ kind }) => kind === 'PrometheusRule');
  expect(rule.spec).toEqual(read('alerts.yaml')[0]);
});

test('the plain manifest is what the chart renders (npm run docs)', async () => {
  const file = `${DEPLOY}manifest.yaml`;
  const wanted = `# Made by \`npm run docs\` from the chart, with values/minimal.yaml and for a cluster before 1.36:
#   kubectl create namespace kubewitness
#   kubectl -n kubewitness create secret tls kubewitness-tls --cert tls.crt --key tls.key
#   kubectl apply -f manifest.yaml
${await rendered({ example: 'minimal' })}`;
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, wanted);
  expect(readFileSync(file, 'utf8')).toBe(wanted);
});
