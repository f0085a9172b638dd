/**
 * The parts of the Kubernetes messages that clients send as protobuf and that the playground keeps: for each field its number, name and type,
 * from the `generated.proto` files of Kubernetes 1.34. `[]`: repeated; `{}`: a map by strings; `!`: its fields belong to the message around it.
 * Of fields that are not here, `status` and `managedFields` are the server's own; a message with any other is refused, not cut down.
 */
export const MESSAGES: Readonly<Record<string, string>> = {
  ObjectMeta:
    "1:name:string 2:generateName:string 3:namespace:string 4:selfLink:string 5:uid:string 6:resourceVersion:string 7:generation:int 8:creationTimestamp:Time 9:deletionTimestamp:Time 10:deletionGracePeriodSeconds:int 11:labels:string{} 12:annotations:string{} 13:ownerReferences:OwnerReference[] 14:finalizers:string[]",
  OwnerReference:
    "5:apiVersion:string 1:kind:string 3:name:string 4:uid:string 6:controller:bool 7:blockOwnerDeletion:bool",
  LabelSelector: "1:matchLabels:string{} 2:matchExpressions:LabelSelectorRequirement[]",
  LabelSelectorRequirement: "1:key:string 2:operator:string 3:values:string[]",
  DeleteOptions:
    "1:gracePeriodSeconds:int 2:preconditions:Preconditions 3:orphanDependents:bool 4:propagationPolicy:string 5:dryRun:string[] 6:ignoreStoreReadErrorWithClusterBreakingPotential:bool",
  Preconditions: "1:uid:string 2:resourceVersion:string",
  Namespace: "1:metadata:ObjectMeta",
  ConfigMap: "1:metadata:ObjectMeta 4:immutable:bool 2:data:string{} 3:binaryData:bytes{}",
  Secret: "1:metadata:ObjectMeta 5:immutable:bool 2:data:bytes{} 4:stringData:string{} 3:type:string",
  ServiceAccount:
    "1:metadata:ObjectMeta 2:secrets:ObjectReference[] 3:imagePullSecrets:LocalObjectReference[] 4:automountServiceAccountToken:bool",
  LocalObjectReference: "1:name:string",
  ObjectReference:
    "1:kind:string 2:namespace:string 3:name:string 4:uid:string 5:apiVersion:string 6:resourceVersion:string 7:fieldPath:string",
  Service: "1:metadata:ObjectMeta 2:spec:ServiceSpec",
  ServiceSpec:
    "1:ports:ServicePort[] 2:selector:string{} 3:clusterIP:string 18:clusterIPs:string[] 4:type:string 5:externalIPs:string[] 7:sessionAffinity:string 8:loadBalancerIP:string 9:loadBalancerSourceRanges:string[] 10:externalName:string 11:externalTrafficPolicy:string 12:healthCheckNodePort:int 13:publishNotReadyAddresses:bool 19:ipFamilies:string[] 17:ipFamilyPolicy:string 20:allocateLoadBalancerNodePorts:bool 21:loadBalancerClass:string 22:internalTrafficPolicy:string 23:trafficDistribution:string",
  ServicePort:
    "1:name:string 2:protocol:string 6:appProtocol:string 3:port:int 4:targetPort:IntOrString 5:nodePort:int",
  Pod: "1:metadata:ObjectMeta 2:spec:PodSpec",
  PodTemplateSpec: "1:metadata:ObjectMeta 2:spec:PodSpec",
  PodSpec:
    "1:volumes:Volume[] 20:initContainers:Container[] 2:containers:Container[] 3:restartPolicy:string 4:terminationGracePeriodSeconds:int 5:activeDeadlineSeconds:int 6:dnsPolicy:string 7:nodeSelector:string{} 8:serviceAccountName:string 9:serviceAccount:string 21:automountServiceAccountToken:bool 10:nodeName:string 11:hostNetwork:bool 12:hostPID:bool 13:hostIPC:bool 27:shareProcessNamespace:bool 15:imagePullSecrets:LocalObjectReference[] 16:hostname:string 17:subdomain:string 19:schedulerName:string 22:tolerations:Toleration[] 24:priorityClassName:string 25:priority:int 29:runtimeClassName:string 30:enableServiceLinks:bool 31:preemptionPolicy:string 32:overhead:Quantity{} 35:setHostnameAsFQDN:bool 37:hostUsers:bool 40:resources:ResourceRequirements 41:hostnameOverride:string",
  Container:
    "1:name:string 2:image:string 3:command:string[] 4:args:string[] 5:workingDir:string 6:ports:ContainerPort[] 19:envFrom:EnvFromSource[] 7:env:EnvVar[] 8:resources:ResourceRequirements 24:restartPolicy:string 9:volumeMounts:VolumeMount[] 10:livenessProbe:Probe 11:readinessProbe:Probe 22:startupProbe:Probe 12:lifecycle:Lifecycle 13:terminationMessagePath:string 20:terminationMessagePolicy:string 14:imagePullPolicy:string 16:stdin:bool 17:stdinOnce:bool 18:tty:bool",
  EnvVar: "1:name:string 2:value:string 3:valueFrom:EnvVarSource",
  EnvVarSource:
    "1:fieldRef:ObjectFieldSelector 3:configMapKeyRef:ConfigMapKeySelector 4:secretKeyRef:SecretKeySelector",
  ObjectFieldSelector: "1:apiVersion:string 2:fieldPath:string",
  ConfigMapKeySelector: "1:localObjectReference:LocalObjectReference! 2:key:string 3:optional:bool",
  SecretKeySelector: "1:localObjectReference:LocalObjectReference! 2:key:string 3:optional:bool",
  EnvFromSource: "1:prefix:string 2:configMapRef:ConfigMapEnvSource 3:secretRef:SecretEnvSource",
  ConfigMapEnvSource: "1:localObjectReference:LocalObjectReference! 2:optional:bool",
  SecretEnvSource: "1:localObjectReference:LocalObjectReference! 2:optional:bool",
  ContainerPort: "1:name:string 2:hostPort:int 3:containerPort:int 4:protocol:string 5:hostIP:string",
  ResourceRequirements: "1:limits:Quantity{} 2:requests:Quantity{}",
  VolumeMount:
    "1:name:string 2:readOnly:bool 7:recursiveReadOnly:string 3:mountPath:string 4:subPath:string 5:mountPropagation:string 6:subPathExpr:string",
  Volume: "1:name:string 2:volumeSource:VolumeSource!",
  VolumeSource:
    "1:hostPath:HostPathVolumeSource 2:emptyDir:EmptyDirVolumeSource 6:secret:SecretVolumeSource 19:configMap:ConfigMapVolumeSource",
  EmptyDirVolumeSource: "1:medium:string 2:sizeLimit:Quantity",
  ConfigMapVolumeSource:
    "1:localObjectReference:LocalObjectReference! 2:items:KeyToPath[] 3:defaultMode:int 4:optional:bool",
  SecretVolumeSource: "1:secretName:string 2:items:KeyToPath[] 3:defaultMode:int 4:optional:bool",
  HostPathVolumeSource: "1:path:string 2:type:string",
  KeyToPath: "1:key:string 2:path:string 3:mode:int",
  Toleration: "1:key:string 2:operator:string 3:value:string 4:effect:string 5:tolerationSeconds:int",
  Probe:
    "1:handler:ProbeHandler! 2:initialDelaySeconds:int 3:timeoutSeconds:int 4:periodSeconds:int 5:successThreshold:int 6:failureThreshold:int 7:terminationGracePeriodSeconds:int",
  ProbeHandler: "1:exec:ExecAction 2:httpGet:HTTPGetAction 3:tcpSocket:TCPSocketAction",
  ExecAction: "1:command:string[]",
  HTTPGetAction: "1:path:string 2:port:IntOrString 3:host:string 4:scheme:string",
  TCPSocketAction: "1:port:IntOrString 2:host:string",
  Lifecycle: "1:postStart:LifecycleHandler 2:preStop:LifecycleHandler 3:stopSignal:string",
  LifecycleHandler: "1:exec:ExecAction 2:httpGet:HTTPGetAction 3:tcpSocket:TCPSocketAction",
  Deployment: "1:metadata:ObjectMeta 2:spec:DeploymentSpec",
  DeploymentSpec:
    "1:replicas:int 2:selector:LabelSelector 3:template:PodTemplateSpec 4:strategy:DeploymentStrategy 5:minReadySeconds:int 6:revisionHistoryLimit:int 7:paused:bool 9:progressDeadlineSeconds:int",
  DeploymentStrategy: "1:type:string 2:rollingUpdate:RollingUpdateDeployment",
  RollingUpdateDeployment: "1:maxUnavailable:IntOrString 2:maxSurge:IntOrString",
  StatefulSet: "1:metadata:ObjectMeta 2:spec:StatefulSetSpec",
  StatefulSetSpec:
    "1:replicas:int 2:selector:LabelSelector 3:template:PodTemplateSpec 5:serviceName:string 6:podManagementPolicy:string 7:updateStrategy:StatefulSetUpdateStrategy 8:revisionHistoryLimit:int 9:minReadySeconds:int",
  StatefulSetUpdateStrategy: "1:type:string 2:rollingUpdate:RollingUpdateStatefulSetStrategy",
  RollingUpdateStatefulSetStrategy: "1:partition:int 2:maxUnavailable:IntOrString",
  ReplicaSet: "1:metadata:ObjectMeta 2:spec:ReplicaSetSpec",
  ReplicaSetSpec: "1:replicas:int 4:minReadySeconds:int 2:selector:LabelSelector 3:template:PodTemplateSpec",
  Job: "1:metadata:ObjectMeta 2:spec:JobSpec",
  JobSpec:
    "1:parallelism:int 2:completions:int 3:activeDeadlineSeconds:int 7:backoffLimit:int 12:backoffLimitPerIndex:int 13:maxFailedIndexes:int 4:selector:LabelSelector 5:manualSelector:bool 6:template:PodTemplateSpec 8:ttlSecondsAfterFinished:int 9:completionMode:string 10:suspend:bool 14:podReplacementPolicy:string 15:managedBy:string",
  Eviction: "1:metadata:ObjectMeta 2:deleteOptions:DeleteOptions",
  SelfSubjectAccessReview: "1:metadata:ObjectMeta 2:spec:SelfSubjectAccessReviewSpec",
  SelfSubjectAccessReviewSpec: "1:resourceAttributes:ResourceAttributes 2:nonResourceAttributes:NonResourceAttributes",
  ResourceAttributes:
    "1:namespace:string 2:verb:string 3:group:string 4:version:string 5:resource:string 6:subresource:string 7:name:string",
  NonResourceAttributes: "1:path:string 2:verb:string",
};
