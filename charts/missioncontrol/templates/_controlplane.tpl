{{/* Variables, mounts and volumes of the control plane, for its Deployment and for the migration. */}}

{{/* Names by which agents may reach /mcp, joined by commas. */}}
{{- define "missioncontrol.allowedHosts" -}}
{{- $host := include "missioncontrol.serviceHost" . -}}
{{- $hosts := concat (list $host (printf "%s.cluster.local" $host)) .Values.config.allowedHosts -}}
{{- if and .Values.ingress.enabled .Values.ingress.host -}}
{{- $hosts = append $hosts .Values.ingress.host -}}
{{- end -}}
{{- if .Values.gateway.enabled -}}
{{- $hosts = concat $hosts .Values.gateway.hostnames -}}
{{- end -}}
{{- $hosts | uniq | join "," -}}
{{- end -}}

{{/* The URL by which people and agents reach HTTP; empty: it is made of the first advertised name. */}}
{{- define "missioncontrol.publicUrl" -}}
{{- if .Values.config.publicUrl -}}
{{- .Values.config.publicUrl -}}
{{- else if and .Values.ingress.enabled .Values.ingress.host -}}
https://{{ .Values.ingress.host }}
{{- else if and .Values.gateway.enabled .Values.gateway.hostnames -}}
https://{{ first .Values.gateway.hostnames }}
{{- end -}}
{{- end -}}

{{/* Not empty: nodes report through the built-in broker, which has a port. */}}
{{- define "missioncontrol.hasGate" -}}
{{- if and .Values.config.mqtt (not .Values.mqtt.external.url) }}yes{{ end -}}
{{- end -}}

{{/* Every variable without a secret, as YAML mapping. */}}
{{- define "missioncontrol.environment" -}}
{{- $host := include "missioncontrol.serviceHost" . -}}
{{- $listen := .Values.config.listen -}}
{{- if contains ":" $listen }}{{ $listen = printf "[%s]" $listen }}{{ end -}}
MC_DATA_DIR: /var/lib/missioncontrol
MC_ROOT_KEY_FILE: /etc/missioncontrol/auth/root.key
{{- if .Values.auth.rootKeyPreviousKey }}
MC_ROOT_KEY_PREVIOUS_FILE: /etc/missioncontrol/auth/root.key.before
{{- end }}
MC_HTTP: {{ printf "%s:8008" $listen | quote }}
MC_GRPC: {{ printf "%s:8009" $listen | quote }}
MC_MQTT: {{ ternary (printf "%s:8883" $listen) "none" (eq (include "missioncontrol.hasGate" .) "yes") | quote }}
{{- with .Values.mqtt.external }}
{{- if .url }}
MC_MQTT_BROKER_URL: {{ .url | quote }}
{{- with .publicUrl }}
MC_MQTT_BROKER_PUBLIC_URL: {{ . | quote }}
{{- end }}
{{- if .username }}
MC_MQTT_BROKER_USERNAME: {{ .username | quote }}
MC_MQTT_BROKER_PASSWORD_FILE: /etc/missioncontrol/mqtt/password
{{- end }}
{{- if .certificateSecret }}
MC_MQTT_BROKER_CERT_FILE: /etc/missioncontrol/mqtt-certificate/tls.crt
MC_MQTT_BROKER_KEY_FILE: /etc/missioncontrol/mqtt-certificate/tls.key
{{- end }}
{{- if .caSecret }}
MC_MQTT_BROKER_CA_FILE: /etc/missioncontrol/mqtt-ca/ca.crt
{{- end }}
{{- end }}
{{- end }}
MC_BEHIND_PROXY: "true"
MC_ADVERTISE: {{ default (list $host (printf "%s.cluster.local" $host)) .Values.config.advertise | join "," | quote }}
MC_ALLOWED_HOSTS: {{ include "missioncontrol.allowedHosts" . | quote }}
MC_GOV_PROFILE: {{ .Values.config.governanceProfile | quote }}
MC_OVERLAP_DETECTION: {{ .Values.config.overlapDetection | quote }}
MC_SESSIONS_PER_PRINCIPAL: {{ .Values.config.sessionsPerPrincipal | int64 | quote }}
MC_DATABASE_CONNECTIONS: {{ .Values.config.databaseConnections | int64 | quote }}
MC_STATEMENT_TIMEOUT: {{ .Values.config.statementTimeout | int64 | quote }}
MC_LOG: {{ .Values.config.log | quote }}
MC_LOG_FORMAT: {{ .Values.config.logFormat | quote }}
{{- with include "missioncontrol.publicUrl" . }}
MC_PUBLIC_URL: {{ . | quote }}
{{- end }}
{{- if not .Values.database.embedded }}
MC_DATABASE_URL_FILE: /etc/missioncontrol/database/url
{{- end }}
{{- if .Values.metrics.existingSecret }}
MC_METRICS_TOKEN_FILE: /etc/missioncontrol/metrics/token
{{- end }}
{{- with .Values.objectStorage }}
{{- if .bucket }}
MC_OBJECT_STORAGE_PROVIDER: s3
MC_OBJECT_STORAGE_BUCKET: {{ .bucket | quote }}
MC_OBJECT_STORAGE_REGION: {{ .region | quote }}
{{- with .endpoint }}
MC_OBJECT_STORAGE_ENDPOINT: {{ . | quote }}
{{- end }}
{{- with .publicEndpoint }}
MC_OBJECT_STORAGE_PUBLIC_ENDPOINT: {{ . | quote }}
{{- end }}
{{- with .prefix }}
MC_OBJECT_STORAGE_PREFIX: {{ . | quote }}
{{- end }}
{{- if kindIs "bool" .pathStyle }}
MC_OBJECT_STORAGE_PATH_STYLE: {{ .pathStyle | quote }}
{{- end }}
MC_OBJECT_STORAGE_ACCESS_KEY_FILE: /etc/missioncontrol/object-storage/access-key
MC_OBJECT_STORAGE_ACCESS_SECRET_FILE: /etc/missioncontrol/object-storage/access-secret
{{- if .caSecret }}
MC_OBJECT_STORAGE_CA_FILE: /etc/missioncontrol/object-storage-ca/ca.crt
{{- end }}
MC_OBJECT_STORAGE_SSE: {{ .sse | quote }}
{{- with .sseKmsKeyId }}
MC_OBJECT_STORAGE_SSE_KMS_KEY_ID: {{ . | quote }}
{{- end }}
{{- if not (kindIs "invalid" .startTimeoutSeconds) }}
MC_OBJECT_STORAGE_START_TIMEOUT_SECONDS: {{ .startTimeoutSeconds | int64 | quote }}
{{- end }}
{{- else }}
MC_OBJECT_STORAGE_PROVIDER: folder
{{- end }}
MC_OBJECT_STORAGE_PRESIGN_MAX_SECONDS: {{ .presignMaxSeconds | int64 | quote }}
{{- end }}
{{- with .Values.embeddings }}
MC_EMBEDDINGS_PROVIDER: {{ .provider | quote }}
{{- if eq .provider "openai" }}
{{- with .baseUrl }}
MC_EMBEDDINGS_BASE_URL: {{ . | quote }}
{{- end }}
MC_EMBEDDINGS_MODEL: {{ .model | quote }}
{{- if .existingSecret }}
MC_EMBEDDINGS_API_KEY_FILE: /etc/missioncontrol/embeddings/api-key
{{- end }}
{{- with .dimensions }}
MC_EMBEDDINGS_DIMENSIONS: {{ . | int64 | quote }}
{{- end }}
{{- with .tokensPerHour }}
MC_EMBEDDINGS_TOKENS_PER_HOUR: {{ . | int64 | quote }}
{{- end }}
{{- with .tokensPerDay }}
MC_EMBEDDINGS_TOKENS_PER_DAY: {{ . | int64 | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Mounts of what comes from Secrets. The token is a file of the data folder, so that a new one is taken at the next start. */}}
{{- define "missioncontrol.secretMounts" -}}
- name: auth
  mountPath: /var/lib/missioncontrol/token
  subPath: token
  readOnly: true
- name: auth
  mountPath: /etc/missioncontrol/auth/root.key
  subPath: root.key
  readOnly: true
{{- if .Values.auth.rootKeyPreviousKey }}
- name: auth
  mountPath: /etc/missioncontrol/auth/root.key.before
  subPath: root.key.before
  readOnly: true
{{- end }}
{{- if not .Values.database.embedded }}
- name: database
  mountPath: /etc/missioncontrol/database
  readOnly: true
{{- end }}
{{- if .Values.database.caSecret }}
- name: database-ca
  mountPath: /etc/missioncontrol/database-ca
  readOnly: true
{{- end }}
{{- if .Values.metrics.existingSecret }}
- name: metrics
  mountPath: /etc/missioncontrol/metrics
  readOnly: true
{{- end }}
{{- if .Values.objectStorage.bucket }}
- name: object-storage
  mountPath: /etc/missioncontrol/object-storage
  readOnly: true
{{- if .Values.objectStorage.caSecret }}
- name: object-storage-ca
  mountPath: /etc/missioncontrol/object-storage-ca
  readOnly: true
{{- end }}
{{- end }}
{{- if .Values.mqtt.external.url }}
{{- if .Values.mqtt.external.username }}
- name: mqtt
  mountPath: /etc/missioncontrol/mqtt
  readOnly: true
{{- end }}
{{- if .Values.mqtt.external.certificateSecret }}
- name: mqtt-certificate
  mountPath: /etc/missioncontrol/mqtt-certificate
  readOnly: true
{{- end }}
{{- if .Values.mqtt.external.caSecret }}
- name: mqtt-ca
  mountPath: /etc/missioncontrol/mqtt-ca
  readOnly: true
{{- end }}
{{- end }}
{{- if and (eq .Values.embeddings.provider "openai") .Values.embeddings.existingSecret }}
- name: embeddings
  mountPath: /etc/missioncontrol/embeddings
  readOnly: true
{{- end }}
{{- end -}}

{{- define "missioncontrol.secretVolumes" -}}
- name: auth
  secret:
    secretName: {{ .Values.auth.existingSecret }}
    defaultMode: 0440
    items:
      - { key: {{ .Values.auth.tokenKey }}, path: token }
      - { key: {{ .Values.auth.rootKeyKey }}, path: root.key }
      {{- with .Values.auth.rootKeyPreviousKey }}
      - { key: {{ . }}, path: root.key.before }
      {{- end }}
{{- if not .Values.database.embedded }}
- name: database
  secret:
    secretName: {{ .Values.database.existingSecret }}
    defaultMode: 0440
    items:
      - { key: {{ .Values.database.urlKey }}, path: url }
{{- end }}
{{- if .Values.metrics.existingSecret }}
- name: metrics
  secret:
    secretName: {{ .Values.metrics.existingSecret }}
    defaultMode: 0440
    items:
      - { key: {{ .Values.metrics.tokenKey }}, path: token }
{{- end }}
{{- if .Values.database.caSecret }}
- name: database-ca
  secret:
    secretName: {{ .Values.database.caSecret }}
    defaultMode: 0440
    items:
      - { key: {{ .Values.database.caKey }}, path: ca.crt }
{{- end }}
{{- if .Values.objectStorage.bucket }}
- name: object-storage
  secret:
    secretName: {{ .Values.objectStorage.existingSecret }}
    defaultMode: 0440
    items:
      - { key: {{ .Values.objectStorage.accessKeyKey }}, path: access-key }
      - { key: {{ .Values.objectStorage.accessSecretKey }}, path: access-secret }
{{- if .Values.objectStorage.caSecret }}
- name: object-storage-ca
  secret:
    secretName: {{ .Values.objectStorage.caSecret }}
    defaultMode: 0440
    items:
      - { key: {{ .Values.objectStorage.caKey }}, path: ca.crt }
{{- end }}
{{- end }}
{{- if .Values.mqtt.external.url }}
{{- if .Values.mqtt.external.username }}
- name: mqtt
  secret:
    secretName: {{ .Values.mqtt.external.existingSecret }}
    defaultMode: 0440
    items:
      - { key: {{ .Values.mqtt.external.passwordKey }}, path: password }
{{- end }}
{{- if .Values.mqtt.external.certificateSecret }}
- name: mqtt-certificate
  secret:
    secretName: {{ .Values.mqtt.external.certificateSecret }}
    defaultMode: 0440
    items:
      - { key: tls.crt, path: tls.crt }
      - { key: tls.key, path: tls.key }
{{- end }}
{{- if .Values.mqtt.external.caSecret }}
- name: mqtt-ca
  secret:
    secretName: {{ .Values.mqtt.external.caSecret }}
    defaultMode: 0440
    items:
      - { key: {{ .Values.mqtt.external.caKey }}, path: ca.crt }
{{- end }}
{{- end }}
{{- if and (eq .Values.embeddings.provider "openai") .Values.embeddings.existingSecret }}
- name: embeddings
  secret:
    secretName: {{ .Values.embeddings.existingSecret }}
    defaultMode: 0440
    items:
      - { key: {{ .Values.embeddings.apiKeyKey }}, path: api-key }
{{- end }}
{{- end -}}
