{{- define "empathy-stream.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "empathy-stream.fullname" -}}
{{- $name := include "empathy-stream.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "empathy-stream.selector" -}}
app.kubernetes.io/name: {{ include "empathy-stream.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "empathy-stream.labels" -}}
{{ include "empathy-stream.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/component: worker
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "empathy-stream.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "empathy-stream.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "empathy-stream.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The worker's defaults that the chart needs to know (held by a test), and what was set. */}}
{{- define "empathy-stream.settings" -}}
{{- $defaults := dict
  "EMPATHY_GROUP_ID" "empathy-stream"
  "EMPATHY_EVENTS_TOPIC" "conversation.events"
  "EMPATHY_PARTITIONS" 4
  "EMPATHY_SECURITY_PROTOCOL" "PLAINTEXT"
  "EMPATHY_SASL_MECHANISM" "PLAIN"
  "EMPATHY_DRAIN_SECONDS" 30
  "EMPATHY_OPS_PORT" 9464
-}}
{{- merge (deepCopy .Values.settings) $defaults | toJson -}}
{{- end -}}

{{/* The job in metrics: the rules and dashboards look for names that begin with empathy-stream. */}}
{{- define "empathy-stream.job" -}}
{{- printf "empathy-stream/%s/%s" .Release.Namespace .Release.Name -}}
{{- end -}}

{{/* Numbers come out of YAML as floats: 1048576 must not become 1.048576e+06. */}}
{{- define "empathy-stream.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}{{ . | int64 }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{- define "empathy-stream.check" -}}
{{- $settings := include "empathy-stream.settings" . | fromJson -}}
{{- $partitions := $settings.EMPATHY_PARTITIONS | int -}}
{{- $_ := required "settings.EMPATHY_BOOTSTRAP_SERVERS: name at least one broker, host:port" $settings.EMPATHY_BOOTSTRAP_SERVERS -}}
{{- if .Values.autoscaling.enabled -}}
{{- if gt (.Values.autoscaling.maxReplicas | int) $partitions -}}
{{- fail (printf "autoscaling.maxReplicas: %d workers have at most %d partitions to share; set settings.EMPATHY_PARTITIONS to what the events topic has" (.Values.autoscaling.maxReplicas | int) $partitions) -}}
{{- end -}}
{{- if gt (.Values.autoscaling.minReplicas | int) (.Values.autoscaling.maxReplicas | int) -}}
{{- fail "autoscaling.minReplicas: is above autoscaling.maxReplicas" -}}
{{- end -}}
{{- else if gt (.Values.replicas | int) $partitions -}}
{{- fail (printf "replicas: %d workers have %d partitions to share; set settings.EMPATHY_PARTITIONS to what the events topic has" (.Values.replicas | int) $partitions) -}}
{{- end -}}
{{- if and (contains "SASL" $settings.EMPATHY_SECURITY_PROTOCOL) (ne $settings.EMPATHY_SASL_MECHANISM "OAUTHBEARER") (not (hasKey .Values.files "EMPATHY_SASL_PASSWORD_FILE")) (not $settings.EMPATHY_SASL_PASSWORD_FILE) -}}
{{- fail "files.EMPATHY_SASL_PASSWORD_FILE: name the Secret and key that hold the SASL password" -}}
{{- end -}}
{{- range $name, $_ := .Values.files -}}
{{- if hasKey $.Values.settings $name -}}
{{- fail (printf "%s: is in settings and in files; give one of them" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
