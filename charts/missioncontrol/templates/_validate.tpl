{{/* What values.schema.json cannot say: values that do not go together. Each message names the value and the way out. */}}
{{- define "missioncontrol.validate" -}}
{{- $v := .Values -}}
{{- if not $v.auth.existingSecret -}}
{{- fail "auth.existingSecret is not set: give the name of a Secret with the keys token and root-key (README.md says how to make it)" -}}
{{- end -}}
{{- if and $v.database.embedded $v.database.existingSecret -}}
{{- fail "database.embedded and database.existingSecret are both set: choose SQLite in the pod, or Postgres" -}}
{{- end -}}
{{- if not (or $v.database.embedded $v.database.existingSecret) -}}
{{- fail "database.existingSecret is not set: give the name of a Secret with the URL of a Postgres in its key url, or set database.embedded=true for SQLite in one pod" -}}
{{- end -}}
{{- if and $v.mqtt.external.url (not $v.config.mqtt) -}}
{{- fail "mqtt.external.url is set, but config.mqtt is false: nodes report through a broker, or by gRPC alone" -}}
{{- end -}}
{{- if and $v.mqtt.external.username (not $v.mqtt.external.existingSecret) -}}
{{- fail "mqtt.external.existingSecret is not set: mqtt.external.username needs a Secret with the password" -}}
{{- end -}}
{{- if and $v.objectStorage.bucket (not $v.objectStorage.existingSecret) -}}
{{- fail "objectStorage.existingSecret is not set: objectStorage.bucket needs a Secret with the keys access-key and access-secret" -}}
{{- end -}}
{{- if and $v.objectStorage.sseKmsKeyId (ne $v.objectStorage.sse "aws:kms") -}}
{{- fail "objectStorage.sseKmsKeyId is set, but objectStorage.sse is not aws:kms" -}}
{{- end -}}
{{- if and (eq $v.embeddings.provider "openai") (not $v.embeddings.model) -}}
{{- fail "embeddings.model is not set: embeddings.provider openai needs it" -}}
{{- end -}}
{{- include "missioncontrol.validateReplicas" . -}}
{{- if and $v.migration.enabled $v.database.embedded -}}
{{- fail "migration.enabled needs database.existingSecret: SQLite is in the volume of the pod, which migrates it when it starts" -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.host) -}}
{{- fail "ingress.host is not set: ingress.enabled needs the name by which MissionControl is reached" -}}
{{- end -}}
{{- if and $v.gateway.enabled (not $v.gateway.parentRefs) -}}
{{- fail "gateway.parentRefs is empty: gateway.enabled needs at least one Gateway" -}}
{{- end -}}
{{- if and $v.gateway.enabled (not $v.gateway.hostnames) -}}
{{- fail "gateway.hostnames is empty: gateway.enabled needs the name by which MissionControl is reached" -}}
{{- end -}}
{{- if and $v.metrics.serviceMonitor.enabled (not $v.metrics.existingSecret) -}}
{{- fail "metrics.existingSecret is not set: /metrics is read with a token, so metrics.serviceMonitor.enabled needs a Secret with one" -}}
{{- end -}}
{{- if and $v.mesh.enabled (not $v.mesh.joinTokenSecret) -}}
{{- fail "mesh.joinTokenSecret is not set: mesh.enabled needs a Secret with a token of `mc node token create`" -}}
{{- end -}}
{{- $set := merge (include "missioncontrol.environment" . | fromYaml) (dict "MC_TOKEN" "" "MC_DATABASE_URL" "") -}}
{{- range $v.extraEnv -}}
{{- if hasKey $set .name -}}
{{- fail (printf "extraEnv sets %s, which the chart sets itself" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "missioncontrol.validateReplicas" -}}
{{- if include "missioncontrol.isReplicated" . -}}
{{- $v := .Values -}}
{{- $what := ternary "autoscaling.enabled" (printf "replicaCount %d" (int $v.replicaCount)) $v.autoscaling.enabled -}}
{{- if $v.database.embedded -}}
{{- fail (printf "%s does not go with database.embedded: SQLite serves one pod; set database.existingSecret to an external Postgres" $what) -}}
{{- end -}}
{{- if not $v.objectStorage.bucket -}}
{{- fail (printf "%s needs objectStorage.bucket: a folder of one pod is not seen by the others" $what) -}}
{{- end -}}
{{- $p := $v.persistence -}}
{{- if and $p.enabled (not $p.existingClaim) (not (has "ReadWriteMany" $p.accessModes)) -}}
{{- fail (printf "%s needs persistence.accessModes [ReadWriteMany], because all write one Git ledger; or persistence.enabled=false, and publish to repositories elsewhere only" $what) -}}
{{- end -}}
{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" -}}
{{- end -}}
{{- end -}}
{{- end -}}
