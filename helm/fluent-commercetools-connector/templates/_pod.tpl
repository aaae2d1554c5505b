{{/* Text of a value that may be a number: those of a values file are decimals, whose text would be 2e+06. */}}
{{- define "connector.text" -}}
{{- if kindIs "float64" . -}}{{ printf "%.0f" . }}{{- else -}}{{ toString . }}{{- end -}}
{{- end -}}

{{/* The environment of a role: nothing in it is secret. */}}
{{- define "connector.env" -}}
{{- $values := .root.Values -}}
- { name: CONNECTOR_ROLE, value: {{ .role }} }
- { name: PORT, value: "8080" }
# Of their own, so that nothing that fills the public port keeps probes, scrapes and operators out.
- { name: MANAGEMENT_PORT, value: "8081" }
- { name: LOG_FORMAT, value: json }
- { name: WEBHOOK_PATH, value: {{ $values.webhookPath | quote }} }
- { name: COMMERCETOOLS_MESSAGES_PATH, value: {{ $values.commercetoolsMessages.path | quote }} }
- { name: DRAIN_DELAY, value: {{ $values.drainDelaySeconds | quote }} }
- { name: SHUTDOWN_TIMEOUT, value: {{ $values.shutdownTimeoutSeconds | quote }} }
{{- $requiresTls := kindIs "bool" $values.requireTls | ternary $values.requireTls (not $values.redis.bundled.enabled) }}
- { name: REQUIRE_TLS, value: {{ $requiresTls | quote }} }
{{- if include "connector.hasConfigFile" .root }}
- { name: CONNECTOR_CONFIG, value: {{ printf "/etc/connector/config/%s" $values.connectorConfig.key | quote }} }
{{- else }}
{{- with $values.fluent }}
- { name: FLUENT_ACCOUNT_ID, value: {{ required "fluent.accountId is required (or connectorConfig)" .accountId | quote }} }
{{- $retailerIds := list }}
{{- range .retailerIds }}{{- $retailerIds = append $retailerIds (include "connector.text" .) }}{{- end }}
- { name: FLUENT_RETAILER_IDS, value: {{ join "," $retailerIds | quote }} }
- { name: FLUENT_BASE_URL, value: {{ .baseUrl | quote }} }
- { name: FLUENT_ALLOW_MD5_SIGNATURE, value: {{ .allowMd5Signature | quote }} }
{{- end }}
{{- with $values.commercetools }}
- { name: CTP_PROJECT_KEY, value: {{ required "commercetools.projectKey is required (or connectorConfig)" .projectKey | quote }} }
- { name: CTP_AUTH_URL, value: {{ required "commercetools.authUrl is required (or connectorConfig)" .authUrl | quote }} }
- { name: CTP_API_URL, value: {{ required "commercetools.apiUrl is required (or connectorConfig)" .apiUrl | quote }} }
- { name: CTP_SCOPES, value: {{ default (printf "manage_orders:%s" .projectKey) .scopes | quote }} }
{{- end }}
{{- end }}
{{- if include "connector.mappings" .root }}
- { name: SETTINGS_FILE, value: /etc/connector/mappings }
{{- end }}
{{- if $values.redis.bundled.enabled }}
- { name: REDIS_URL_FILE, value: /etc/connector/redis/REDIS_URL }
{{- end }}
{{- range include "connector.secretKeys" .root | fromJsonArray }}
- { name: {{ . }}_FILE, value: /etc/connector/secrets/{{ . }} }
{{- end }}
{{- range $name, $value := $values.settings }}
- { name: {{ $name }}, value: {{ include "connector.text" $value | quote }} }
{{- end }}
{{- range $name, $value := $values.app.settings }}
- { name: {{ $name }}, value: {{ include "connector.text" $value | quote }} }
{{- end }}
{{- range $values.app.secrets }}
- { name: {{ . }}_FILE, value: /etc/connector/secrets/{{ . }} }
{{- end }}
{{- if include "connector.caVolume" .root }}
- { name: NODE_EXTRA_CA_CERTS, value: {{ printf "/etc/connector/ca/%s" $values.caCertificates.key | quote }} }
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The source of the volume with certificates of a private authority, empty without one. */}}
{{- define "connector.caVolume" -}}
{{- with .Values.caCertificates -}}
{{- if and .existingConfigMap .existingSecret -}}
{{- fail "caCertificates.existingConfigMap and caCertificates.existingSecret are both set; keep one" -}}
{{- end -}}
{{- with .existingConfigMap -}}configMap: { name: {{ . | quote }} }{{- end -}}
{{- with .existingSecret -}}secret: { secretName: {{ . | quote }}, defaultMode: 0440 }{{- end -}}
{{- end -}}
{{- end -}}

{{/* Where every pod of the release may run, and with which images. */}}
{{- define "connector.placement" -}}
{{- range $key := list "imagePullSecrets" "nodeSelector" "tolerations" }}
{{- with index $.Values $key }}
{{ $key }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* What the connector's process reads, and where. */}}
{{- define "connector.volumeMounts" -}}
{{- if include "connector.hasSecretFiles" . }}
- { name: secrets, mountPath: /etc/connector/secrets, readOnly: true }
{{- end }}
{{- if .Values.redis.bundled.enabled }}
- { name: redis, mountPath: /etc/connector/redis, readOnly: true }
{{- end }}
{{- if include "connector.hasConfigFile" . }}
- { name: config, mountPath: /etc/connector/config, readOnly: true }
{{- end }}
{{- if include "connector.mappings" . }}
- { name: mappings, mountPath: /etc/connector/mappings, readOnly: true }
{{- end }}
{{- if include "connector.caVolume" . }}
- { name: ca, mountPath: /etc/connector/ca, readOnly: true }
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "connector.volumes" -}}
{{- with include "connector.mappings" . }}
- name: mappings
  configMap: { name: {{ . | quote }} }
{{- end }}
{{- with include "connector.caVolume" . }}
- name: ca
  {{ . }}
{{- end }}
{{- if include "connector.hasSecretFiles" . }}
- name: secrets
  secret: { secretName: {{ include "connector.secretName" . | quote }}, defaultMode: 0440 }
{{- end }}
{{- if .Values.redis.bundled.enabled }}
- name: redis
  secret:
    secretName: {{ include "connector.redisName" . | quote }}
    defaultMode: 0440
    items: [{ key: REDIS_URL, path: REDIS_URL }]
{{- end }}
{{- if include "connector.hasConfigFile" . }}
- name: config
  secret:
    secretName: {{ default (include "connector.objectName" (dict "root" . "suffix" "-config")) .Values.connectorConfig.existingSecret | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "connector.hasSecretFiles" -}}
{{- if or (include "connector.secretKeys" . | fromJsonArray) .Values.secrets.existingSecret .Values.secrets.values -}}true{{- end -}}
{{- end -}}

{{/*
A container that runs `doctor` with the configuration of a role. `node` resolves the package by its name from the working
folder of the image: in the connector's own image and in that of an application.
*/}}
{{- define "connector.doctorContainer" -}}
{{- $values := .root.Values -}}
{{- $args := list "doctor" -}}
{{- with .settings.checks }}{{- $args = concat $args (list "--only" (join "," .)) }}{{- end -}}
{{- with .settings.order }}{{- $args = concat $args (list "--order" .) }}{{- end -}}
{{- if .settings.strict }}{{- $args = append $args "--strict" }}{{- end -}}
- name: doctor
  image: {{ include "connector.image" .root | quote }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  securityContext: {{- toYaml $values.securityContext | nindent 4 }}
  command: [node, --input-type=module, --eval, "await import('fluent-commercetools-connector/cli')", fluent-commercetools-connector]
  args: {{- toYaml $args | nindent 4 }}
  env: {{- include "connector.env" . | nindent 4 }}
  resources: {{- toYaml (index $values.roles .role).resources | nindent 4 }}
  {{- with include "connector.volumeMounts" .root | trim }}
  volumeMounts: {{- . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "connector.podTemplate" -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "connector.selector" .root | nindent 4 }}
    app.kubernetes.io/component: {{ include "connector.component" . }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A change of what the pods only read at their start replaces them.
    checksum/secrets: {{ include (print .root.Template.BasePath "/secret.yaml") .root | sha256sum }}
    {{- if $values.redis.bundled.enabled }}
    checksum/redis-password: {{ $values.redis.bundled.password | sha256sum }}
    {{- end }}
    {{- if $values.prometheusAnnotations.enabled }}
    prometheus.io/scrape: "true"
    prometheus.io/port: "8081"
    prometheus.io/path: /metrics
    {{- end }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "connector.serviceAccountName" .root | quote }}
  automountServiceAccountToken: false
  # Variables of other Services (REDIS_PORT, …) must not be taken for the connector's.
  enableServiceLinks: false
  # Drain, shut down, the 5 s after which the process ends itself, and a margin.
  terminationGracePeriodSeconds: {{ add $values.drainDelaySeconds $values.shutdownTimeoutSeconds 10 }}
  {{- include "connector.placement" .root | nindent 2 }}
  {{- with $values.dnsConfig }}
  dnsConfig: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.topologySpreadKeys }}
  topologySpreadConstraints:
    {{- range . }}
    - maxSkew: 1
      topologyKey: {{ . | quote }}
      whenUnsatisfiable: ScheduleAnyway
      matchLabelKeys: [pod-template-hash]
      labelSelector:
        matchLabels: {{- include "connector.roleSelector" $ | nindent 10 }}
    {{- end }}
  {{- end }}
  securityContext: {{- toYaml $values.podSecurityContext | nindent 4 }}
  {{- with $values.doctor.initContainer }}
  {{- if .enabled }}
  initContainers: {{- include "connector.doctorContainer" (merge (dict "settings" .) $) | nindent 4 }}
  {{- end }}
  {{- end }}
  containers:
    - name: connector
      image: {{ include "connector.image" .root | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      {{- with $values.app.command }}
      command: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.app.args }}
      args: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext: {{- toYaml $values.securityContext | nindent 8 }}
      env: {{- include "connector.env" . | nindent 8 }}
      ports:
        - { name: http, containerPort: 8080, protocol: TCP }
        - { name: management, containerPort: 8081, protocol: TCP }
      startupProbe:
        httpGet: { path: /health/live, port: management }
        periodSeconds: 2
        failureThreshold: 30
      livenessProbe:
        httpGet: { path: /health/live, port: management }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      # Its answer takes at most 2 s, also while Redis hangs.
      readinessProbe:
        httpGet: { path: /health/ready, port: management }
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      resources: {{- toYaml (index $values.roles .role).resources | nindent 8 }}
      {{- with include "connector.volumeMounts" .root | trim }}
      volumeMounts: {{- . | nindent 8 }}
      {{- end }}
  {{- with include "connector.volumes" .root | trim }}
  volumes: {{- . | nindent 4 }}
  {{- end }}
{{- end -}}
