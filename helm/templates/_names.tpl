{{/* Names and labels. */}}

{{- define "sceau.name" -}}
{{- if contains "sceau" .Release.Name }}{{ .Release.Name | trunc 48 | trimSuffix "-" }}{{ else }}{{ printf "%s-sceau" .Release.Name | trunc 48 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* What a selector is made of: never changes in the life of a release. */}}
{{- define "sceau.selector" -}}
app.kubernetes.io/name: sceau
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sceau.labels" -}}
{{ include "sceau.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: sceau
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sceau.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "sceau.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{/* An image: (dict "image" VALUES "tag" DEFAULT). The digest wins. */}}
{{- define "sceau.image" -}}
{{- if .image.digest }}{{ .image.repository }}@{{ .image.digest }}{{ else }}{{ .image.repository }}:{{ .image.tag | default .tag }}{{ end }}
{{- end }}

{{/* The host of the issuer, without a port. */}}
{{- define "sceau.host" -}}
{{- regexReplaceAll "^https?://" .Values.config.issuer "" | regexFind "^[^/:?#]*" }}
{{- end }}

{{/* The port that an address ends with: (dict "address" TEXT "usual" PORT). */}}
{{- define "sceau.port" -}}
{{- $authority := regexReplaceAll "^[a-z+]+://" .address "" | regexFind "^[^/?#]*" }}
{{- regexFind ":[0-9]+$" $authority | trimPrefix ":" | default (toString .usual) }}
{{- end }}

{{- define "sceau.publicPort" -}}
{{- include "sceau.port" (dict "address" (.Values.config.http.listen | default "") "usual" 8443) }}
{{- end }}

{{- define "sceau.adminPort" -}}
{{- include "sceau.port" (dict "address" (.Values.config.http.admin_listen | default "") "usual" 9090) }}
{{- end }}

{{/* "yes" when the pods end TLS. */}}
{{- define "sceau.tls" -}}
{{- if or .Values.secrets.tls.existingSecret (dig "http" "tls" "cert_file" "" .Values.config) }}yes{{ end }}
{{- end }}

{{- define "sceau.servicePort" -}}
{{- if .Values.service.port }}{{ int64 .Values.service.port }}{{ else }}{{ ternary 443 80 (eq (include "sceau.tls" .) "yes") }}{{ end }}
{{- end }}

{{/* postgres, sqlite, or what is written there. */}}
{{- define "sceau.engine" -}}
{{- $sql := dig "storage" "sql" "" .Values.config | default "sqlite://sceau.sqlite" }}
{{- if regexMatch "^postgres(ql)?://" $sql }}postgres{{ else if hasPrefix "sqlite://" $sql }}sqlite{{ end }}
{{- end }}

{{/* A duration of the settings in seconds. */}}
{{- define "sceau.seconds" -}}
{{- $count := regexFind "^[0-9]+" . | int }}
{{- $unit := regexFind "[smhd]$" . | default "s" }}
{{- mul $count (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit) }}
{{- end }}

{{/* Before the pods of a version; kept until the next time, so that its log can be read. */}}
{{- define "sceau.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-delete-policy: before-hook-creation
{{- end }}
