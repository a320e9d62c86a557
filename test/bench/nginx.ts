import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { until } from '../support/try-cluster.ts';
import { Peer, scratch } from './peer.ts';
import type { Certificate, Server } from './proxy.ts';

const NGINX = '/usr/sbin/nginx';

/** nginx in TLS on both sides, with one worker, as the others have one. Undefined, with a visible line, where there is none. */
export async function startNginx(
  upstream: Server,
  { ca, cert, key }: Certificate,
): Promise<Server | undefined> {
  if (!existsSync(NGINX)) {
    process.stdout.write(`SKIPPED: no ${NGINX}, so nginx is not measured\n`);
    return undefined;
  }
  const dir = scratch();
  const port = 20_000 + (process.pid % 20_000);
  writeFileSync(
    join(dir, 'nginx.conf'),
    `daemon off; master_process off; pid ${dir}/pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  upstream api { server ${new URL(upstream.url).host}; keepalive 64; }
  server {
    listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key}; keepalive_requests 1000000000;
    location / {
      proxy_pass https://api; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Authorization "Bearer proxy";
      proxy_set_header Impersonate-User ann; proxy_ssl_trusted_certificate ${upstream.caFile}; proxy_ssl_verify on; proxy_ssl_name localhost;
      proxy_ssl_session_reuse on;
    }
  }
}
`,
  );
  const peer = new Peer('measured', [NGINX, '-c', join(dir, 'nginx.conf'), '-p', dir]);
  await until(
    () =>
      new Promise(resolve => {
        const socket = connect(port, '127.0.0.1', () => resolve(true));
        socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
      }),
  );
  return { url: `https://127.0.0.1:${port}`, caFile: ca, peer };
}
