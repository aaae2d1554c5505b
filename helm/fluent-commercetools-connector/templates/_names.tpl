{{- define "connector.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/*
The name of an object of the release, of at most 52 characters with its suffix: to the name of a StatefulSet its
controller appends 11 characters and makes a label of it, and a label holds 63. A Service's name begins with a letter.
*/}}
{{- define "connector.objectName" -}}
{{- $name := include "connector.name" .root -}}
{{- $base := default (ternary .root.Release.Name (printf "%s-%s" .root.Release.Name $name) (contains $name .root.Release.Name)) .root.Values.fullnameOverride -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $base) -}}
{{- fail (printf "%q cannot be the name of a Service, which has lower-case letters, digits and -, and begins with a letter; set fullnameOverride" $base) -}}
{{- end -}}
{{- printf "%s%s" ($base | trunc (sub 52 (len .suffix) | int) | trimSuffix "-") .suffix -}}
{{- end -}}
{{- define "connector.fullname" -}}
{{- include "connector.objectName" (dict "root" . "suffix" "") -}}
{{- end -}}

{{- define "connector.selector" -}}
app.kubernetes.io/name: {{ include "connector.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "connector.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{ include "connector.selector" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
app.kubernetes.io/part-of: fluent-commercetools-connector
{{- end -}}

{{/*
The roles that are deployed. Their Deployments are named and selected by component: pods that receive webhooks are one
component, whether they process them, too (role `all`) or not (role `ingress`). So a change of `split` is a rolling
update behind the same Service.
*/}}
{{- define "connector.roles" -}}
{{- ternary (list "ingress" "worker") (list "all") .Values.split | toJson -}}
{{- end -}}
{{- define "connector.component" -}}{{ ternary "worker" "receiver" (eq .role "worker") }}{{- end -}}
{{- define "connector.roleName" -}}
{{- include "connector.objectName" (dict "root" .root "suffix" (ternary "-worker" "" (eq .role "worker"))) -}}
{{- end -}}
{{- define "connector.roleSelector" -}}
{{ include "connector.selector" .root }}
app.kubernetes.io/component: {{ include "connector.component" . }}
{{- end -}}

{{- define "connector.receivingRole" -}}{{ ternary "ingress" "all" .Values.split }}{{- end -}}
{{- define "connector.processingRole" -}}{{ ternary "worker" "all" .Values.split }}{{- end -}}
{{- define "connector.redisName" -}}
{{- include "connector.objectName" (dict "root" . "suffix" "-redis") -}}
{{- end -}}

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
{{- if .content -}}{{ include "connector.objectName" (dict "root" $ "suffix" "-mappings") }}{{- else -}}{{ .existingConfigMap }}{{- end -}}
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
