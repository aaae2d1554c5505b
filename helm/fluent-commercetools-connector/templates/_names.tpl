{{- define "connector.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 52 characters leave room for the longest suffix within the 63 of a DNS label. */}}
{{- define "connector.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "connector.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "connector.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "connector.selector" -}}
app.kubernetes.io/name: {{ include "connector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "connector.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "connector.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: fluent-commercetools-connector
{{- end -}}

{{/* The roles that are deployed, and the names of their Deployments. */}}
{{- define "connector.roles" -}}
{{- ternary (list "ingress" "worker") (list "all") .Values.split | toJson -}}
{{- end -}}
{{- define "connector.roleName" -}}
{{- $fullname := include "connector.fullname" .root -}}
{{- ternary $fullname (printf "%s-%s" $fullname .role) (eq .role "all") -}}
{{- end -}}

{{- define "connector.receivingRole" -}}{{ ternary "ingress" "all" .Values.split }}{{- end -}}
{{- define "connector.processingRole" -}}{{ ternary "worker" "all" .Values.split }}{{- end -}}

{{/* What the outside may reach; health, metrics and admin stay inside the cluster. */}}
{{- define "connector.publicPaths" -}}
{{- $messages := .Values.commercetoolsMessages -}}
{{- ternary (list .Values.webhookPath $messages.path) (list .Values.webhookPath) $messages.publish | toJson -}}
{{- end -}}

{{- define "connector.serviceAccountName" -}}
{{- $own := ternary (include "connector.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end -}}

{{- define "connector.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "connector.secretName" -}}
{{- if .Values.secrets.existingSecret -}}
{{- if .Values.secrets.values -}}
{{- fail "secrets.existingSecret and secrets.values are both set; keep one" -}}
{{- end -}}
{{- .Values.secrets.existingSecret -}}
{{- else -}}
{{- include "connector.fullname" . -}}
{{- end -}}
{{- end -}}

{{- define "connector.hasConfigFile" -}}
{{- with .Values.connectorConfig -}}
{{- if and .content .existingSecret -}}
{{- fail "connectorConfig.content and connectorConfig.existingSecret are both set; keep one" -}}
{{- end -}}
{{- if or .content .existingSecret -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* The ConfigMap with the mappings, empty when Fluent has them. */}}
{{- define "connector.mappings" -}}
{{- with .Values.mappings -}}
{{- if and .content .existingConfigMap -}}
{{- fail "mappings.content and mappings.existingConfigMap are both set; keep one" -}}
{{- end -}}
{{- if .content -}}{{ include "connector.fullname" $ }}-mappings{{- else -}}{{ .existingConfigMap }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* The keys of the Secret that the connector is told about, by the names of their variables. */}}
{{- define "connector.secretKeys" -}}
{{- $keys := list -}}
{{- if not .Values.redis.bundled.enabled -}}{{- $keys = append $keys "REDIS_URL" -}}{{- end -}}
{{- if not (include "connector.hasConfigFile" .) -}}
{{- $keys = concat $keys (list "FLUENT_USERNAME" "FLUENT_PASSWORD" "FLUENT_CLIENT_ID" "FLUENT_CLIENT_SECRET" "FLUENT_WEBHOOK_PUBLIC_KEYS" "CTP_CLIENT_ID" "CTP_CLIENT_SECRET") -}}
{{- end -}}
{{- $values := .Values.secrets.values -}}
{{- if and $keys (not .Values.secrets.existingSecret) -}}
{{- if not $values -}}
{{- fail (printf "set secrets.existingSecret to the name of a Secret with the keys %s (or, for a trial, secrets.values)" (join ", " $keys)) -}}
{{- end -}}
{{- range $keys -}}
{{- if not (index $values .) -}}{{- fail (printf "secrets.values.%s is required" .) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- concat $keys .Values.secrets.optional | uniq | toJson -}}
{{- end -}}
