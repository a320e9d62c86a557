{{- define "kubewitness.name" -}}
{{- if eq .Release.Name "kubewitness" -}}kubewitness{{- else -}}{{ printf "%s-kubewitness" .Release.Name | trunc 52 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "kubewitness.selector" -}}
app.kubernetes.io/name: kubewitness
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kubewitness.labels" -}}
{{ include "kubewitness.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "kubewitness.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* What every pod is: nobody, and without what it does not need. */}}
{{- define "kubewitness.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "kubewitness.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* classic, constrained */}}
{{- define "kubewitness.impersonation" -}}
{{- if ne .Values.rbac.impersonation "auto" -}}{{ .Values.rbac.impersonation }}
{{- else if semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version -}}constrained
{{- else -}}classic{{- end -}}
{{- end -}}

{{/* Keys of extra values that the configuration makes the proxy send. */}}
{{- define "kubewitness.extraKeys" -}}
{{- $config := .Values.config -}}
{{- $keys := .Values.rbac.extraKeys -}}
{{- if dig "upstream" "marker" false $config }}{{ $keys = append $keys "kubewitness.dev/session" }}{{ end -}}
{{- range $config.grants }}{{ if .impersonateAs }}{{ $keys = append $keys "kubewitness.dev/original-user" }}{{ end }}{{ end -}}
{{- range (dig "identity" "static" list $config) }}{{ $keys = concat $keys (keys (.extra | default dict)) }}{{ end -}}
{{- if hasKey $config.identity "tokenReview" }}{{ $keys = append $keys "authentication.kubernetes.io/credential-id" }}{{ end -}}
{{- if .Values.rbac.serviceAccountNamespaces -}}
{{- range list "node-name" "node-uid" "pod-name" "pod-uid" }}{{ $keys = append $keys (printf "authentication.kubernetes.io/%s" .) }}{{ end -}}
{{- end -}}
{{- $keys | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/* Groups that service accounts have, or are given by a grant. */}}
{{- define "kubewitness.serviceAccountGroups" -}}
{{- $groups := list -}}
{{- range .Values.rbac.serviceAccountNamespaces }}{{ $groups = append $groups (printf "system:serviceaccounts:%s" .) }}{{ end -}}
{{- if $groups -}}
{{- $groups = concat $groups (list "system:authenticated" "system:serviceaccounts") -}}
{{- range .Values.config.grants }}{{ $groups = concat $groups (dig "impersonate" "groups" list .) }}{{ end -}}
{{- end -}}
{{- $groups | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/* Seconds, above the longest orderly end (docs/running.md, terminationGracePeriodSeconds). */}}
{{- define "kubewitness.graceSeconds" -}}
{{- $delay := dig "shutdown" "delayMs" 5000 .Values.config | int64 -}}
{{- $drain := dig "sessions" "drainMs" 30000 .Values.config | int64 -}}
{{- $final := dig "recording" "finalAnswerMs" 30000 .Values.config | int64 -}}
{{- add (div (add (max $delay (add $drain $final 5000)) 5999) 1000) 10 -}}
{{- end -}}

{{- define "kubewitness.adminScheme" -}}
{{- if hasKey .Values.config.admin "tls" -}}HTTPS{{- else -}}HTTP{{- end -}}
{{- end -}}
