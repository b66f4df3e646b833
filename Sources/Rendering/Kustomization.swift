/// The kustomization.yaml beside the policy, for `kubectl apply -k`.
public enum Kustomization {
  public static let text = YAMLValue.mapping([
    .init("apiVersion", .text("kustomize.config.k8s.io/v1beta1")),
    .init("kind", .text("Kustomization")),
    .init("resources", .texts([CiliumPolicy.fileName])),
  ]).document(comments: [
    "Made by \"liteboxd-agent render kustomization\"; kubectl apply -k takes its directory."
  ])
}
