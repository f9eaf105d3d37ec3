{{/* The parts of pods. */}}

{{/* PodSecurity `restricted`, for the pod. */}}
{{- define "sceau.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.runAsUser }}
runAsUser: {{ int64 . }}
runAsGroup: {{ int64 . }}
fsGroup: {{ int64 . }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* PodSecurity `restricted`, for a container, with a root that nobody writes. */}}
{{- define "sceau.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What all pods of the release have in common. */}}
{{- define "sceau.podBasics" -}}
serviceAccountName: {{ .serviceAccount }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {{- include "sceau.podSecurity" .root | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Secrets as files, one volume. Empty when there are none. */}}
{{- define "sceau.secretSources" -}}
{{- range $name, $secret := .Values.secrets }}
{{- if and (ne $name "tls") (ne $name "upstream") $secret.existingSecret }}
- secret:
    name: {{ $secret.existingSecret }}
    items: [{key: {{ $secret.key | quote }}, path: {{ $name }}}]
{{- end }}
{{- end }}
{{- with .Values.secrets.tls }}
{{- if .existingSecret }}
- secret:
    name: {{ .existingSecret }}
    items: [{key: {{ .certKey | quote }}, path: tls.crt}, {key: {{ .keyKey | quote }}, path: tls.key}]
{{- end }}
{{- end }}
{{- range $id, $secret := .Values.secrets.upstream }}
- secret:
    name: {{ $secret.existingSecret }}
    items: [{key: {{ $secret.key | default "secret" | quote }}, path: upstream-{{ $id }}}]
{{- end }}
{{- end }}

{{- define "sceau.fileSources" -}}
{{- range $name, $file := .Values.files }}
{{- if $file.existingConfigMap }}
- configMap:
    name: {{ $file.existingConfigMap }}
    items: [{key: {{ $file.key | quote }}, path: files/{{ $name }}}]
{{- end }}
{{- end }}
{{- end }}

{{/* The pod of the service: metadata and spec. */}}
{{- define "sceau.pod" -}}
metadata:
  labels: {{- include "sceau.selector" . | nindent 4 }}
    app.kubernetes.io/component: server
    app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/settings: {{ include "sceau.settings" . | sha256sum }}
    {{- with .Values.restartToken }}
    sceau/restart-token: {{ . | quote }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "sceau.podBasics" (dict "root" . "serviceAccount" (include "sceau.serviceAccount" .)) | nindent 2 }}
  terminationGracePeriodSeconds: {{ int64 .Values.terminationGracePeriodSeconds }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if or .Values.spread.zone .Values.spread.host }}
  topologySpreadConstraints:
  {{- range $key, $rule := dict "topology.kubernetes.io/zone" .Values.spread.zone "kubernetes.io/hostname" .Values.spread.host }}
  {{- if $rule }}
    - topologyKey: {{ $key }}
      maxSkew: 1
      whenUnsatisfiable: {{ $rule }}
      # A node that is tainted or gone is no place to count.
      nodeTaintsPolicy: Honor
      # Each generation of pods is spread by itself, so that an upgrade ends as well spread as it began.
      matchLabelKeys: [{{ ternary "pod-template-hash" "controller-revision-hash" (eq (include "sceau.engine" $) "postgres") }}]
      labelSelector:
        matchLabels: {{- include "sceau.selector" $ | nindent 10 }}
          app.kubernetes.io/component: server
  {{- end }}
  {{- end }}
  {{- end }}
  {{- if .Values.hsm.moduleImage.repository }}
  initContainers:
    - name: hsm-module
      image: {{ include "sceau.image" (dict "image" .Values.hsm.moduleImage "tag" "") }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: {{- toYaml .Values.hsm.moduleImage.command | nindent 8 }}
      securityContext: {{- include "sceau.containerSecurity" . | nindent 8 }}
      resources:
        requests: {cpu: 10m, memory: 16Mi}
        limits: {memory: 128Mi}
      volumeMounts:
        - {name: hsm-module, mountPath: /opt/pkcs11}
  {{- end }}
  containers:
    - name: sceau
      image: {{ include "sceau.image" (dict "image" .Values.image "tag" .Chart.AppVersion) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      env:
        - {name: SCEAU_CONFIG, value: /etc/sceau/sceau.toml}
        - {name: SCEAU_LOG, value: {{ .Values.log | quote }}}
        {{- with .Values.hsm.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: public, containerPort: {{ include "sceau.publicPort" . }}, protocol: TCP}
        - {name: admin, containerPort: {{ include "sceau.adminPort" . }}, protocol: TCP}
      # Liveness asks nothing of anybody: a restart mends no database.
      startupProbe:
        httpGet: {path: /health/live, port: admin}
        periodSeconds: 1
        timeoutSeconds: 3
        failureThreshold: 120
      livenessProbe:
        httpGet: {path: /health/live, port: admin}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 3
      # Each check answers within two seconds.
      readinessProbe:
        httpGet: {path: /health/ready, port: admin}
        periodSeconds: 2
        timeoutSeconds: 3
        failureThreshold: 2
      securityContext: {{- include "sceau.containerSecurity" . | nindent 8 }}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - {name: settings, mountPath: /etc/sceau, readOnly: true}
        {{- if include "sceau.secretSources" . }}
        - {name: secrets, mountPath: /run/secrets/sceau, readOnly: true}
        {{- end }}
        {{- if eq (include "sceau.engine" .) "sqlite" }}
        - {name: data, mountPath: {{ .Values.persistence.mountPath }}}
        {{- end }}
        {{- if or .Values.hsm.moduleImage.repository .Values.hsm.moduleVolume }}
        - {name: hsm-module, mountPath: /opt/pkcs11, readOnly: true}
        # Modules of makers write traces and locks.
        - {name: scratch, mountPath: /tmp}
        {{- end }}
        {{- if .Values.hsm.existingSecret }}
        - {name: hsm-settings, mountPath: /etc/sceau-hsm, readOnly: true}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: settings
      projected:
        defaultMode: 0440
        sources:
          - configMap:
              name: {{ include "sceau.name" . }}
              items: [{key: sceau.toml, path: sceau.toml}]
          {{- with include "sceau.fileSources" . | trim }}
          {{- . | nindent 10 }}
          {{- end }}
    {{- with include "sceau.secretSources" . | trim }}
    - name: secrets
      projected:
        defaultMode: 0440
        sources: {{- . | nindent 10 }}
    {{- end }}
    {{- if and (eq (include "sceau.engine" .) "sqlite") .Values.persistence.existingClaim }}
    - name: data
      persistentVolumeClaim: {claimName: {{ .Values.persistence.existingClaim }}}
    {{- end }}
    {{- if or .Values.hsm.moduleImage.repository .Values.hsm.moduleVolume }}
    - name: hsm-module
      {{- if .Values.hsm.moduleVolume }}
      {{- toYaml .Values.hsm.moduleVolume | nindent 6 }}
      {{- else }}
      emptyDir: {sizeLimit: 256Mi}
      {{- end }}
    - name: scratch
      emptyDir: {sizeLimit: 64Mi}
    {{- end }}
    {{- if .Values.hsm.existingSecret }}
    - name: hsm-settings
      secret: {secretName: {{ .Values.hsm.existingSecret }}, defaultMode: 0440}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* The first rule of every egress. */}}
{{- define "sceau.dnsEgress" -}}
- to: {{- toYaml .Values.networkPolicy.dns.to | nindent 4 }}
  ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}
