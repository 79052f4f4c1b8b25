{{/* Names, labels and images. */}}

{{- define "missioncontrol.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Labels that never change: (dict "root" $ "component" NAME). */}}
{{- define "missioncontrol.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of objects: (dict "root" $ "component" NAME). */}}
{{- define "missioncontrol.labels" -}}
{{ include "missioncontrol.selector" . }}
app.kubernetes.io/part-of: missioncontrol
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "missioncontrol.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "missioncontrol.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "missioncontrol.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "missioncontrol.meshImage" -}}
{{- $mesh := .Values.mesh.image -}}
{{- if not $mesh.repository -}}
{{- include "missioncontrol.image" . -}}
{{- else if $mesh.digest -}}
{{- printf "%s@%s" $mesh.repository $mesh.digest -}}
{{- else -}}
{{- printf "%s:%s" $mesh.repository (coalesce $mesh.tag .Values.image.tag .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* "true" when more than one control plane may run. */}}
{{- define "missioncontrol.isReplicated" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) -}}true{{- end -}}
{{- end -}}

{{/* Name of the claim; empty: there is none. */}}
{{- define "missioncontrol.claim" -}}
{{- if .Values.persistence.enabled -}}
{{- default (printf "%s-data" (include "missioncontrol.fullname" .)) .Values.persistence.existingClaim -}}
{{- end -}}
{{- end -}}

{{/* How nodes and agents in the cluster reach the Service. */}}
{{- define "missioncontrol.serviceHost" -}}
{{- printf "%s.%s.svc" (include "missioncontrol.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* What restricted Pod Security asks of a pod. */}}
{{- define "missioncontrol.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.runAsUser | int64 }}
runAsGroup: {{ .Values.runAsUser | int64 }}
fsGroup: {{ .Values.runAsUser | int64 }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* What restricted Pod Security asks of a container, and a root file system that nobody writes. */}}
{{- define "missioncontrol.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Requests and limits with amounts as text: server-side apply of older servers refuses numbers. */}}
{{- define "missioncontrol.resources" -}}
{{- range $kind, $amounts := . }}
{{ $kind }}:
  {{- range $name, $amount := $amounts }}
  {{ $name }}: {{ $amount | toString | quote }}
  {{- end }}
{{- end }}
{{- end -}}
