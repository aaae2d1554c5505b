{{- define "connector.tcpPorts" -}}
{{- range . }}
- { port: {{ . }}, protocol: TCP }
{{- end }}
{{- end -}}

{{/* A rule of egress to the name servers, of the values of networkPolicy. */}}
{{- define "connector.dnsEgress" -}}
- ports:
    {{- range .dnsPorts }}
    - { port: {{ . }}, protocol: UDP }
    - { port: {{ . }}, protocol: TCP }
    {{- end }}
  {{- with .dnsTo }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/*
The ports of the addresses that the values have, as JSON: of upstreams those beside 443, which has a rule of its own; of
proxies and collectors in `extraEnv` all, since these may be anywhere.
*/}}
{{- define "connector.configuredPorts" -}}
{{- $upstreams := list .Values.fluent.baseUrl .Values.commercetools.authUrl .Values.commercetools.apiUrl -}}
{{- range .Values.connectorConfig.content.accounts }}{{- $upstreams = append $upstreams .baseUrl }}{{- end -}}
{{- range .Values.connectorConfig.content.projects }}{{- $upstreams = concat $upstreams (list .authUrl .apiUrl) }}{{- end -}}
{{- $ports := list -}}
{{- range $upstreams }}{{- $ports = append $ports (include "connector.portOf" .) }}{{- end -}}
{{- $ports = without $ports "443" -}}
{{- range .Values.extraEnv }}{{- $ports = append $ports (include "connector.portOf" .value) }}{{- end -}}
{{- $numbers := list -}}
{{- range without $ports "" | uniq }}{{- $numbers = append $numbers (int .) }}{{- end -}}
{{- $numbers | toJson -}}
{{- end -}}

{{/* The port of an address that begins with http:// or https://, empty for anything else. */}}
{{- define "connector.portOf" -}}
{{- $text := toString . -}}
{{- if regexMatch "^https?://" $text -}}
{{- $host := (urlParse $text).host -}}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" -}}
{{- default (ternary "443" "80" (hasPrefix "https:" $text)) $port -}}
{{- end -}}
{{- end -}}
