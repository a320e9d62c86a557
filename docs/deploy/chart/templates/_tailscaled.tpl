{{/*
tailscaled beside the proxy: a sidecar that starts before it and ends after it, so that sessions can drain over the tailnet.
Its state is in the pod's own volume; an auth key of an ephemeral, reusable kind lets a new pod join as a new node.
*/}}
{{- define "kubewitness.tailscaled" -}}
{{- $tailscale := .Values.tailscale -}}
{{- $kernel := eq $tailscale.mode "kernel" -}}
- name: tailscaled
  image: {{ $tailscale.image }}
  restartPolicy: Always
  env:
    - name: TS_AUTHKEY
      valueFrom: { secretKeyRef: { name: {{ $tailscale.authKeySecret }}, key: TS_AUTHKEY } }
    - { name: TS_HOSTNAME, value: {{ $tailscale.hostname | quote }} }
    - { name: TS_USERSPACE, value: {{ not $kernel | quote }} }
    - { name: TS_SOCKET, value: /run/tailscaled.sock }
    - { name: TS_STATE_DIR, value: /var/lib/kubewitness/tailscale }
    # State is in the folder, not in a Secret: no rights in the cluster.
    - { name: TS_KUBE_SECRET, value: "" }
    - { name: TS_AUTH_ONCE, value: "true" }
    # The proxy's account may fetch the node's certificate.
    - { name: TS_PERMIT_CERT_UID, value: "65532" }
    {{- if not $kernel }}
    # The proxy's way to recorders in the tailnet.
    - { name: TS_SOCKS5_SERVER, value: "127.0.0.1:1055" }
    {{- end }}
    - { name: TS_ENABLE_HEALTH_CHECK, value: "true" }
    - { name: TS_LOCAL_ADDR_PORT, value: "0.0.0.0:9002" }
    {{- with $tailscale.extraArgs }}
    - { name: TS_EXTRA_ARGS, value: {{ . | quote }} }
    {{- end }}
  # The proxy starts once this node has an address in the tailnet.
  startupProbe:
    httpGet: { path: /healthz, port: 9002 }
    periodSeconds: 2
    failureThreshold: 60
  resources: {{- toYaml $tailscale.resources | nindent 4 }}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    {{- if $kernel }}
    # Interfaces, routes and firewall rules of this pod.
    runAsNonRoot: false
    runAsUser: 0
    capabilities: { drop: [ALL], add: [NET_ADMIN, NET_RAW] }
    {{- else }}
    runAsNonRoot: true
    capabilities: { drop: [ALL] }
    {{- end }}
  volumeMounts:
    # The socket, and the lock of iptables.
    - { name: tailscale-run, mountPath: /run }
    - { name: tailscale-tmp, mountPath: /tmp }
    - { name: state, mountPath: /var/lib/kubewitness/tailscale, subPath: tailscale }
    {{- if $kernel }}
    - { name: tun, mountPath: /dev/net/tun }
    {{- end }}
{{- end -}}
