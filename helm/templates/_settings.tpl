{{/* sceau.toml: config, with the settings that name files filled in from `secrets` and `files`. */}}

{{/* Which secret fills which setting. */}}
{{- define "sceau.secretSettings" -}}
kek: keys.kek_file
kekPrevious: keys.kek_previous_file
sqlPassword: storage.sql_password_file
redisPassword: storage.redis_password_file
smtpPassword: mobile.smtp.password_file
smsToken: mobile.sms.token_file
pkcs11Pin: keys.pkcs11.pin_file
{{- end }}

{{/* Which public file fills which setting; sqlCa is a parameter of storage.sql, attestationRoots joins a list. */}}
{{- define "sceau.fileSettings" -}}
redisCa: storage.redis_ca_file
smtpCa: mobile.smtp.ca_file
smsCa: mobile.sms.ca_file
syslogCa: audit.syslog_ca_file
keyPolicy: keys.policy_file
{{- end }}

{{/* Sets a value deep in a map: (dict "in" MAP "path" "a.b" "value" VALUE). */}}
{{- define "sceau.set" -}}
{{- $node := .in }}
{{- $parts := splitList "." .path }}
{{- range initial $parts }}
{{- if not (get $node .) }}{{- $_ := set $node . dict }}{{- end }}
{{- $node = get $node . }}
{{- end }}
{{- $_ := set $node (last $parts) .value }}
{{- end }}

{{/* A value deep in a map, or nothing: (dict "in" MAP "path" "a.b"). */}}
{{- define "sceau.get" -}}
{{- $node := .in }}
{{- range splitList "." .path }}
{{- if kindIs "map" $node }}{{- $node = get $node . }}{{- else }}{{- $node = "" }}{{- end }}
{{- end }}
{{- $node }}
{{- end }}

{{/* PostgreSQL's address with the authorities of its certificate: (dict "sql" ADDRESS "root" .). */}}
{{- define "sceau.sql" -}}
{{- $file := "/etc/sceau/files/sqlCa" }}
{{- if and .root.Values.files.sqlCa.existingConfigMap (not (contains "sslrootcert=" .sql)) }}{{ .sql }}{{ ternary "&" "?" (contains "?" .sql) }}sslrootcert={{ $file }}{{ else }}{{ .sql }}{{ end }}
{{- end }}

{{/* The settings as YAML. */}}
{{- define "sceau.config" -}}
{{- $values := .Values }}
{{- $config := deepCopy .Values.config }}
{{- range $name, $setting := include "sceau.secretSettings" . | fromYaml }}
{{- if get (get $values.secrets $name) "existingSecret" }}
{{- include "sceau.set" (dict "in" $config "path" $setting "value" (printf "/run/secrets/sceau/%s" $name)) }}
{{- end }}
{{- end }}
{{- range $name, $setting := include "sceau.fileSettings" . | fromYaml }}
{{- if get (get $values.files $name) "existingConfigMap" }}
{{- include "sceau.set" (dict "in" $config "path" $setting "value" (printf "/etc/sceau/files/%s" $name)) }}
{{- end }}
{{- end }}
{{- if $values.secrets.tls.existingSecret }}
{{- include "sceau.set" (dict "in" $config "path" "http.tls.cert_file" "value" "/run/secrets/sceau/tls.crt") }}
{{- include "sceau.set" (dict "in" $config "path" "http.tls.key_file" "value" "/run/secrets/sceau/tls.key") }}
{{- end }}
{{- if $values.files.attestationRoots.existingConfigMap }}
{{- $roots := append (dig "mobile" "attestation_roots" list $config) "/etc/sceau/files/attestationRoots" }}
{{- include "sceau.set" (dict "in" $config "path" "mobile.attestation_roots" "value" $roots) }}
{{- end }}
{{- if eq (include "sceau.engine" .) "postgres" }}
{{- include "sceau.set" (dict "in" $config "path" "storage.sql" "value" (include "sceau.sql" (dict "sql" $config.storage.sql "root" .))) }}
{{- end }}
{{- range $config.upstream }}
{{- if get (get $values.secrets.upstream (.id | default "") | default dict) "existingSecret" }}
{{- $_ := set . "client_secret_file" (printf "/run/secrets/sceau/upstream-%s" .id) }}
{{- end }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{/* A value in TOML. JSON's strings and lists of strings are TOML's. */}}
{{- define "sceau.tomlValue" -}}
{{- if kindIs "string" . }}{{ toRawJson . }}
{{- else if kindIs "bool" . }}{{ . }}
{{- else if kindIs "slice" . }}{{ toRawJson . }}
{{- else if ne (floor .) (float64 .) }}{{ toRawJson . }}
{{- else }}{{ int64 . }}{{ end }}
{{- end }}

{{/* A table with its tables below: (dict "name" "a.b" "table" MAP). */}}
{{- define "sceau.toml" -}}
{{- $name := .name }}
{{- range $key, $value := .table }}
{{- $isTables := and (kindIs "slice" $value) $value (kindIs "map" (first $value)) }}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value) $isTables) }}
{{ $key }} = {{ include "sceau.tomlValue" $value }}
{{- end }}
{{- end }}
{{- range $key, $value := .table }}
{{- $full := ternary $key (printf "%s.%s" $name $key) (empty $name) }}
{{- if kindIs "map" $value }}

[{{ $full }}]
{{- include "sceau.toml" (dict "name" $full "table" $value) }}
{{- else if and (kindIs "slice" $value) $value }}
{{- if kindIs "map" (first $value) }}
{{- range $value }}

[[{{ $full }}]]
{{- include "sceau.toml" (dict "name" $full "table" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "sceau.settings" -}}
# Made by the chart from `config`, `secrets` and `files`.
{{- include "sceau.toml" (dict "name" "" "table" (include "sceau.config" . | fromYaml)) }}
{{- end }}

{{/* What `sceau migrate` needs and no more: it opens nothing sealed, so the key named here does not exist. */}}
{{- define "sceau.migrationSettings" -}}
# Made by the chart from `migration`.
{{- $sql := include "sceau.sql" (dict "sql" .Values.migration.sql "root" .) }}
{{- $storage := dict "sql" $sql }}
{{- if .Values.migration.existingSecret }}{{- $_ := set $storage "sql_password_file" "/run/secrets/sceau/owner" }}{{- end }}
{{- include "sceau.toml" (dict "name" "" "table" (dict "issuer" .Values.config.issuer "storage" $storage "keys" (dict "kek_file" "/nonexistent"))) }}
{{- end }}

{{/* The identifiers of config.upstream, as a YAML list. */}}
{{- define "sceau.upstreamIds" -}}
{{- range .Values.config.upstream }}
- {{ .id | default "" | quote }}
{{- else }}[]{{ end }}
{{- end }}
