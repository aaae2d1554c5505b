{{/* The environment of a role: nothing in it is secret. */}}
{{- define "connector.env" -}}
{{- $values := .root.Values -}}
- { name: CONNECTOR_ROLE, value: {{ .role }} }
- { name: PORT, value: "8080" }
- { name: LOG_FORMAT, value: json }
- { name: WEBHOOK_PATH, value: {{ $values.webhookPath | quote }} }
- { name: COMMERCETOOLS_MESSAGES_PATH, value: {{ $values.commercetoolsMessages.path | quote }} }
- { name: DRAIN_DELAY, value: {{ $values.drainDelaySeconds | quote }} }
- { name: SHUTDOWN_TIMEOUT, value: {{ $values.shutdownTimeoutSeconds | quote }} }
{{- if include "connector.hasConfigFile" .root }}
- { name: CONNECTOR_CONFIG, value: /etc/connector/config/{{ $values.connectorConfig.key }} }
{{- else }}
{{- with $values.fluent }}
- { name: FLUENT_ACCOUNT_ID, value: {{ required "fluent.accountId is required (or connectorConfig)" .accountId | quote }} }
- { name: FLUENT_RETAILER_IDS, value: {{ join "," .retailerIds | quote }} }
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
- { name: REDIS_URL, value: redis://{{ include "connector.fullname" .root }}-redis:6379 }
{{- end }}
{{- range include "connector.secretKeys" .root | fromJsonArray }}
- { name: {{ . }}_FILE, value: /etc/connector/secrets/{{ . }} }
{{- end }}
{{- range $name, $value := $values.settings }}
- { name: {{ $name }}, value: {{ kindIs "float64" $value | ternary (printf "%.0f" (float64 (default 0 $value))) (toString $value) | quote }} }
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "connector.podTemplate" -}}
{{- $values := .root.Values -}}
{{- $hasSecrets := or (include "connector.secretKeys" .root | fromJsonArray) $values.secrets.existingSecret $values.secrets.values -}}
metadata:
  labels:
    {{- include "connector.selector" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A change of what the pods only read at their start replaces them.
    checksum/secrets: {{ include (print .root.Template.BasePath "/secret.yaml") .root | sha256sum }}
    {{- if $values.prometheusAnnotations.enabled }}
    prometheus.io/scrape: "true"
    prometheus.io/port: "8080"
    prometheus.io/path: /metrics
    {{- end }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "connector.serviceAccountName" .root }}
  automountServiceAccountToken: false
  # Variables of other Services (REDIS_PORT, …) must not be taken for the connector's.
  enableServiceLinks: false
  # Drain, shut down, the 5 s after which the process ends itself, and a margin.
  terminationGracePeriodSeconds: {{ add $values.drainDelaySeconds $values.shutdownTimeoutSeconds 10 }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.topologySpreadKeys }}
  topologySpreadConstraints:
    {{- range . }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      matchLabelKeys: [pod-template-hash]
      labelSelector:
        matchLabels:
          {{- include "connector.selector" $.root | nindent 10 }}
          app.kubernetes.io/component: {{ $.role }}
    {{- end }}
  {{- end }}
  securityContext: {{- toYaml $values.podSecurityContext | nindent 4 }}
  containers:
    - name: connector
      image: {{ include "connector.image" .root | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      securityContext: {{- toYaml $values.securityContext | nindent 8 }}
      env: {{- include "connector.env" . | nindent 8 }}
      ports:
        - { name: http, containerPort: 8080, protocol: TCP }
      startupProbe:
        httpGet: { path: /health/live, port: http }
        periodSeconds: 2
        failureThreshold: 30
      livenessProbe:
        httpGet: { path: /health/live, port: http }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      # Its answer takes at most 2 s, also while Redis hangs.
      readinessProbe:
        httpGet: { path: /health/ready, port: http }
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      resources: {{- toYaml (index $values.roles .role).resources | nindent 8 }}
      volumeMounts:
        {{- if $hasSecrets }}
        - { name: secrets, mountPath: /etc/connector/secrets, readOnly: true }
        {{- end }}
        {{- if include "connector.hasConfigFile" .root }}
        - { name: config, mountPath: /etc/connector/config, readOnly: true }
        {{- end }}
        {{- if include "connector.mappings" .root }}
        - { name: mappings, mountPath: /etc/connector/mappings, readOnly: true }
        {{- end }}
  volumes:
    {{- with include "connector.mappings" .root }}
    - name: mappings
      configMap: { name: {{ . }} }
    {{- end }}
    {{- if $hasSecrets }}
    - name: secrets
      secret: { secretName: {{ include "connector.secretName" .root }}, defaultMode: 0440 }
    {{- end }}
    {{- if include "connector.hasConfigFile" .root }}
    - name: config
      secret:
        secretName: {{ default (printf "%s-config" (include "connector.fullname" .root)) $values.connectorConfig.existingSecret }}
        defaultMode: 0440
    {{- end }}
{{- end -}}
